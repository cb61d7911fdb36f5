//! Writes through the application, as its users do: signed in, one request after the other.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::book::{Book, run_prefix};
use super::{RETRY, Turn};
use crate::config::{LEDGER_JOURNEY, LEDGER_KEY};
use crate::probe::Prober;

/// Writes until it is dropped. After a write that was not acknowledged it signs in anew: when
/// the service is gone, there is one such write and not one for each attempt to reach it.
pub(super) async fn write(prober: &Prober, book: &Book, interval: Duration, turn: &Turn) {
    let run = run_prefix();
    let mut pace = tokio::time::interval(interval);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Signing in writes too: a session, and when it was.
        let begun = {
            let _mine = turn.lock().await;
            prober.begin(LEDGER_JOURNEY).await
        };
        match begun {
            Err(why) => book.trouble(why),
            Ok(mut journey) => loop {
                pace.tick().await;
                let _mine = turn.lock().await;
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
