//! The ledger: acknowledged writes at a steady rate until the disaster strikes, and what
//! became of each. After Jepsen's set checker: what was acknowledged must be there, what was
//! never attempted must not, and what got no answer may be either.

mod application;
mod book;
mod heartbeat;
mod settle;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use postgres::Config;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::book::Book;
pub(super) use self::book::Write;
pub(super) use self::settle::settle;
use crate::config::LedgerConfig;
use crate::error::{Attempt, Result};
use crate::model::record::LedgerRecord;
use crate::probe::Prober;
use crate::stack::database::ask;

/// So many acknowledged writes the baseline waits for, so that the backup has some to keep.
const FIRST_WRITES: usize = 10;

/// How long these may take.
const FIRST_LIMIT: Duration = Duration::from_secs(30);

/// How long a writer may take to notice that it is over.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Pause of a writer whose service does not answer.
const RETRY: Duration = Duration::from_millis(200);

/// A writer at work. It ends when it is dropped.
pub(super) struct Writer {
    book: Book,
    /// What was written before it went on.
    earlier: Vec<Write>,
    lookup: String,
    known: BTreeSet<String>,
    stop: Option<DropGuard>,
    task: JoinHandle<()>,
    turn: Turn,
    held: Option<OwnedMutexGuard<()>>,
}

/// Whoever has it may write.
type Turn = Arc<Mutex<()>>;

/// A ledger that is closed.
pub(super) struct Ledger {
    /// Every write that was attempted, in order.
    pub(super) writes: Vec<Write>,
    /// Keys that were there before the first of them.
    pub(super) known: BTreeSet<String>,
    /// SQL that gives the keys that are there.
    pub(super) lookup: String,
    /// What kept the writer from its last write, if something did.
    pub(super) trouble: Option<String>,
}

impl Writer {
    /// Starts to write: through the application where there is somebody to ask it, into a
    /// table of its own otherwise. Gives it back after the first acknowledgements, or when
    /// these did not come in time. It goes on with an `earlier` ledger, if one was closed.
    pub(super) async fn start(
        settings: &LedgerConfig,
        prober: Option<Prober>,
        connection: Config,
        earlier: Option<Ledger>,
    ) -> Result<Self> {
        let lookup = settings.lookup.clone().unwrap_or_else(|| heartbeat::LOOKUP.to_owned());
        if settings.lookup.is_none() {
            ask(connection.clone(), heartbeat::create).await?;
        }
        let (earlier, known) = earlier.map(|ledger| (ledger.writes, ledger.known)).unzip();
        let known = if let Some(known) = known {
            known
        } else {
            let lookup = lookup.clone();
            ask(connection.clone(), move |client| {
                keys(client, &lookup).attempt(|| "cannot run [ledger] lookup of drill.toml")
            })
            .await?
        };
        let (book, token) = (Book::default(), CancellationToken::new());
        let interval = Duration::from_secs(1) / settings.rate_per_s.max(1);
        let turn = Turn::default();
        let (written, stopped, mine) = (book.clone(), token.clone(), Turn::clone(&turn));
        let task = if let Some(prober) = prober {
            tokio::spawn(async move {
                let write = application::write(&prober, &written, interval, &mine);
                stopped.run_until_cancelled(write).await;
            })
        } else {
            tokio::task::spawn_blocking(move || {
                heartbeat::write(&connection, &written, interval, &stopped, &mine);
            })
        };
        book.filled(FIRST_WRITES, FIRST_LIMIT).await;
        let earlier = earlier.unwrap_or_default();
        Ok(Self {
            book,
            earlier,
            lookup,
            known,
            stop: Some(token.drop_guard()),
            task,
            turn,
            held: None,
        })
    }

    /// Has it pause once the write that is under way has its answer.
    pub(super) async fn hold(&mut self) {
        if self.held.is_none() {
            self.held = Some(Turn::clone(&self.turn).lock_owned().await);
        }
    }

    /// Has it go on.
    pub(super) fn resume(&mut self) {
        self.held = None;
    }

    /// Has it end, without waiting for that.
    pub(super) fn stop(&mut self) {
        self.stop = None;
    }

    /// Ends it and closes the ledger.
    pub(super) async fn close(self) -> Ledger {
        let Self { book, earlier: mut writes, lookup, known, stop, task, held, .. } = self;
        drop((stop, held));
        // What a writer does after this is not in the ledger, and its database is gone.
        let _ = tokio::time::timeout(END_LIMIT, task).await;
        let (later, trouble) = book.close();
        writes.extend(later);
        Ledger { writes, known, lookup, trouble }
    }
}

impl Ledger {
    /// Every write with what became of it, for the evidence.
    pub(super) fn evidence(&self, record: &LedgerRecord, found: &BTreeSet<String>) -> Value {
        let writes = self.writes.iter().map(|Write { key, sent, acknowledged }| {
            let found = found.contains(key);
            json!({ "key": key, "sent": sent, "acknowledged": acknowledged, "found": found })
        });
        json!({ "summary": record, "writes": writes.collect::<Vec<_>>() })
    }
}

/// The keys that a lookup finds.
pub(super) fn keys(
    client: &mut impl postgres::GenericClient,
    lookup: &str,
) -> Result<BTreeSet<String>, postgres::Error> {
    let rows = client.query(lookup, &[])?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
