//! The hash of a row: 64 bits, a chain in which each column's hash is seeded by the hash of
//! the columns before it, so that nothing is linear and every column counts.
//!
//! Which columns are null is the seed that the chain begins with. A server nests calls only so
//! deep: a wide table's columns are hashed in stretches, each mixed into those before.

use super::column_hash::{self, ColumnHash};
use super::relations::Relation;
use super::types::Types;

/// Columns of a stretch; their nulls fit into the 64 bits of its seed.
const STRETCH: usize = 60;

/// The expression that hashes one row of a relation into an `int8`, or why there is none.
pub(super) fn expression(relation: &Relation, types: &Types) -> Result<String, String> {
    let any = expression_with(relation, types, |_| true)?;
    if relation.columns.iter().all(|column| column.nullable) {
        return Ok(any);
    }
    // Only faster, the same value; and null where a null is in spite of what was declared.
    let declared = expression_with(relation, types, |nullable| nullable)?;
    Ok(format!("coalesce({declared}, {any})"))
}

fn expression_with(
    relation: &Relation,
    types: &Types,
    nullable: impl Fn(bool) -> bool,
) -> Result<String, String> {
    let links = relation.columns.iter().map(|column| {
        let sql = &column.sql;
        let nullable = nullable(column.nullable);
        let column_hash = column_hash::of(sql, column.type_oid, nullable, types)
            .map_err(|reason| format!("column {}: {reason}", column.name))?;
        Ok(Link { null: nullable.then(|| format!("{sql} IS NOT DISTINCT FROM NULL")), column_hash })
    });
    Ok(combine(&links.collect::<Result<Vec<Link>, String>>()?))
}

/// One column.
struct Link {
    /// Whether it is null, as an expression, where it can be. Not `IS NULL`, which is also
    /// said of a composite that holds nothing but nulls.
    null: Option<String>,
    column_hash: ColumnHash,
}

fn combine(links: &[Link]) -> String {
    let stretches = links.chunks(STRETCH).map(|stretch| {
        stretch.iter().fold(nulls(stretch), |seed, link| link.column_hash.on(&seed))
    });
    stretches
        .reduce(|before, stretch| {
            format!(
                "pg_catalog.hashint4extended(0, \
                 pg_catalog.int8xor(pg_catalog.hashint4extended(1, {before}), {stretch}))"
            )
        })
        .unwrap_or_else(|| "0::int8".to_owned())
}

/// One bit for each column that is null. Most rows have few, so that none is asked for first.
fn nulls(stretch: &[Link]) -> String {
    let bits: Vec<(usize, &String)> = stretch
        .iter()
        .enumerate()
        .filter_map(|(index, link)| Some((index, link.null.as_ref()?)))
        .collect();
    if bits.is_empty() {
        return "0::int8".to_owned();
    }
    let any: Vec<&str> = bits.iter().map(|(_, null)| null.as_str()).collect();
    let each: Vec<String> = bits
        .iter()
        .map(|(index, null)| format!("CASE WHEN {null} THEN {}::int8 ELSE 0 END", 1_u64 << index))
        .collect();
    format!(
        "CASE WHEN {} THEN {} ELSE 0 END",
        any.join(" OR "),
        each.join(" OPERATOR(pg_catalog.|) ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(count: usize, null: bool) -> Vec<Link> {
        let link = |index| Link {
            null: null.then(|| format!("c{index}?")),
            column_hash: ColumnHash::around(format!("h(c{index}, "), ")"),
        };
        (0..count).map(link).collect()
    }

    #[test]
    fn each_column_is_seeded_by_those_before() {
        assert_eq!(combine(&links(2, false)), "h(c1, h(c0, 0::int8))");
    }

    #[test]
    fn the_chain_begins_with_a_bit_for_each_null() {
        assert_eq!(
            combine(&links(2, true)),
            "h(c1, h(c0, CASE WHEN c0? OR c1? THEN CASE WHEN c0? THEN 1::int8 ELSE 0 END OPERATOR(pg_catalog.|) \
             CASE WHEN c1? THEN 2::int8 ELSE 0 END ELSE 0 END))"
        );
    }

    #[test]
    fn a_table_without_columns_still_has_a_row_hash() {
        assert_eq!(combine(&[]), "0::int8");
    }

    #[test]
    fn every_stretch_of_a_wide_table_counts_though_all_of_it_is_null() {
        let sql = combine(&links(STRETCH * 2 + 1, true));
        for index in 0..=STRETCH * 2 {
            assert_eq!(sql.matches(&format!("h(c{index}, ")).count(), 1);
        }
        let mixed = "hashint4extended(0, pg_catalog.int8xor(pg_catalog.hashint4extended(1, ";
        assert_eq!(sql.matches(mixed).count(), 2);
        assert!(sql.contains(&format!("THEN {}::int8", 1_u64 << (STRETCH - 1))));
    }
}
