//! Rows of tables, by digest and count. Columns are facts, which `facts` compares.

mod pieces;
#[cfg(test)]
mod tests;
mod view;

pub use self::view::views_in_doubt;

use self::pieces::Wholes;
use self::view::View;
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
