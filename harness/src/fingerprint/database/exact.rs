//! The exact digest: 64 bits a row, computed in the server, summed over the rows.
//!
//! The sum, 128 bits wide, and the count are the digest of the multiset of rows: blind to
//! order, not to duplicates. No part of a row's hash is linear, so that the sum sees two rows
//! trade the values of one column.

use std::cmp::Reverse;

use postgres::{Client, Row};

use super::pool::{Plan, Pool, Progress, plan, without_reading};
use super::relations::Relation;
use super::row_hash;
use super::stream::Failure;
use super::types::Types;
use crate::error::{Attempt, Error};
use crate::model::fingerprint::RowsDigest;

type Result<T, E = Error> = std::result::Result<T, E>;

/// From this size on, a table is worth a parallel plan of its own.
const LARGE_BYTES: u64 = 32 << 20;

/// From this size on, compiling the expressions costs less than it saves: 6 % of the time.
const COMPILED_BYTES: u64 = 512 << 20;

/// Digests all relations: large ones one after another by parallel plans, small ones side
/// by side.
pub(super) fn read(
    pool: &Pool<'_>,
    relations: &[Relation],
    types: &Types,
    progress: &Progress<'_>,
) -> Result<Vec<(String, RowsDigest)>> {
    let mut queue: Vec<&Relation> = relations.iter().collect();
    // Largest first: the last one to finish should be a small one.
    queue.sort_by_key(|relation| Reverse(relation.size));
    let one = |client: &mut Client, relation: &&Relation| {
        let digest = table(pool, client, relation, types)?;
        progress.advance(relation.size);
        Ok((relation.name.clone(), digest))
    };

    let mut first = pool.worker()?;
    let helpers = helpers_per_plan(&mut first, pool.jobs)?;
    let worth_it = |relation: &&Relation| helpers > 0 && relation.size >= LARGE_BYTES;
    let (large, small) = queue.split_at(queue.partition_point(worth_it));
    let mut read = Vec::with_capacity(queue.len());
    for relation in large {
        let compiled = relation.size >= COMPILED_BYTES;
        plan(&mut first, Plan { helpers, compiled })?;
        read.push(one(&mut first, relation)?);
    }
    plan(&mut first, Plan::default())?;
    read.extend(pool.each(first, small, one)?);
    Ok(read)
}

/// How many helpers the server can give to one plan; the session itself works too.
fn helpers_per_plan(client: &mut Client, jobs: usize) -> Result<usize> {
    let row = client
        .query_one(
            "SELECT least(pg_catalog.current_setting('max_parallel_workers')::int4, \
                          pg_catalog.current_setting('max_worker_processes')::int4)",
            &[],
        )
        .attempt(|| "cannot read the server's limits on parallel plans")?;
    let limit = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    Ok(limit.min(jobs.saturating_sub(1)))
}

fn table(
    pool: &Pool<'_>,
    client: &mut Client,
    relation: &Relation,
    types: &Types,
) -> Result<RowsDigest> {
    if let Some(known) = without_reading(relation) {
        return Ok(known);
    }
    let statement = match statement(relation, types) {
        Ok(statement) => statement,
        Err(reason) => return Ok(RowsDigest::Undecided { reason }),
    };
    let read = pool.attempt(client, relation, |client| {
        client.query_one(&statement, &[]).map_err(Failure::Server)
    })?;
    Ok(match read {
        Ok(row) => digest(&row),
        Err(reason) => RowsDigest::Undecided { reason },
    })
}

/// The statement whose one row is the digest of a relation, or why there is none.
pub(super) fn statement(relation: &Relation, types: &Types) -> Result<String, String> {
    let row_hash = row_hash::expression(relation, types)?;
    let from = &relation.from;
    Ok(format!(
        "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum({row_hash}), 0)::text FROM {from}"
    ))
}

/// The digest that the row of its statement says.
pub(super) fn digest(row: &Row) -> RowsDigest {
    let (count, sum): (i64, &str) = (row.get(0), row.get(1));
    match (u64::try_from(count), sum.parse::<i128>()) {
        (Ok(count), Ok(sum)) => RowsDigest::Read { count, digest: format!("{sum:032x}") },
        _ => RowsDigest::Undecided {
            reason: format!("the server returned {count} rows with the sum {sum}"),
        },
    }
}

/// The digest of a table from those of its pieces: counts and sums add up.
pub(super) fn whole<'a>(pieces: impl Iterator<Item = &'a RowsDigest>) -> Option<RowsDigest> {
    let (mut rows, mut sum) = (0_u64, 0_u128);
    for piece in pieces {
        let RowsDigest::Read { count, digest } = piece else { return None };
        rows += count;
        sum = sum.wrapping_add(u128::from_str_radix(digest, 16).ok()?);
    }
    Some(RowsDigest::Read { count: rows, digest: format!("{sum:032x}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_whole_whatever_their_signs() {
        let read = |count, sum: i128| RowsDigest::Read { count, digest: format!("{sum:032x}") };
        let pieces = [read(2, -7), read(3, 4)];
        assert_eq!(whole(pieces.iter()), Some(read(5, -3)));
        let open = [read(2, -7), RowsDigest::Unpopulated];
        assert_eq!(whole(open.iter()), None);
    }
}
