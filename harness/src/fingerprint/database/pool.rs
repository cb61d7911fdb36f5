//! The workers: one blocking session each, all in the same snapshot. What a server refuses
//! for one relation is a value; a lost connection ends the work.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use postgres::Client;

use super::relations::{Relation, State};
use super::session::{self, is_lost};
use super::snapshot::Snapshot;
use super::stream::Failure;
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::model::fingerprint::RowsDigest;

/// Whose snapshot the sessions share, and how many of them there are.
pub(super) struct Pool<'a> {
    pub snapshot: &'a Snapshot,
    pub jobs: usize,
}

impl Pool<'_> {
    /// A session in the shared snapshot. Its plans run in one process.
    pub(super) fn worker(&self) -> Result<Client> {
        let mut client = self.snapshot.connect()?;
        session::begin(&mut client, Some(self.snapshot.id()))?;
        plan(&mut client, Plan::default())?;
        Ok(client)
    }

    /// Does all tasks, side by side, in their order as far as the number of workers allows.
    pub(super) fn each<T: Sync, R: Send>(
        &self,
        first: Client,
        tasks: &[T],
        work: impl Fn(&mut Client, &T) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(tasks.len()));
        let run = |mut client: Client| -> Result<()> {
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = work(&mut client, task);
                if outcome.is_err() {
                    // One lost connection decides: the others need not go on.
                    next.store(tasks.len(), Ordering::Relaxed);
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).push(outcome?);
            }
            Ok(())
        };
        std::thread::scope(|scope| -> Result<()> {
            let further = self.jobs.min(tasks.len()).saturating_sub(1);
            let workers: Vec<_> =
                (0..further).map(|_| scope.spawn(|| run(self.worker()?))).collect();
            workers.into_iter().fold(run(first), |outcome, worker| {
                let ended = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                outcome.and(ended)
            })
        })?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads from one relation, under the database's own path where the planner has to find what
    /// an expression names. `Ok(Err(reason))` is what the server refused.
    pub(super) fn attempt<R>(
        &self,
        client: &mut Client,
        relation: &Relation,
        read: impl FnOnce(&mut Client) -> Result<R, Failure>,
    ) -> Result<Result<R, String>> {
        let outcome = if relation.has_expressions {
            session::under_own_path(client, read)
        } else {
            read(client)
        };
        let refusal = match outcome {
            Ok(read) => return Ok(Ok(read)),
            Err(Failure::Stream(error)) => return Err(error),
            Err(Failure::Server(refusal)) => refusal,
        };
        if is_lost(client, &refusal) {
            return Err(lost(relation, refusal));
        }
        client.batch_execute("ROLLBACK").attempt(|| "cannot leave a failed transaction")?;
        session::begin(client, Some(self.snapshot.id()))?;
        Ok(Err(session::reason(&refusal)))
    }
}

fn lost(relation: &Relation, cause: postgres::Error) -> Error {
    Error::undecided(format!("connection lost while reading {}", relation.name))
        .because(cause)
        .hint("the server went away or ended the session: look at its log")
}

/// What is known of a relation whose rows need not, or cannot, be read.
pub(super) fn without_reading(relation: &Relation) -> Option<RowsDigest> {
    match &relation.state {
        State::Readable => None,
        State::Unpopulated => Some(RowsDigest::Unpopulated),
        State::Unreadable(reason) => Some(RowsDigest::Undecided { reason: reason.clone() }),
    }
}

/// How the server executes what is asked of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plan {
    /// Processes besides the session's own, whatever the size of the table and their cost.
    pub helpers: usize,
    /// Whether to compile expressions to machine code, where the server can.
    pub compiled: bool,
}

/// Sets how a session's further plans are executed.
pub(super) fn plan(client: &mut Client, plan: Plan) -> Result<()> {
    let Plan { helpers, compiled } = plan;
    client
        .batch_execute(&format!(
            "SET max_parallel_workers_per_gather = {helpers}; \
             SET min_parallel_table_scan_size = 0; \
             SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
             SET jit = {compiled}; SET jit_above_cost = 0; \
             SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0"
        ))
        .attempt(|| "cannot set how plans are executed")
}

/// Bytes read so far, for people who wait.
pub(super) struct Progress<'a> {
    events: &'a Events,
    done: AtomicU64,
    total: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn of(relations: &[Relation], events: &'a Events) -> Self {
        let total = relations.iter().map(|relation| relation.size).sum();
        Self { events, done: AtomicU64::new(0), total }
    }

    pub(super) fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.events.progress("bytes of tables", done, Some(self.total));
    }
}
