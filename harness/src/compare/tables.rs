//! Rows of tables, by digest and count. Columns are facts, which `facts` compares.

use crate::model::divergence::{Divergence, DivergenceKind, RowDifference};
use crate::model::fingerprint::{DatabaseFingerprint, RowHash, RowsDigest, TableFingerprint};
use crate::model::record::Integrity;

/// Adds to `integrity` what the tables of two databases have to say.
pub(super) fn compare(
    before: &DatabaseFingerprint,
    after: &DatabaseFingerprint,
    integrity: &mut Integrity,
) {
    let same_hash = before.row_hash == after.row_hash;
    // What the server hashes is text as it stores it.
    let encodings = [encoding(before), encoding(after)];
    let same_bytes = before.row_hash == RowHash::Blake3Lattice || encodings[0] == encodings[1];
    let comparable = same_hash && same_bytes;
    if same_hash && !same_bytes {
        integrity.undecided.push(format!(
            "rows were hashed in different server encodings, {} and {}; \
             take both certificates with --strength cryptographic",
            encodings[0].unwrap_or("unknown"),
            encodings[1].unwrap_or("unknown"),
        ));
    }
    if !same_hash {
        integrity.undecided.push(format!(
            "rows were hashed by different functions, {:?} of PostgreSQL {} and {:?} of {}; \
             take both certificates with --strength cryptographic",
            before.row_hash,
            before.server_version / 10_000,
            after.row_hash,
            after.server_version / 10_000,
        ));
    }
    for (name, table) in &before.tables {
        match after.tables.get(name) {
            Some(restored) => shared(name, table, restored, comparable, integrity),
            None => integrity.divergences.push(alone(name, table, Side::Before)),
        }
    }
    for (name, table) in &after.tables {
        if !before.tables.contains_key(name) {
            integrity.divergences.push(alone(name, table, Side::After));
        }
    }
}

/// The server encoding of a database, a fact of its catalogue.
fn encoding(database: &DatabaseFingerprint) -> Option<&str> {
    let facts = database.facts.get("database/current")?;
    facts.lines().find_map(|line| line.strip_prefix("encoding: "))
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

fn divergence(subject: &str, detail: String) -> Divergence {
    Divergence::new(DivergenceKind::Table, subject, detail)
}

fn alone(name: &str, table: &TableFingerprint, side: Side) -> Divergence {
    let count = match table.rows {
        RowsDigest::Read { count, .. } => Some(count),
        RowsDigest::Unpopulated => Some(0),
        RowsDigest::Undecided { .. } => None,
    };
    let (what, held) = match side {
        Side::Before => ("the table is missing", "it had"),
        Side::After => ("the table is not in the baseline", "it has"),
    };
    let detail =
        count.map_or_else(|| what.to_owned(), |count| format!("{what}; {held} {}", rows(count)));
    let rows = count.map(|count| match side {
        Side::Before => RowDifference { missing: count, ..RowDifference::default() },
        Side::After => RowDifference { extra: count, ..RowDifference::default() },
    });
    Divergence { rows, ..divergence(name, detail) }
}

fn shared(
    name: &str,
    before: &TableFingerprint,
    after: &TableFingerprint,
    comparable: bool,
    integrity: &mut Integrity,
) {
    match (&before.rows, &after.rows) {
        (RowsDigest::Undecided { reason }, _) => {
            integrity.undecided.push(format!("{name} in the baseline: {reason}"));
        }
        (_, RowsDigest::Undecided { reason }) => {
            integrity.undecided.push(format!("{name}: {reason}"));
        }
        (RowsDigest::Unpopulated, RowsDigest::Unpopulated) => integrity.tables_compared += 1,
        (RowsDigest::Unpopulated, RowsDigest::Read { count, .. }) => {
            integrity.tables_compared += 1;
            integrity
                .divergences
                .push(divergence(name, format!("was not populated and now has {}", rows(*count))));
        }
        (RowsDigest::Read { count, .. }, RowsDigest::Unpopulated) => {
            integrity.tables_compared += 1;
            integrity
                .divergences
                .push(divergence(name, format!("had {} and is not populated", rows(*count))));
        }
        (
            RowsDigest::Read { count: rows_before, digest: digest_before },
            RowsDigest::Read { count: rows_after, digest: digest_after },
        ) => {
            if !comparable && rows_before == rows_after {
                return;
            }
            integrity.tables_compared += 1;
            integrity.rows_compared += rows_before;
            if rows_before == rows_after && digest_before == digest_after {
                return;
            }
            integrity.divergences.push(rows_differ(name, *rows_before, *rows_after));
        }
    }
}

/// What is known from counts alone.
fn rows_differ(name: &str, before: u64, after: u64) -> Divergence {
    let detail = match after.cmp(&before) {
        std::cmp::Ordering::Equal => {
            format!("the count of {} is the same, the content is not", rows(before))
        }
        _ => format!("{} → {}", rows(before), rows(after)),
    };
    Divergence {
        rows: Some(RowDifference {
            missing: before.saturating_sub(after),
            extra: after.saturating_sub(before),
            ..RowDifference::default()
        }),
        ..divergence(name, detail)
    }
}

/// `1 row`, `2 rows`.
fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::model::artefact::RecoveryPoint;
    use crate::model::fingerprint::{Column, LargeObjects};

    fn table(columns: &[(&str, &str)], rows: RowsDigest) -> TableFingerprint {
        TableFingerprint {
            columns: columns
                .iter()
                .map(|(name, declared)| Column {
                    name: (*name).to_owned(),
                    declared: (*declared).to_owned(),
                })
                .collect(),
            key: Vec::new(),
            rows,
            listed_in: None,
        }
    }

    fn read(count: u64, digest: &str) -> RowsDigest {
        RowsDigest::Read { count, digest: digest.to_owned() }
    }

    fn database(tables: Vec<(&str, TableFingerprint)>) -> DatabaseFingerprint {
        DatabaseFingerprint {
            server_version: 150_018,
            name: "grades".to_owned(),
            recovery_point: RecoveryPoint { instant: Timestamp::UNIX_EPOCH, lsn: "0/0".to_owned() },
            row_hash: RowHash::Chain64,
            tables: tables.into_iter().map(|(name, table)| (name.to_owned(), table)).collect(),
            large_objects: LargeObjects::Read(BTreeMap::new()),
            facts: BTreeMap::new(),
        }
    }

    fn compared(before: RowsDigest, after: RowsDigest) -> Integrity {
        let columns = [("id", "integer")];
        let mut integrity = Integrity::default();
        compare(
            &database(vec![("public.exam", table(&columns, before))]),
            &database(vec![("public.exam", table(&columns, after))]),
            &mut integrity,
        );
        integrity
    }

    fn details(integrity: &Integrity) -> Vec<String> {
        integrity
            .divergences
            .iter()
            .map(|found| format!("{}: {}", found.subject, found.detail))
            .collect()
    }

    #[test]
    fn the_same_count_and_digest_are_equal() {
        let integrity = compared(read(3, "aa"), read(3, "aa"));
        assert_eq!((integrity.tables_compared, integrity.rows_compared), (1, 3));
        assert!(integrity.divergences.is_empty() && integrity.undecided.is_empty());
    }

    #[test]
    fn another_digest_of_as_many_rows_is_a_divergence() {
        assert_eq!(
            details(&compared(read(3, "aa"), read(3, "ab"))),
            ["public.exam: the count of 3 rows is the same, the content is not"]
        );
    }

    #[test]
    fn rows_that_are_gone_are_counted() {
        let integrity = compared(read(3, "aa"), read(1, "ab"));
        assert_eq!(details(&integrity), ["public.exam: 3 rows → 1 row"]);
        assert_eq!(integrity.divergences[0].rows.as_ref().unwrap().missing, 2);
    }

    #[test]
    fn an_undecided_table_is_never_compared() {
        let undecided = || RowsDigest::Undecided { reason: "permission denied".to_owned() };
        for (before, after) in
            [(undecided(), read(3, "aa")), (read(3, "aa"), undecided()), (undecided(), undecided())]
        {
            let integrity = compared(before, after);
            assert_eq!(integrity.tables_compared, 0);
            assert_eq!(integrity.undecided.len(), 1, "{integrity:?}");
            assert!(integrity.undecided[0].contains("public.exam"));
        }
    }

    #[test]
    fn digests_of_different_functions_are_undecided_and_counts_still_speak() {
        let table = |rows| vec![("public.exam", table(&[("id", "integer")], rows))];
        let before = DatabaseFingerprint {
            row_hash: RowHash::Blake3Lattice,
            ..database(table(read(3, "aa")))
        };
        let mut equal = Integrity::default();
        compare(&before, &database(table(read(3, "aa"))), &mut equal);
        assert_eq!((equal.tables_compared, equal.undecided.len()), (0, 1));
        let mut fewer = Integrity::default();
        compare(&before, &database(table(read(2, "aa"))), &mut fewer);
        assert_eq!(details(&fewer), ["public.exam: 3 rows → 2 rows"]);
    }

    #[test]
    fn digests_of_different_encodings_are_undecided_unless_rows_left_as_the_same_text() {
        let encoded = |encoding: &str, row_hash, digest| {
            let table = vec![("public.exam", table(&[("id", "integer")], read(3, digest)))];
            let fact = ("database/current".to_owned(), format!("encoding: {encoding}\ncollate: C"));
            DatabaseFingerprint { row_hash, facts: [fact].into(), ..database(table) }
        };
        for digest in ["aa", "ab"] {
            let mut integrity = Integrity::default();
            let before = encoded("UTF8", RowHash::Chain64, "aa");
            compare(&before, &encoded("LATIN1", RowHash::Chain64, digest), &mut integrity);
            assert_eq!((integrity.tables_compared, integrity.divergences.len()), (0, 0));
            assert!(integrity.undecided[0].contains("UTF8 and LATIN1"), "{integrity:?}");
        }
        let mut integrity = Integrity::default();
        let before = encoded("UTF8", RowHash::Blake3Lattice, "aa");
        compare(&before, &encoded("LATIN1", RowHash::Blake3Lattice, "aa"), &mut integrity);
        assert_eq!((integrity.tables_compared, integrity.undecided.len()), (1, 0));
    }

    #[test]
    fn a_missing_and_an_extra_table_are_named_with_their_rows() {
        let mut integrity = Integrity::default();
        compare(
            &database(vec![("public.exam", table(&[], read(3, "aa")))]),
            &database(vec![("public.copy", table(&[], read(1, "aa")))]),
            &mut integrity,
        );
        assert_eq!(
            details(&integrity),
            [
                "public.exam: the table is missing; it had 3 rows",
                "public.copy: the table is not in the baseline; it has 1 row"
            ]
        );
    }

    #[test]
    fn an_unpopulated_view_equals_only_an_unpopulated_one() {
        let equal = compared(RowsDigest::Unpopulated, RowsDigest::Unpopulated);
        assert!(equal.divergences.is_empty());
        assert_eq!(
            details(&compared(read(2, "aa"), RowsDigest::Unpopulated)),
            ["public.exam: had 2 rows and is not populated"]
        );
    }
}
