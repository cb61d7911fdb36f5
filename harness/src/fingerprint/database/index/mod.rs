//! Lists of rows, kept beside a certificate so that a divergence can name rows and columns
//! when the source is gone. Bounded: whole tables are listed, small ones first, until a
//! budget of rows is spent. Hashes and keys only, and a few rows of each table in full.

mod file;

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use listing::Lister;
use postgres::Client;

pub use self::file::{Header, Reader, header_path};
pub use listing::HashKey;

use self::file::Writer;
use super::pool::{Pool, Progress, without_reading};
use super::relations::{self, Relation};
use super::snapshot::Snapshot;
use super::stream;
use crate::error::{Attempt, Result};
use crate::model::event::Events;
use crate::model::fingerprint::{DatabaseFingerprint, RowsDigest};

/// What is kept of the rows, and where.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The folder, which only its owner may read.
    pub folder: PathBuf,
    /// The most rows that are listed, over all tables.
    pub rows: u64,
    /// Rows of each table that are kept in full.
    pub samples: usize,
    /// Sessions that read at the same time.
    pub jobs: usize,
    /// What values are hashed under. Two lists compare only under the same one.
    pub key: HashKey,
}

impl Keep {
    /// A million rows, 32 of each table in full, hashed without a key.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let jobs = std::thread::available_parallelism().map_or(2, usize::from);
        Self { folder, rows: 1_000_000, samples: 32, jobs, key: HashKey::NONE }
    }
}

/// Lists the rows of a database whose fingerprint was taken under the same snapshot, and
/// notes in the fingerprint where each list is. With `tables`, only of these.
///
/// # Errors
/// Undecided when a connection is lost or the folder cannot be written.
pub fn keep_rows(
    snapshot: &Snapshot,
    fingerprint: &mut DatabaseFingerprint,
    keep: &Keep,
    tables: Option<&[String]>,
    events: &Events,
) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&keep.folder)
        .attempt(|| format!("cannot create {}", keep.folder.display()))?;
    let chosen = within_budget(fingerprint, keep.rows, tables);
    let (mut listed, _) = relations::list(snapshot)?;
    listed.retain(|relation| {
        chosen.contains_key(&relation.name) && without_reading(relation).is_none()
    });
    let progress = Progress::of(&listed, events);
    let pool = Pool { snapshot, jobs: keep.jobs.max(1) };
    let kept = pool.each(pool.worker()?, &listed, |client, relation| {
        let file = chosen[&relation.name].clone();
        let kept = list(&pool, client, relation, &file, keep)?;
        progress.advance(relation.size);
        Ok(kept.then(|| (relation.name.clone(), file)))
    })?;
    for (name, file) in kept.into_iter().flatten() {
        if let Some(table) = fingerprint.tables.get_mut(&name) {
            table.listed_in = Some(file);
        }
    }
    Ok(())
}

/// The tables whose rows are listed, with the names of their files: the smallest first, as
/// long as the budget lasts.
fn within_budget(
    fingerprint: &DatabaseFingerprint,
    budget: u64,
    tables: Option<&[String]>,
) -> BTreeMap<String, String> {
    let mut counted: Vec<(u64, &String, String)> = Vec::new();
    for (index, (name, table)) in fingerprint.tables.iter().enumerate() {
        if let RowsDigest::Read { count, .. } = table.rows
            && tables.is_none_or(|tables| tables.contains(name))
        {
            counted.push((count, name, format!("{index:05}.rows")));
        }
    }
    counted.sort();
    let mut left = budget;
    let affordable = counted.into_iter().take_while(|(count, ..)| {
        let enough = *count <= left;
        left = left.saturating_sub(*count);
        enough
    });
    affordable.map(|(_, name, file)| (name.clone(), file)).collect()
}

/// Lists one table. `false` when the server refused: its digest says so already.
fn list(
    pool: &Pool<'_>,
    client: &mut Client,
    relation: &Relation,
    file: &str,
    keep: &Keep,
) -> Result<bool> {
    let columns: Vec<String> = relation.columns.iter().map(|column| column.name.clone()).collect();
    let key: Vec<usize> = relation
        .key
        .iter()
        .filter_map(|name| columns.iter().position(|column| column == name))
        .collect();
    let keyed = !key.is_empty();
    let lister = Lister::new(columns.len(), key, keep.key, keep.samples);
    let header = Header::new(relation.name.clone(), columns, keyed, keep.key);
    let mut writer = Writer::create(keep.folder.join(file), header, lister)?;
    let read = pool.attempt(client, relation, |client| {
        stream::rows(client, relation, None, |line| writer.push(line))
    })?;
    if read.is_err() {
        return Ok(false);
    }
    writer.finish()?;
    Ok(true)
}
