//! Earlier runs of the same backup: a table that vanished or shrank by half, a size that fell, and a
//! table that has stopped growing.

use std::collections::BTreeMap;
use std::path::Path;

use super::Seen;
use super::rows::Counted;
use crate::model::existing::ExistingRecord;
use crate::model::record::{Record, Verdict};

/// Runs that are looked back at.
const LOOKED_BACK: usize = 30;

/// Runs for which the largest tables must not all have stood still.
const STANDSTILL: usize = 5;

/// What an earlier run found.
#[derive(Debug, Clone)]
pub(in crate::verify) struct Earlier {
    run: String,
    bytes: u64,
    tables: BTreeMap<String, Counted>,
}

/// Earlier runs below `base` of backups with the same databases, the newest first. Those that were
/// not passed had something wrong with them already.
pub(in crate::verify) fn earlier(base: &Path, same: &str) -> Vec<Earlier> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let mut folders =
        entries.map(|entry| entry.path()).filter(|it| !it.is_symlink()).collect::<Vec<_>>();
    // Their names begin with the time.
    folders.sort();
    let mut found = Vec::new();
    for folder in folders.into_iter().rev() {
        let Ok(text) = std::fs::read_to_string(folder.join("report.json")) else { continue };
        let Ok(record) = serde_json::from_str::<Record>(&text) else { continue };
        let Some(existing) = record.existing.filter(|it| it.identity == same) else { continue };
        if record.verdict == Verdict::Failed {
            continue;
        }
        let ExistingRecord { tables, pieces, .. } = existing;
        let bytes = pieces.iter().map(|piece| piece.bytes).sum();
        found.push(Earlier { run: record.run_id, bytes, tables });
        if found.len() == LOOKED_BACK {
            break;
        }
    }
    found
}

/// Holds a backup against those before it.
pub(in crate::verify) fn hold(
    earlier: &[Earlier],
    bytes: u64,
    tables: &BTreeMap<String, Counted>,
) -> Seen {
    let mut seen = Seen::default();
    let Some(last) = earlier.first() else { return seen };
    let none = Counted::new();
    for (database, before) in &last.tables {
        let now = tables.get(database).unwrap_or(&none);
        for (table, rows) in before {
            match now.get(table) {
                None => {
                    seen.wrong.push(format!("{database}: {table} was in {} and is gone", last.run));
                }
                Some(found) if found.saturating_mul(2) < *rows => seen.wrong.push(format!(
                    "{database}: {table} has {found} rows and had {rows} in {}",
                    last.run
                )),
                Some(_) => seen.judged += 1,
            }
        }
    }
    if bytes.saturating_mul(2) < last.bytes {
        seen.warned.push(format!("{bytes} bytes, and {} in {}", last.bytes, last.run));
    }
    // What is written to every day does not stand still in all of its tables.
    let still = earlier.len() >= STANDSTILL
        && earlier.iter().take(STANDSTILL).all(|it| it.tables == *tables);
    if still {
        seen.warned
            .push(format!("no table has changed its number of rows in {STANDSTILL} backups"));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(rows: &[(&str, u64)]) -> BTreeMap<String, Counted> {
        let counted = rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        BTreeMap::from([("db".to_owned(), counted)])
    }

    fn before(rows: &[(&str, u64)]) -> Earlier {
        Earlier { run: "r1".to_owned(), bytes: 100, tables: tables(rows) }
    }

    #[test]
    fn a_table_that_vanished_or_shrank_by_half_is_named() {
        let earlier = [before(&[("a", 10), ("b", 5)])];
        let seen = hold(&earlier, 100, &tables(&[("a", 4)]));
        assert_eq!(seen.wrong.len(), 2, "{seen:?}");
        assert!(hold(&earlier, 100, &tables(&[("a", 5), ("b", 6)])).wrong.is_empty());
    }

    #[test]
    fn a_size_that_fell_and_a_standstill_are_warned_of() {
        let earlier = vec![before(&[("a", 10)]); STANDSTILL];
        let seen = hold(&earlier, 40, &tables(&[("a", 10)]));
        assert_eq!(seen.warned.len(), 2, "{seen:?}");
        assert!(hold(&earlier[..2], 90, &tables(&[("a", 10)])).warned.is_empty());
    }
}
