//! The exact digest: 64 bits a row, computed in the server, summed over the rows.
//!
//! `hash_record_extended` is linear in the columns, the sum of 31ᵏ·h(cₖ), so a sum of it would not
//! see two rows trade the values of one column. Its 64 bits therefore seed one more hash,
//! which is not linear; the sum of those, 128 bits wide, and the count are the digest of the
//! multiset of rows: blind to order, not to duplicates.

use postgres::Client;

use super::relations::Relation;
use super::stand_in::{self, StandIn};
use super::types::Types;
use crate::model::fingerprint::{RowHash, RowsDigest};

/// The most expressions that fit into one `ROW`; the server's limit is 1664.
const ROW_WIDTH: usize = 1600;

/// `hash_record_extended` came with this version.
const RECORDS_HASH_SINCE: i32 = 140_000;

/// The row hash that a server of this version can compute.
pub(super) fn kind(server_version: i32) -> RowHash {
    if server_version >= RECORDS_HASH_SINCE { RowHash::Record64 } else { RowHash::Array64 }
}

/// The expression that hashes one row of a relation into an `int8`, or why there is none.
pub(super) fn row_hash(
    relation: &Relation,
    types: &Types,
    server_version: i32,
) -> Result<String, String> {
    let mut stand_ins = Vec::with_capacity(relation.columns.len());
    for column in &relation.columns {
        let sql = super::quote::identifier(&column.name);
        stand_ins.push(
            stand_in::of(&sql, column.type_oid, types)
                .map_err(|reason| format!("column {}: {reason}", column.name))?,
        );
    }
    Ok(combine(&stand_ins, server_version))
}

fn combine(stand_ins: &[StandIn], server_version: i32) -> String {
    let linear = match kind(server_version) {
        RowHash::Record64 => {
            let expressions: Vec<&str> = stand_ins
                .iter()
                .flat_map(|column| column.native.iter().map(String::as_str))
                .collect();
            chain(&expressions, "hash_record_extended", |part| format!("ROW({part})"))
        }
        RowHash::Array64 => {
            let expressions: Vec<&str> = stand_ins.iter().map(|column| &*column.bytes).collect();
            chain(&expressions, "hash_array_extended", |part| {
                format!("ARRAY[{part}]::pg_catalog.bytea[]")
            })
        }
    };
    format!("pg_catalog.hashint4extended(0, {linear})")
}

/// Hashes a list of expressions; each further stretch of them is seeded by the one before.
fn chain(expressions: &[&str], function: &str, wrap: impl Fn(&str) -> String) -> String {
    expressions.chunks(ROW_WIDTH).fold("0".to_owned(), |seed, part| {
        format!("pg_catalog.{function}({}, {seed})", wrap(&part.join(", ")))
    })
}

/// Reads all rows of a relation on a session that is in the shared snapshot.
pub(super) fn digest(
    client: &mut Client,
    relation: &Relation,
    row_hash: &str,
) -> Result<RowsDigest, postgres::Error> {
    let row = client.query_one(
        &format!(
            "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum({row_hash}), 0)::text \
             FROM ONLY {}",
            relation.sql
        ),
        &[],
    )?;
    let count: i64 = row.get(0);
    let sum: &str = row.get(1);
    Ok(match (u64::try_from(count), sum.parse::<i128>()) {
        (Ok(count), Ok(sum)) => RowsDigest::Read { count, digest: format!("{sum:032x}") },
        _ => RowsDigest::Undecided {
            reason: format!("the server returned {count} rows with the sum {sum}"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(count: usize) -> Vec<StandIn> {
        (0..count)
            .map(|index| StandIn { native: vec![format!("c{index}")], bytes: format!("s{index}") })
            .collect()
    }

    #[test]
    fn the_linear_hash_of_a_record_seeds_one_that_is_not() {
        assert_eq!(
            combine(&columns(2), 150_018),
            "pg_catalog.hashint4extended(0, pg_catalog.hash_record_extended(ROW(c0, c1), 0))"
        );
    }

    #[test]
    fn servers_without_record_hashes_hash_an_array_of_bytes() {
        assert_eq!(
            combine(&columns(2), 130_020),
            "pg_catalog.hashint4extended(0, \
             pg_catalog.hash_array_extended(ARRAY[s0, s1]::pg_catalog.bytea[], 0))"
        );
    }

    #[test]
    fn a_table_without_columns_still_has_a_row_hash() {
        assert_eq!(combine(&[], 150_018), "pg_catalog.hashint4extended(0, 0)");
    }

    #[test]
    fn columns_beyond_the_width_of_a_record_are_seeded_by_those_before() {
        let sql = combine(&columns(ROW_WIDTH + 1), 150_018);
        assert!(sql.contains("hash_record_extended(ROW(c1600), pg_catalog.hash_record_extended("));
    }
}
