//! The workers: one blocking session each, all in the same snapshot. Large tables are read
//! one after another by parallel plans, small ones side by side.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use postgres::{Client, Config};

use super::Options;
use super::exact;
use super::relations::{Relation, State};
use super::session::{self, is_lost};
use super::snapshot::Snapshot;
use super::types::Types;
use crate::error::{Attempt, Result};
use crate::model::event::Events;
use crate::model::fingerprint::RowsDigest;

/// From this size on, a table is worth a parallel plan of its own.
const LARGE_BYTES: u64 = 32 << 20;

/// What every worker needs.
pub(super) struct Pool<'a> {
    pub config: &'a Config,
    pub snapshot: &'a Snapshot,
    pub types: &'a Types,
    pub options: &'a Options,
    pub events: &'a Events,
}

impl Pool<'_> {
    /// Reads the rows of all relations. An unreadable relation is a value; a lost
    /// connection is an error.
    pub(super) fn read(&self, relations: &[Relation]) -> Result<BTreeMap<String, RowsDigest>> {
        let mut queue: Vec<&Relation> = relations.iter().collect();
        // Largest first: the last one to finish should be a small one.
        queue.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
        let progress = Progress::of(&queue, self.events);

        let mut first = self.worker()?;
        let parallel = self.helpers_per_plan(&mut first)?;
        let large = if parallel > 0 {
            queue.partition_point(|relation| relation.size >= LARGE_BYTES)
        } else {
            0
        };
        let (large, small) = queue.split_at(large);

        let mut read = BTreeMap::new();
        plan_in_parallel(&mut first, parallel)?;
        for relation in large {
            read.insert(relation.name.clone(), self.digest(&mut first, relation)?);
            progress.advance(relation);
        }
        plan_in_parallel(&mut first, 0)?;
        read.extend(self.side_by_side(first, small, &progress)?);
        Ok(read)
    }

    fn side_by_side(
        &self,
        first: Client,
        relations: &[&Relation],
        progress: &Progress<'_>,
    ) -> Result<BTreeMap<String, RowsDigest>> {
        let next = AtomicUsize::new(0);
        let read = Mutex::new(BTreeMap::new());
        let work = |mut client: Client| -> Result<()> {
            while let Some(relation) = relations.get(next.fetch_add(1, Ordering::Relaxed)) {
                let digest = self.digest(&mut client, relation)?;
                read.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(relation.name.clone(), digest);
                progress.advance(relation);
            }
            Ok(())
        };
        let further = self.options.jobs.min(relations.len()).saturating_sub(1);
        std::thread::scope(|scope| -> Result<()> {
            let workers: Vec<_> = (0..further)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = self.worker()?;
                        plan_in_parallel(&mut client, 0)?;
                        work(client)
                    })
                })
                .collect();
            let mut outcome = work(first);
            for worker in workers {
                let ended = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                outcome = outcome.and(ended);
            }
            outcome
        })?;
        Ok(read.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn digest(&self, client: &mut Client, relation: &Relation) -> Result<RowsDigest> {
        match &relation.state {
            State::Readable => {}
            State::Unpopulated => return Ok(RowsDigest::Unpopulated),
            State::Unreadable(reason) => {
                return Ok(RowsDigest::Undecided { reason: reason.clone() });
            }
        }
        let row_hash = match exact::row_hash(relation, self.types, self.snapshot.server_version()) {
            Ok(row_hash) => row_hash,
            Err(reason) => return Ok(RowsDigest::Undecided { reason }),
        };
        match exact::digest(client, relation, &row_hash) {
            Ok(digest) => Ok(digest),
            Err(cause) if is_lost(client, &cause) => {
                Err(cause).attempt(|| format!("connection lost while reading {}", relation.name))
            }
            Err(cause) => {
                client.batch_execute("ROLLBACK").attempt(|| "cannot leave a failed transaction")?;
                session::begin(client, Some(self.snapshot.id()))?;
                Ok(RowsDigest::Undecided { reason: session::reason(&cause) })
            }
        }
    }

    /// A session in the shared snapshot.
    fn worker(&self) -> Result<Client> {
        let mut client = session::connect(self.config)?;
        session::begin(&mut client, Some(self.snapshot.id()))?;
        Ok(client)
    }

    /// How many helpers the server can give to one plan; the session itself works too.
    fn helpers_per_plan(&self, client: &mut Client) -> Result<usize> {
        let row = client
            .query_one(
                "SELECT least(pg_catalog.current_setting('max_parallel_workers')::int4, \
                              pg_catalog.current_setting('max_worker_processes')::int4)",
                &[],
            )
            .attempt(|| "cannot read the server's limits on parallel plans")?;
        let limit = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
        Ok(limit.min(self.options.jobs.saturating_sub(1)))
    }
}

/// Lets plans use so many helpers, whatever the size of the table and their cost.
fn plan_in_parallel(client: &mut Client, helpers: usize) -> Result<()> {
    client
        .batch_execute(&format!(
            "SET max_parallel_workers_per_gather = {helpers}; \
             SET min_parallel_table_scan_size = 0; \
             SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0"
        ))
        .attempt(|| "cannot set the size of parallel plans")
}

/// Bytes read so far, for people who wait.
struct Progress<'a> {
    events: &'a Events,
    done: AtomicU64,
    total: u64,
}

impl<'a> Progress<'a> {
    fn of(relations: &[&Relation], events: &'a Events) -> Self {
        Self {
            events,
            done: AtomicU64::new(0),
            total: relations.iter().map(|relation| relation.size).sum(),
        }
    }

    fn advance(&self, relation: &Relation) {
        let done = self.done.fetch_add(relation.size, Ordering::Relaxed) + relation.size;
        self.events.progress("bytes of tables", done, Some(self.total));
    }
}
