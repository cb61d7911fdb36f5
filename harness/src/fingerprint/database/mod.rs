//! The content of a PostgreSQL database, 13 to 18, at one shared snapshot: a digest of the
//! rows of every relation that has any, and the facts of its catalogue.
//!
//! Reads only. Anything that keeps one table from being read makes that table undecided;
//! anything that ends the session makes the whole fingerprint an error.

mod cryptographic;
mod exact;
mod index;
mod lattice;
mod pool;
mod quote;
mod relations;
pub(in crate::fingerprint) mod session;
mod snapshot;
mod stand_in;
mod stream;
mod types;

use std::collections::BTreeMap;

use postgres::Config;

pub use self::index::{Header, Keep, Reader, keep_rows};
pub use self::snapshot::Snapshot;

use self::pool::{Pool, Progress};
use self::relations::Relation;
use super::catalogue;
use crate::error::Result;
use crate::model::event::Events;
use crate::model::fingerprint::{
    Column, DatabaseFingerprint, RowHash, RowsDigest, Strength, TableFingerprint,
};

/// How a fingerprint is taken.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions that read at the same time, and processes that read one large table.
    pub jobs: usize,
    /// How strong the digests of the rows are.
    pub strength: Strength,
    /// The hash of the certificate that this one will be held against, if the server should
    /// use it where it can.
    pub comparable_with: Option<RowHash>,
}

impl Options {
    fn row_hash(&self, server_version: i32) -> RowHash {
        match self.strength {
            Strength::Exact => exact::row_hash(server_version, self.comparable_with),
            Strength::Cryptographic => RowHash::Blake3Lattice,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().map_or(2, usize::from),
            strength: Strength::Exact,
            comparable_with: None,
        }
    }
}

/// Takes the fingerprint of the database that `snapshot` was opened on. Blocks.
///
/// # Errors
/// Undecided when the server cannot be reached or a connection is lost on the way.
pub fn take(
    config: &Config,
    snapshot: &Snapshot,
    options: &Options,
    events: &Events,
) -> Result<DatabaseFingerprint> {
    let (relations, types) = relations::list(snapshot)?;
    let row_hash = options.row_hash(snapshot.server_version());
    let pool = Pool { config, snapshot, jobs: options.jobs.max(1) };
    let progress = Progress::of(&relations, events);
    // The catalogue is small and waits on round trips; it is read beside the rows.
    let (facts, rows) = std::thread::scope(|scope| {
        let facts = scope.spawn(|| facts(config, snapshot));
        let rows = match row_hash {
            RowHash::Blake3Lattice => cryptographic::read(&pool, &relations, &types, &progress),
            exact => exact::read(&pool, &relations, &types, exact, &progress),
        };
        (facts.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), rows)
    });
    let mut rows: BTreeMap<String, RowsDigest> = rows?.into_iter().collect();
    Ok(DatabaseFingerprint {
        server_version: snapshot.server_version(),
        name: snapshot.database().to_owned(),
        recovery_point: snapshot.recovery_point().clone(),
        row_hash,
        tables: relations
            .into_iter()
            .map(|relation| {
                let digest = rows.remove(&relation.name);
                (relation.name.clone(), table(relation, digest))
            })
            .collect(),
        facts: facts?,
    })
}

fn facts(config: &Config, snapshot: &Snapshot) -> Result<BTreeMap<String, String>> {
    let mut client = session::connect(config)?;
    session::begin(&mut client, Some(snapshot.id()))?;
    catalogue::facts(&mut client, snapshot.server_version())
}

fn table(relation: Relation, rows: Option<RowsDigest>) -> TableFingerprint {
    TableFingerprint {
        columns: relation
            .columns
            .into_iter()
            .map(|column| Column { name: column.name, declared: column.declared })
            .collect(),
        key: relation.key,
        listed_in: None,
        rows: rows.unwrap_or_else(|| RowsDigest::Undecided {
            reason: "no worker reported it".to_owned(),
        }),
    }
}
