//! The exact digest: 64 bits a row, computed in the server, summed over the rows.
//!
//! `hash_record_extended` is linear in the columns, the sum of 31ᵏ·h(cₖ), so a sum of it would not
//! see two rows trade the values of one column. Its 64 bits therefore seed one more hash,
//! which is not linear; the sum of those, 128 bits wide, and the count are the digest of the
//! multiset of rows: blind to order, not to duplicates.

use std::cmp::Reverse;

use postgres::Client;

use super::pool::{Plan, Pool, Progress, plan, without_reading};
use super::relations::Relation;
use super::stand_in::{self, StandIn};
use super::stream::Failure;
use super::types::Types;
use crate::error::{Attempt, Result};
use crate::model::fingerprint::{RowHash, RowsDigest};

/// The most expressions that fit into one `ROW`; the server's limit is 1664.
const ROW_WIDTH: usize = 1600;

/// `hash_record_extended` came with this version.
const RECORDS_HASH_SINCE: i32 = 140_000;

/// The hash that a server of this version uses: the fastest, unless another certificate's
/// is wanted that it can compute as well.
pub(super) fn row_hash(server_version: i32, wanted: Option<RowHash>) -> RowHash {
    if server_version < RECORDS_HASH_SINCE || wanted == Some(RowHash::Array64) {
        RowHash::Array64
    } else {
        RowHash::Record64
    }
}

/// The expression that hashes one row of a relation into an `int8`, or why there is none.
fn expression(
    relation: &Relation,
    types: &Types,
    hash: RowHash,
) -> std::result::Result<String, String> {
    let mut stand_ins = Vec::with_capacity(relation.columns.len());
    for column in &relation.columns {
        let sql = super::quote::identifier(&column.name);
        stand_ins.push(
            stand_in::of(&sql, column.type_oid, types)
                .map_err(|reason| format!("column {}: {reason}", column.name))?,
        );
    }
    Ok(combine(&stand_ins, hash))
}

fn combine(stand_ins: &[StandIn], hash: RowHash) -> String {
    let linear = if hash == RowHash::Record64 {
        let expressions: Vec<&str> = stand_ins.iter().map(|column| &*column.native).collect();
        chain(&expressions, "hash_record_extended", |part| format!("ROW({part})"))
    } else {
        let expressions: Vec<&str> = stand_ins.iter().map(|column| &*column.bytes).collect();
        chain(&expressions, "hash_array_extended", |part| {
            format!("ARRAY[{part}]::pg_catalog.bytea[]")
        })
    };
    format!("pg_catalog.hashint4extended(0, {linear})")
}

/// Hashes a list of expressions; each further stretch of them is seeded by the one before.
fn chain(expressions: &[&str], function: &str, wrap: impl Fn(&str) -> String) -> String {
    expressions.chunks(ROW_WIDTH).fold("0".to_owned(), |seed, part| {
        format!("pg_catalog.{function}({}, {seed})", wrap(&part.join(", ")))
    })
}

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
    hash: RowHash,
    progress: &Progress<'_>,
) -> Result<Vec<(String, RowsDigest)>> {
    let mut queue: Vec<&Relation> = relations.iter().collect();
    // Largest first: the last one to finish should be a small one.
    queue.sort_by_key(|relation| Reverse(relation.size));
    let one = |client: &mut Client, relation: &&Relation| {
        let digest = table(pool, client, relation, types, hash)?;
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
    hash: RowHash,
) -> Result<RowsDigest> {
    if let Some(known) = without_reading(relation) {
        return Ok(known);
    }
    let row_hash = match expression(relation, types, hash) {
        Ok(row_hash) => row_hash,
        Err(reason) => return Ok(RowsDigest::Undecided { reason }),
    };
    let statement = format!(
        "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum({row_hash}), 0)::text FROM ONLY {}",
        relation.sql
    );
    let read = pool.attempt(client, relation, |client| {
        client.query_one(&statement, &[]).map_err(Failure::Server)
    })?;
    Ok(match read {
        Ok(row) => digest(row.get(0), row.get(1)),
        Err(reason) => RowsDigest::Undecided { reason },
    })
}

fn digest(count: i64, sum: &str) -> RowsDigest {
    match (u64::try_from(count), sum.parse::<i128>()) {
        (Ok(count), Ok(sum)) => RowsDigest::Read { count, digest: format!("{sum:032x}") },
        _ => RowsDigest::Undecided {
            reason: format!("the server returned {count} rows with the sum {sum}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(count: usize) -> Vec<StandIn> {
        (0..count)
            .map(|index| StandIn { native: format!("c{index}"), bytes: format!("s{index}") })
            .collect()
    }

    #[test]
    fn the_linear_hash_of_a_record_seeds_one_that_is_not() {
        assert_eq!(
            combine(&columns(2), RowHash::Record64),
            "pg_catalog.hashint4extended(0, pg_catalog.hash_record_extended(ROW(c0, c1), 0))"
        );
    }

    #[test]
    fn servers_without_record_hashes_hash_an_array_of_bytes() {
        assert_eq!(
            combine(&columns(2), RowHash::Array64),
            "pg_catalog.hashint4extended(0, \
             pg_catalog.hash_array_extended(ARRAY[s0, s1]::pg_catalog.bytea[], 0))"
        );
    }

    #[test]
    fn a_table_without_columns_still_has_a_row_hash() {
        assert_eq!(combine(&[], RowHash::Record64), "pg_catalog.hashint4extended(0, 0)");
    }

    #[test]
    fn columns_beyond_the_width_of_a_record_are_seeded_by_those_before() {
        let sql = combine(&columns(ROW_WIDTH + 1), RowHash::Record64);
        assert!(sql.contains("hash_record_extended(ROW(c1600), pg_catalog.hash_record_extended("));
    }
}
