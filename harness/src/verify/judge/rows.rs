//! Rows: every table that the backup promises is there, with as many rows, and every table can be
//! read to its end.

use std::collections::BTreeMap;

use super::{Seen, connect};
use crate::error::Result;
use crate::fingerprint::database::{self, Snapshot};
use crate::model::event::Events;
use crate::model::fingerprint::{DatabaseFingerprint, RowsDigest, Strength};

/// Rows of the tables of a database, by name.
pub(in crate::verify) type Counted = BTreeMap<String, u64>;

/// Reads every table to its end, and digests what is in it.
pub(in crate::verify) fn read(
    connection: &postgres::Config,
    strength: Strength,
    jobs: usize,
    events: &Events,
) -> Result<(DatabaseFingerprint, Seen)> {
    let snapshot = Snapshot::open(connection)?;
    let options = database::Options { jobs, strength };
    let taken = database::take(&snapshot, &options, events)?;
    let mut seen = Seen::default();
    for (name, table) in &taken.tables {
        match &table.rows {
            RowsDigest::Read { .. } => seen.judged += 1,
            RowsDigest::Unpopulated => {
                seen.warned.push(format!("{name} is a materialised view without rows"));
            }
            RowsDigest::Undecided { reason } => seen.wrong.push(format!("{name}: {reason}")),
        }
    }
    if taken.tables.is_empty() {
        seen.wrong.push(format!("database {:?} has no table", taken.name));
    }
    Ok((taken, seen))
}

/// The rows of each table that was read.
pub(in crate::verify) fn counted(taken: &DatabaseFingerprint) -> Counted {
    let tables = taken.tables.iter().filter_map(|(name, table)| match table.rows {
        RowsDigest::Read { count, .. } => Some((name.clone(), count)),
        RowsDigest::Unpopulated | RowsDigest::Undecided { .. } => None,
    });
    tables.collect()
}

/// Holds what is there against what the backup promises.
pub(in crate::verify) fn complete(
    database: &str,
    promised: &BTreeMap<String, Option<u64>>,
    there: &Counted,
    pieces: &BTreeMap<String, Vec<String>>,
) -> Seen {
    let mut seen = Seen::default();
    // A table that is cut into pieces has their rows.
    let of = |name: &String| match pieces.get(name) {
        Some(pieces) => pieces.iter().map(|it| there.get(it).copied()).sum::<Option<u64>>(),
        None => there.get(name).copied(),
    };
    for (name, rows) in promised {
        match (of(name), rows) {
            (None, _) => {
                seen.wrong.push(format!("{database}: {name} is in the backup and not there"));
            }
            (Some(found), Some(rows)) if found != *rows => {
                seen.wrong.push(format!("{database}: {name} has {found} of {rows} rows"));
            }
            (Some(_), Some(_)) => seen.judged += 1,
            // It has no rows of its own to promise.
            (Some(_), None) if pieces.contains_key(name) => seen.judged += 1,
            (Some(_), None) => {
                seen.open.push(format!("{database}: nobody counted the rows of {name}"));
            }
        }
    }
    if promised.is_empty() {
        seen.open.push(format!("{database}: the backup does not say which tables it has"));
    }
    seen
}

/// The pieces of tables that are cut, by the name of the whole.
pub(in crate::verify) fn pieces(
    connection: &postgres::Config,
) -> Result<BTreeMap<String, Vec<String>>> {
    let mut client = connect(connection)?;
    let list = "WITH RECURSIVE below AS ( \
            SELECT oid AS whole, oid AS piece FROM pg_catalog.pg_class WHERE relkind = 'p' \
            UNION ALL \
            SELECT b.whole, i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.piece) \
        SELECT b.whole::regclass::text, b.piece::regclass::text FROM below b \
        JOIN pg_catalog.pg_class c ON c.oid = b.piece WHERE c.relkind = 'r'";
    let mut pieces = BTreeMap::<String, Vec<String>>::new();
    let rows = client.query(list, &[]).map_err(|cause| {
        crate::Error::undecided("cannot ask which tables are cut").because(cause)
    })?;
    for row in rows {
        pieces.entry(row.get(0)).or_default().push(row.get(1));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete_of(promised: &[(&str, Option<u64>)], there: &[(&str, u64)]) -> Seen {
        let promised = promised.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        let there = there.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        complete("db", &promised, &there, &BTreeMap::new())
    }

    #[test]
    fn rows_that_are_promised_have_to_be_there() {
        let whole = complete_of(&[("public.a", Some(2))], &[("public.a", 2), ("public.b", 1)]);
        assert_eq!((whole.judged, whole.wrong.len(), whole.open.len()), (1, 0, 0));
        let fewer = complete_of(&[("public.a", Some(2))], &[("public.a", 1)]);
        assert_eq!(fewer.wrong, ["db: public.a has 1 of 2 rows"]);
        let gone = complete_of(&[("public.a", Some(0))], &[]);
        assert!(gone.wrong[0].contains("not there"), "{gone:?}");
    }

    #[test]
    fn what_nobody_counted_and_what_promises_nothing_is_open() {
        assert_eq!(complete_of(&[("public.a", None)], &[("public.a", 1)]).open.len(), 1);
        assert_eq!(complete_of(&[], &[("public.a", 1)]).open.len(), 1);
    }

    #[test]
    fn a_table_in_pieces_has_the_rows_of_its_pieces() {
        let promised = BTreeMap::from([("public.whole".to_owned(), Some(3))]);
        let there = BTreeMap::from([("public.p1".to_owned(), 1), ("public.p2".to_owned(), 2)]);
        let pieces = BTreeMap::from([(
            "public.whole".to_owned(),
            vec!["public.p1".to_owned(), "public.p2".to_owned()],
        )]);
        assert_eq!(complete("db", &promised, &there, &pieces).judged, 1);
    }
}
