//! Small databases with one difference each.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::model::artefact::RecoveryPoint;
use crate::model::divergence::Severity;
use crate::model::fingerprint::{Column, Definition, HashPartitioned, LargeObjects};

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
        hash_partitioned: BTreeMap::new(),
        definitions: BTreeMap::new(),
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
    let before =
        DatabaseFingerprint { row_hash: RowHash::Blake3Lattice, ..database(table(read(3, "aa"))) };
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

/// What is told of a materialised view whose rows differ, and whether that is undecided.
fn viewed(rows: [RowsDigest; 2], definition: Option<Definition>) -> (Vec<Severity>, usize) {
    let view = |rows| {
        let facts = [("matview/public.mv".to_owned(), "kind: materialized view".to_owned())];
        let tables = database(vec![("public.mv", table(&[("n", "bigint")], rows))]);
        DatabaseFingerprint { facts: facts.into(), ..tables }
    };
    let [before, after] = rows.map(view);
    let definitions = definition.map(|held| ("public.mv".to_owned(), held));
    let after = DatabaseFingerprint { definitions: definitions.into_iter().collect(), ..after };
    let mut integrity = Integrity::default();
    compare(&before, &after, &mut integrity);
    let told = integrity.divergences.iter().map(|found| found.severity).collect();
    (told, integrity.undecided.len())
}

#[test]
fn a_view_that_was_refreshed_is_noted_and_one_that_was_refreshed_wrongly_refutes() {
    let rows = || [read(8, "aa"), read(9, "ab")];
    let why = || "it is so".to_owned();
    assert_eq!(viewed(rows(), Some(Definition::Same)), (vec![Severity::Note], 0));
    let other = Definition::Other { count: 8 };
    assert_eq!(viewed(rows(), Some(other)), (vec![Severity::Fatal], 0));
    let unsettled = Definition::Unsettled { reason: why() };
    assert_eq!(viewed(rows(), Some(unsettled)), (vec![Severity::Warned], 0));
    for open in [None, Some(Definition::Undecided { reason: why() })] {
        assert_eq!(viewed(rows(), open), (vec![], 1));
    }
    let emptied = [read(8, "aa"), RowsDigest::Unpopulated];
    assert_eq!(viewed(emptied, Some(Definition::Same)), (vec![Severity::Fatal], 0));
    let filled = [RowsDigest::Unpopulated, read(8, "aa")];
    assert_eq!(viewed(filled, Some(Definition::Same)), (vec![Severity::Note], 0));
}

/// A table of two pieces, and what their rows are in all.
fn pieces(one: RowsDigest, other: RowsDigest, whole: RowsDigest) -> DatabaseFingerprint {
    let piece = |rows| table(&[("id", "integer")], rows);
    let names = ["public.t_0".to_owned(), "public.t_1".to_owned()];
    let whole = HashPartitioned { pieces: names.to_vec(), rows: whole };
    DatabaseFingerprint {
        hash_partitioned: [("public.t".to_owned(), whole)].into(),
        ..database(vec![("public.t_0", piece(one)), ("public.t_1", piece(other))])
    }
}

#[test]
fn pieces_by_hash_are_compared_as_a_whole_and_their_spread_is_noted() {
    let before = pieces(read(3, "03"), read(1, "01"), read(4, "04"));
    let told = |after: &DatabaseFingerprint| {
        let mut integrity = Integrity::default();
        compare(&before, after, &mut integrity);
        let found = integrity.divergences;
        found.into_iter().map(|found| (found.severity, found.detail)).collect::<Vec<_>>()
    };
    assert_eq!(told(&before), []);
    let spread = pieces(read(2, "02"), read(2, "02"), read(4, "04"));
    let words = "the same rows, spread otherwise: public.t_0 3 → 2, public.t_1 1 → 2";
    assert_eq!(told(&spread), [(Severity::Note, words.to_owned())]);
    let lost = pieces(read(2, "02"), read(1, "01"), read(3, "03"));
    assert_eq!(told(&lost), [(Severity::Fatal, "4 rows → 3 rows".to_owned())]);
}
