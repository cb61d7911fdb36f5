//! Writes into a table of the tool's own, for stacks whose application is not asked to write.
//! The table exists in the sandbox's copy of the database alone.

use std::time::Duration;

use postgres::{Client, Config, NoTls};
use tokio_util::sync::CancellationToken;

use super::book::{Book, run_prefix};
use super::{RETRY, Turn};
use crate::error::{Attempt, Result};

/// Gives the keys that are there.
pub(super) const LOOKUP: &str = "select key from public.dr_drill_heartbeat";

const CREATE: &str = "\
    create table if not exists public.dr_drill_heartbeat ( \
        key text primary key, \
        written_at timestamptz not null default clock_timestamp())";

const WRITE: &str = "insert into public.dr_drill_heartbeat (key) values ($1)";

/// A database that was cut off without a word is noticed after this time.
const SILENCE: Duration = Duration::from_secs(3);

/// Makes the table.
pub(super) fn create(client: &mut Client) -> Result<()> {
    client.batch_execute(CREATE).attempt(|| "cannot create the heartbeat table")
}

/// Writes until it is stopped. Blocks.
pub(super) fn write(
    config: &Config,
    book: &Book,
    interval: Duration,
    stop: &CancellationToken,
    turn: &Turn,
) {
    let run = run_prefix();
    let mut config = config.clone();
    config.connect_timeout(SILENCE).tcp_user_timeout(SILENCE);
    while !stop.is_cancelled() {
        if let Err(why) = beat(&config, book, &run, interval, stop, turn) {
            book.trouble(why.to_string());
        }
        std::thread::sleep(RETRY);
    }
}

fn beat(
    config: &Config,
    book: &Book,
    run: &str,
    interval: Duration,
    stop: &CancellationToken,
    turn: &Turn,
) -> Result<(), postgres::Error> {
    let mut client = config.connect(NoTls)?;
    while !stop.is_cancelled() {
        {
            let _mine = turn.blocking_lock();
            let key = book.attempt(run);
            client.execute(WRITE, &[&key])?;
            book.acknowledge();
        }
        std::thread::sleep(interval);
    }
    Ok(())
}
