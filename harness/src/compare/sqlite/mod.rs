//! The databases of SQLite of two trees, held against each other. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::divergence::{Divergence, DivergenceKind, Severity};
use crate::model::fingerprint::{RowsDigest, SqliteFingerprint, SqliteState};

/// Complaints of one database that are named.
const NAMED_MAX: usize = 5;

/// What came of comparing them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteComparison {
    /// Databases on both sides.
    pub databases_compared: u64,
    /// Tables of which the rows were read on both sides.
    pub tables_compared: u64,
    /// Their rows in the baseline.
    pub rows_compared: u64,
    /// What differs.
    pub divergences: Vec<Divergence>,
    /// What cannot be judged, and why, in one line each.
    pub undecided: Vec<String>,
}

/// Compares a baseline with what a restore gave.
#[must_use]
pub fn compare(before: &SqliteFingerprint, after: &SqliteFingerprint) -> SqliteComparison {
    let mut comparison = SqliteComparison::default();
    for (side, fingerprint) in [("the baseline", before), ("the restored store", after)] {
        for (path, reason) in &fingerprint.undecided {
            comparison.undecided.push(format!("{path}: {reason} (in {side})"));
        }
    }
    for (path, was) in &before.databases {
        let mut one = Comparing { path, comparison: &mut comparison };
        match after.databases.get(path) {
            Some(is) => one.databases(was, is),
            // Whether it is one is not known; that is said already.
            None if after.undecided.contains_key(path) => {}
            None => one.differs("it is not there, or is no database any more"),
        }
    }
    for path in after.databases.keys() {
        let known = before.databases.contains_key(path) || before.undecided.contains_key(path);
        if !known {
            let mut one = Comparing { path, comparison: &mut comparison };
            one.differs("it was not there before");
        }
    }
    comparison
}

struct Comparing<'a> {
    path: &'a str,
    comparison: &'a mut SqliteComparison,
}

impl Comparing<'_> {
    fn databases(&mut self, was: &SqliteState, is: &SqliteState) {
        self.comparison.databases_compared += 1;
        for (side, state) in [("the baseline", was), ("the restored store", is)] {
            for reason in &state.undecided {
                self.undecided(&format!("{reason} (in {side})"));
            }
        }
        self.damage(was, is);
        if [was, is].iter().any(|state| state.schema.is_empty() && state.is_unread()) {
            // Why is said already; that its tables are not there would mislead.
            return;
        }
        if was.user_version != is.user_version {
            let (before, after) = (was.user_version, is.user_version);
            self.differs(&format!("user_version {before} before, {after} after"));
        }
        self.schema(was, is);
        let lost = lost_log(was, is);
        for (table, rows) in &was.tables {
            if let Some(now) = is.tables.get(table) {
                self.rows(table, rows, now, lost.as_deref());
            }
        }
        for (pair, count) in &is.dangling {
            let before = was.dangling.get(pair).copied().unwrap_or_default();
            if *count > before {
                let noun = if *count == 1 { "row that is" } else { "rows that are" };
                self.differs(&format!("{pair}: {count} {noun} not there, {before} before"));
            }
        }
    }

    fn damage(&mut self, was: &SqliteState, is: &SqliteState) {
        let new: Vec<_> = is.damage.iter().filter(|said| !was.damage.contains(said)).collect();
        for said in new.iter().take(NAMED_MAX) {
            self.differs(&format!("the integrity check says: {said}"));
        }
        if let Some(more) = new.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            self.differs(&format!("the integrity check says {more} more of the kind"));
        }
        if let Some(said) = is.damage.iter().find(|said| was.damage.contains(said)) {
            let line = format!("the integrity check says, and said before: {said}");
            let found = Divergence::new(DivergenceKind::Sqlite, self.path, line);
            let reason = "it was damaged before the backup was taken";
            self.comparison.divergences.push(found.weighed(Severity::Warned, reason));
        }
    }

    fn schema(&mut self, was: &SqliteState, is: &SqliteState) {
        let names: BTreeSet<_> = was.schema.keys().chain(is.schema.keys()).collect();
        for name in names {
            match (was.schema.get(name), is.schema.get(name)) {
                (Some(_), None) => self.differs(&format!("{name} is not there")),
                (None, Some(_)) => self.differs(&format!("{name} was not there before")),
                (before, after) if before != after => {
                    self.differs(&format!("{name} is defined otherwise"));
                }
                _ => {}
            }
        }
    }

    fn rows(&mut self, table: &str, was: &RowsDigest, is: &RowsDigest, lost_log: Option<&str>) {
        match (was, is) {
            (
                RowsDigest::Read { count, digest },
                RowsDigest::Read { count: count_after, digest: digest_after },
            ) => {
                self.comparison.tables_compared += 1;
                self.comparison.rows_compared += count;
                let why = lost_log.map_or(String::new(), |suffix| format!("; {suffix}"));
                if count != count_after {
                    let noun = if *count == 1 { "row" } else { "rows" };
                    self.differs(&format!(
                        "table {table}: {count} {noun} before, {count_after} after{why}"
                    ));
                } else if digest != digest_after {
                    self.differs(&format!("table {table}: rows changed{why}"));
                }
            }
            (RowsDigest::Undecided { reason }, _) | (_, RowsDigest::Undecided { reason }) => {
                self.undecided(&format!("table {table}: {reason}"));
            }
            (RowsDigest::Unpopulated, _) | (_, RowsDigest::Unpopulated) => {}
        }
    }

    fn differs(&mut self, what: &str) {
        let found = Divergence::new(DivergenceKind::Sqlite, self.path, what);
        self.comparison.divergences.push(found);
    }

    fn undecided(&mut self, why: &str) {
        self.comparison.undecided.push(format!("{}: {why}", self.path));
    }
}

/// What lay beside a database, held a part of it, and was not brought back.
fn lost_log(was: &SqliteState, is: &SqliteState) -> Option<String> {
    let missing: Vec<_> = was.beside.difference(&is.beside).map(String::as_str).collect();
    (!missing.is_empty()).then(|| format!("its {} was left behind", missing.join(" and its ")))
}
