//! The cryptographic digest: every row leaves the server as text, is expanded by BLAKE3 and
//! summed. It does not depend on the server's version, machine or hash functions, so it can
//! be compared years later; it costs the transport of every byte.

use std::collections::BTreeMap;

use super::column_hash;
use super::pool::{Pool, Progress, without_reading};
use super::relations::Relation;
use super::stream::{self, Pages};
use super::types::Types;
use crate::error::Result;
use crate::fingerprint::lattice::Lattice;
use crate::model::fingerprint::RowsDigest;

/// Pages that one worker reads at a time, 64 MiB of them.
const PAGES_PER_TASK: u64 = 8192;

/// Scans of a range of pages came with this version; before, each would read the whole table.
const RANGES_SINCE: i32 = 140_000;

/// One table, or a range of its pages.
struct Task<'a> {
    relation: &'a Relation,
    pages: Option<Pages>,
}

/// Digests all relations, side by side, large ones in pieces; and each table that is cut by hash,
/// as the sum of what could be read of it.
pub(super) fn read(
    pool: &Pool<'_>,
    relations: &[Relation],
    types: &Types,
    progress: &Progress<'_>,
) -> Result<Vec<(String, RowsDigest)>> {
    let mut read: BTreeMap<String, RowsDigest> = BTreeMap::new();
    let mut tasks = Vec::new();
    for relation in relations {
        match without_reading(relation).or_else(|| unshown(relation, types)) {
            Some(known) => drop(read.insert(relation.name.clone(), known)),
            None => tasks.extend(split(relation, pool.snapshot.server_version())),
        }
    }
    tasks.sort_by_key(|task| std::cmp::Reverse(task.size()));

    let pieces = pool.each(pool.worker()?, &tasks, |client, task| {
        let mut sum = Lattice::default();
        let count = pool.attempt(client, task.relation, |client| {
            stream::rows(client, task.relation, task.pages.as_ref(), |line| {
                sum.insert(line);
                Ok(())
            })
        })?;
        progress.advance(task.size());
        Ok((task.relation, count.map(|count| (count, sum))))
    })?;
    let of_wholes = pieces
        .iter()
        .filter_map(|(relation, piece)| Some((relation.piece_of.clone()?, piece.clone())));
    read.extend(merge(of_wholes));
    read.extend(merge(pieces.into_iter().map(|(relation, piece)| (relation.name.clone(), piece))));
    Ok(read.into_iter().collect())
}

/// Text shows all of a value only where the type sends its values: the same rule as for the
/// exact digest, so that both decide the same tables.
fn unshown(relation: &Relation, types: &Types) -> Option<RowsDigest> {
    relation.columns.iter().find_map(|column| {
        let reason = column_hash::refused(column.type_oid, types)?;
        Some(RowsDigest::Undecided { reason: format!("column {}: {reason}", column.name) })
    })
}

fn split(relation: &Relation, server_version: i32) -> Vec<Task<'_>> {
    if server_version < RANGES_SINCE || relation.pages <= PAGES_PER_TASK {
        return vec![Task { relation, pages: None }];
    }
    let tasks = relation.pages.div_ceil(PAGES_PER_TASK);
    (0..tasks)
        .map(|index| {
            let first = index * PAGES_PER_TASK;
            // The last piece has no end: pages added meanwhile hold no row of the snapshot,
            // and an estimate of the size must not cut any that do.
            let end = if index + 1 == tasks { u64::from(u32::MAX) } else { first + PAGES_PER_TASK };
            Task { relation, pages: Some(first..end) }
        })
        .collect()
}

type Piece = (String, std::result::Result<(u64, Lattice), String>);

/// Adds the pieces of each table. One refused piece makes its table undecided.
fn merge(pieces: impl Iterator<Item = Piece>) -> BTreeMap<String, RowsDigest> {
    let mut tables: BTreeMap<String, std::result::Result<(u64, Lattice), String>> = BTreeMap::new();
    for (name, piece) in pieces {
        let table = tables.entry(name).or_insert_with(|| Ok((0, Lattice::default())));
        match (&mut *table, piece) {
            (Ok((rows, sum)), Ok((count, part))) => {
                *rows += count;
                sum.merge(&part);
            }
            (Ok(_), Err(reason)) => *table = Err(reason),
            (Err(_), _) => {}
        }
    }
    tables
        .into_iter()
        .map(|(name, table)| {
            let digest = match table {
                Ok((count, sum)) => RowsDigest::Read { count, digest: sum.digest() },
                Err(reason) => RowsDigest::Undecided { reason },
            };
            (name, digest)
        })
        .collect()
}

impl Task<'_> {
    /// Share of the table's bytes that this task reads.
    fn size(&self) -> u64 {
        match &self.pages {
            None => self.relation.size,
            Some(pages) => {
                let read = pages.end.min(self.relation.pages).saturating_sub(pages.start);
                self.relation.size / self.relation.pages.max(1) * read
            }
        }
    }
}
