//! Rows of tables, by digest and count. Columns are facts, which `facts` compares.

use std::collections::HashSet;

use crate::model::divergence::{Divergence, DivergenceKind, RowDifference, Severity};
use crate::model::fingerprint::{
    DatabaseFingerprint, Definition, RowHash, RowsDigest, TableFingerprint,
};
use crate::model::record::Integrity;

/// Partitions that are named where rows are spread otherwise.
const PIECES_NAMED: usize = 4;

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
    let wholes = Wholes::of(before, after, comparable);
    for (name, table) in &before.tables {
        if wholes.pieces.contains(name.as_str()) {
            continue;
        }
        match after.tables.get(name) {
            Some(restored) => {
                let view = View::of(name, before, after);
                shared(name, [&table.rows, &restored.rows], view, comparable, integrity);
            }
            None => integrity.divergences.push(alone(name, table, Side::Before)),
        }
    }
    for (name, table) in &after.tables {
        if !before.tables.contains_key(name) && !wholes.pieces.contains(name.as_str()) {
            integrity.divergences.push(alone(name, table, Side::After));
        }
    }
    wholes.compare(before, after, integrity);
}

/// Materialised views whose rows differ, so that it matters what their definitions yield on the
/// restored data, and of which `after` does not say it yet.
#[must_use]
pub fn views_in_doubt(before: &DatabaseFingerprint, after: &DatabaseFingerprint) -> Vec<String> {
    let differs = |name: &String| {
        let rows = before.tables.get(name).zip(after.tables.get(name));
        rows.is_some_and(|(was, is)| was.rows != is.rows)
    };
    let views = before.facts.keys().filter_map(|key| key.strip_prefix("matview/"));
    let views = views.map(str::to_owned).filter(differs);
    let open = |view: &String| match after.definitions.get(view) {
        None | Some(Definition::Undecided { .. }) => true,
        Some(Definition::Same | Definition::Other { .. } | Definition::Unsettled { .. }) => false,
    };
    views.filter(open).collect()
}

/// Tables in pieces that are compared as wholes, because both sides know them so.
struct Wholes<'a> {
    names: Vec<&'a String>,
    pieces: HashSet<&'a str>,
}

impl<'a> Wholes<'a> {
    fn of(
        before: &'a DatabaseFingerprint,
        after: &'a DatabaseFingerprint,
        comparable: bool,
    ) -> Self {
        let both = before.hash_partitioned.iter().filter_map(|(name, was)| {
            Some((name, [was, after.hash_partitioned.get(name).filter(|_| comparable)?]))
        });
        let (mut names, mut pieces) = (Vec::new(), HashSet::new());
        for (name, sides) in both {
            names.push(name);
            pieces.extend(sides.iter().flat_map(|side| side.pieces.iter().map(String::as_str)));
        }
        Self { names, pieces }
    }

    fn compare(
        &self,
        before: &DatabaseFingerprint,
        after: &DatabaseFingerprint,
        integrity: &mut Integrity,
    ) {
        for name in &self.names {
            let [was, is] = [before, after].map(|side| &side.hash_partitioned[*name]);
            let (told, compared) = (integrity.divergences.len(), integrity.tables_compared);
            shared(name, [&was.rows, &is.rows], None, true, integrity);
            if integrity.tables_compared > compared {
                integrity.tables_compared = compared + was.pieces.len() as u64;
            }
            if integrity.divergences.len() > told || was.rows != is.rows {
                continue;
            }
            let moved = was.pieces.iter().filter_map(|piece| {
                let [was, is] = [before, after].map(|side| side.tables.get(piece));
                let [was, is] = [&was?.rows, &is?.rows];
                (was != is).then(|| format!("{piece} {} → {}", held(was), held(is)))
            });
            let moved: Vec<String> = moved.collect();
            if !moved.is_empty() {
                let named = moved.iter().take(PIECES_NAMED).cloned().collect::<Vec<_>>().join(", ");
                let more = if moved.len() > PIECES_NAMED { ", …" } else { "" };
                let detail = format!("the same rows, spread otherwise: {named}{more}");
                integrity.divergences.push(divergence(name, detail).weighed(
                    Severity::Note,
                    "a hash of what is numbered, an enum for one, is another in another database",
                ));
            }
        }
    }
}

/// How many rows a piece has.
fn held(rows: &RowsDigest) -> String {
    match rows {
        RowsDigest::Read { count, .. } => count.to_string(),
        RowsDigest::Unpopulated => "0".to_owned(),
        RowsDigest::Undecided { .. } => "unknown".to_owned(),
    }
}

/// A materialised view, with what is known of its definition on the restored data.
#[derive(Clone, Copy)]
struct View<'a>(Option<&'a Definition>);

impl<'a> View<'a> {
    fn of(
        name: &str,
        before: &DatabaseFingerprint,
        after: &'a DatabaseFingerprint,
    ) -> Option<Self> {
        let is_view = before.facts.contains_key(&format!("matview/{name}"));
        is_view.then(|| Self(after.definitions.get(name)))
    }

    /// What it means that its rows are others: the view may have been stale, and the restore have
    /// refreshed it. Or why that cannot be told.
    fn judge(self, found: Divergence) -> Result<Divergence, String> {
        let same_count = found.rows.as_ref().is_some_and(|it| it.missing == it.extra);
        let others = if same_count { "other content" } else { &found.detail };
        let refreshed = format!("refreshed by the restore, {others}");
        let refreshed = Divergence { detail: refreshed, ..found.clone() };
        let open = |why: &str| {
            Err(format!("{}: {}; whether by a refresh: {why}", found.subject, found.detail))
        };
        match self.0 {
            Some(Definition::Same) => Ok(refreshed.weighed(
                Severity::Note,
                "it was stale: now it has what its definition yields on the restored data",
            )),
            Some(Definition::Unsettled { reason }) => {
                Ok(refreshed.weighed(Severity::Warned, reason.as_str()))
            }
            Some(Definition::Other { count }) => {
                let yields = rows(*count);
                let detail = format!("{}; its definition yields {yields}, others", found.detail);
                let wrong = Divergence { detail, ..found };
                Ok(wrong.weighed(Severity::Fatal, "it was not refreshed, or wrongly"))
            }
            Some(Definition::Undecided { reason }) => open(reason),
            None => open("its definition was not evaluated"),
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

/// Compares the rows of what both sides have, a materialised view by its own rules.
fn shared(
    name: &str,
    [before, after]: [&RowsDigest; 2],
    view: Option<View<'_>>,
    comparable: bool,
    integrity: &mut Integrity,
) {
    let found = match (before, after) {
        (RowsDigest::Undecided { reason }, _) => {
            return integrity.undecided.push(format!("{name} in the baseline: {reason}"));
        }
        (_, RowsDigest::Undecided { reason }) => {
            return integrity.undecided.push(format!("{name}: {reason}"));
        }
        (RowsDigest::Unpopulated, RowsDigest::Unpopulated) => {
            integrity.tables_compared += 1;
            return;
        }
        (RowsDigest::Unpopulated, RowsDigest::Read { count, .. }) => {
            divergence(name, format!("was not populated and now has {}", rows(*count)))
        }
        (RowsDigest::Read { count, .. }, RowsDigest::Unpopulated) => {
            integrity.tables_compared += 1;
            let found = divergence(name, format!("had {} and is not populated", rows(*count)));
            return integrity.divergences.push(found);
        }
        (
            RowsDigest::Read { count: rows_before, digest: digest_before },
            RowsDigest::Read { count: rows_after, digest: digest_after },
        ) => {
            if !comparable && rows_before == rows_after {
                return;
            }
            integrity.rows_compared += rows_before;
            if rows_before == rows_after && digest_before == digest_after {
                integrity.tables_compared += 1;
                return;
            }
            rows_differ(name, *rows_before, *rows_after)
        }
    };
    match view.map_or(Ok(found.clone()), |view| view.judge(found)) {
        Ok(found) => {
            integrity.tables_compared += 1;
            integrity.divergences.push(found);
        }
        Err(open) => integrity.undecided.push(open),
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
    use crate::model::fingerprint::{Column, HashPartitioned, LargeObjects};

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
}
