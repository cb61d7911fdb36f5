//! The content of a PostgreSQL database, 13 to 18, at one shared snapshot: a digest of the
//! rows of every relation that has any, and the facts of its catalogue.
//!
//! Reads only. Anything that keeps one table from being read makes that table undecided;
//! anything that ends the session makes the whole fingerprint an error.

mod column_hash;
mod cryptographic;
mod definition;
mod exact;
mod index;
mod large_objects;
mod pool;
mod quote;
mod relations;
mod row_hash;
pub(in crate::fingerprint) mod session;
mod snapshot;
mod stream;
pub(in crate::fingerprint) mod text;
mod types;

use std::collections::BTreeMap;

pub use self::definition::{Effort, hold_to_definitions};
pub use self::index::{HashKey, Header, Keep, Reader, header_path, keep_rows};
pub use self::large_objects::ObjectContent;
pub use self::snapshot::Snapshot;

use self::pool::{Pool, Progress};
use self::relations::Relation;
use super::catalogue;
use crate::error::Result;
use crate::model::event::Events;
use crate::model::fingerprint::{
    Column, DatabaseFingerprint, HashPartitioned, LargeObjects, RowHash, RowsDigest, Strength,
    TableFingerprint,
};

/// How a fingerprint is taken.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions that read at the same time, and processes that read one large table.
    pub jobs: usize,
    /// How strong the digests of the rows are.
    pub strength: Strength,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().map_or(2, usize::from),
            strength: Strength::Exact,
        }
    }
}

/// Takes the fingerprint of the database that `snapshot` was opened on. Blocks.
///
/// # Errors
/// Undecided when the server cannot be reached or a connection is lost on the way.
pub fn take(
    snapshot: &Snapshot,
    options: &Options,
    events: &Events,
) -> Result<DatabaseFingerprint> {
    let (relations, types) = relations::list(snapshot)?;
    let pool = Pool { snapshot, jobs: options.jobs.max(1) };
    let progress = Progress::of(&relations, events);
    // The catalogue is small and waits on round trips; it is read beside the rows, and the
    // large objects after it.
    let (facts, rows) = std::thread::scope(|scope| {
        let facts = scope.spawn(|| beside_rows(snapshot, options.strength));
        let rows = match options.strength {
            Strength::Cryptographic => cryptographic::read(&pool, &relations, &types, &progress),
            Strength::Exact => exact::read(&pool, &relations, &types, &progress),
        };
        (facts.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), rows)
    });
    let mut rows: BTreeMap<String, RowsDigest> = rows?.into_iter().collect();
    let (facts, large_objects) = facts?;
    let hash_partitioned = wholes(&relations, &mut rows);
    Ok(DatabaseFingerprint {
        server_version: snapshot.server_version(),
        name: snapshot.database().to_owned(),
        recovery_point: snapshot.recovery_point().clone(),
        row_hash: match options.strength {
            Strength::Exact => RowHash::Chain64,
            Strength::Cryptographic => RowHash::Blake3Lattice,
        },
        tables: relations
            .into_iter()
            .map(|relation| {
                let digest = rows.remove(&relation.name);
                (relation.name.clone(), table(relation, digest))
            })
            .collect(),
        hash_partitioned,
        definitions: BTreeMap::new(),
        large_objects,
        facts,
    })
}

/// The tables that are cut by hash, each as the sum of its pieces.
fn wholes(
    relations: &[Relation],
    rows: &mut BTreeMap<String, RowsDigest>,
) -> BTreeMap<String, HashPartitioned> {
    let mut wholes: BTreeMap<String, HashPartitioned> = BTreeMap::new();
    for relation in relations {
        if let Some(root) = &relation.piece_of {
            let unread = RowsDigest::Undecided { reason: "no worker reported it".to_owned() };
            let whole = HashPartitioned { pieces: Vec::new(), rows: unread };
            wholes.entry(root.clone()).or_insert(whole).pieces.push(relation.name.clone());
        }
    }
    for (name, whole) in &mut wholes {
        let read = rows.remove(name);
        let pieces = || whole.pieces.iter().filter_map(|piece| Some((piece, rows.get(piece)?)));
        let refused = pieces().find_map(|(piece, digest)| match digest {
            RowsDigest::Undecided { reason } => Some(format!("{piece}: {reason}")),
            RowsDigest::Read { .. } | RowsDigest::Unpopulated => None,
        });
        let sum = || read.or_else(|| exact::whole(pieces().map(|(_, digest)| digest)));
        match (refused, sum) {
            (Some(reason), _) => whole.rows = RowsDigest::Undecided { reason },
            (None, sum) => {
                if let Some(sum) = sum() {
                    whole.rows = sum;
                }
            }
        }
    }
    wholes
}

fn beside_rows(
    snapshot: &Snapshot,
    strength: Strength,
) -> Result<(BTreeMap<String, String>, LargeObjects)> {
    let mut client = snapshot.connect()?;
    session::begin(&mut client, Some(snapshot.id()))?;
    let facts = catalogue::facts(&mut client, snapshot.server_version())?;
    Ok((facts, large_objects::read(&mut client, strength)?))
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
