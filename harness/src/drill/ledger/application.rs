//! Writes through the application, as its users do: signed in, one request after the other.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::RETRY;
use super::book::{Book, run_prefix};
use crate::config::{LEDGER_JOURNEY, LEDGER_KEY};
use crate::probe::Prober;

/// Writes until it is dropped. After a write that was not acknowledged it signs in anew: when
/// the service is gone, there is one such write and not one for each attempt to reach it.
pub(super) async fn write(prober: &Prober, book: &Book, interval: Duration) {
    let run = run_prefix();
    let mut pace = tokio::time::interval(interval);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        match prober.begin(LEDGER_JOURNEY).await {
            Err(why) => book.trouble(why),
            Ok(mut journey) => loop {
                pace.tick().await;
                let key = book.attempt(&run);
                match journey.again(LEDGER_KEY, &key).await {
                    Ok(()) => book.acknowledge(),
                    Err(why) => {
                        book.trouble(why);
                        break;
                    }
                }
            },
        }
        tokio::time::sleep(RETRY).await;
    }
}
