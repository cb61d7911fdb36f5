//! `--expect FILE`: what an operator says must be true of every good backup.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::rows::Counted;
use super::{Seen, connect, refusal};
use crate::error::{Error, Result};
use crate::model::check::PlannedCheck;

/// What is expected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Rows that a table must have at least, by its name.
    #[serde(default)]
    pub(in crate::verify) rows: BTreeMap<String, u64>,
    /// Files that an archive of the set must hold, by their paths in it.
    #[serde(default)]
    pub(in crate::verify) files: Vec<String>,
    /// Questions about the data.
    #[serde(default)]
    pub(in crate::verify) invariant: Vec<Invariant>,
}

/// A question about the data, and the answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::verify) struct Invariant {
    /// Unique; the check is `expect.<id>`.
    pub(in crate::verify) id: String,
    /// What a pass means.
    pub(in crate::verify) title: String,
    /// A SELECT. Without `equals`, each of its rows is an offence.
    pub(in crate::verify) sql: String,
    /// What its first column must be, as text.
    pub(in crate::verify) equals: Option<String>,
    /// The database that is asked; the only one, if not given.
    pub(in crate::verify) database: Option<String>,
}

impl Expected {
    /// Reads the file.
    ///
    /// # Errors
    /// Usage when it cannot be read, names an unknown key, or has an id twice.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = || format!("cannot read what is expected from {}", path.display());
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|cause| Error::usage(wrong()).because(cause))?;
        let read = toml::from_str::<Self>(&text).map_err(|cause| {
            Error::usage(wrong()).because(cause).hint(
                "it has [rows] with \"schema.table\" = N, files = [\"path\"], and [[invariant]] with id, title, sql and equals",
            )
        })?;
        let mut ids = read.invariant.iter().map(|it| &it.id).collect::<Vec<_>>();
        ids.sort();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::usage(format!("two invariants have the id {:?}", pair[0]))),
            None => Ok(read),
        }
    }

    /// What will be found out of it.
    pub(in crate::verify) fn checks(&self) -> Vec<PlannedCheck> {
        let mut checks = Vec::new();
        if !self.rows.is_empty() {
            checks.push(PlannedCheck::new(
                "expect.rows",
                "H-8",
                "every table has the rows expected",
            ));
        }
        if !self.files.is_empty() {
            checks.push(PlannedCheck::new("expect.files", "H-8", "every file expected is there"));
        }
        let invariants = self.invariant.iter();
        checks.extend(invariants.map(|it| PlannedCheck::new(it.check(), "H-8", &it.title)));
        checks
    }
}

impl Invariant {
    pub(in crate::verify) fn check(&self) -> String {
        format!("expect.{}", self.id)
    }

    /// Asks a database.
    pub(in crate::verify) fn ask(&self, connection: &postgres::Config) -> Result<Seen> {
        let mut client = connect(connection)?;
        let mut seen = Seen { judged: 1, ..Seen::default() };
        let sql = self.sql.trim().trim_end_matches(';');
        // The operator writes as at home.
        let path = client.batch_execute("RESET search_path");
        path.map_err(|cause| Error::undecided("cannot set a session up").because(cause))?;
        let asked = match &self.equals {
            None => format!("SELECT count(*)::text FROM ({sql}) AS offences"),
            Some(_) => format!(
                "SELECT row_to_json(whole)::jsonb ->> (SELECT k FROM json_object_keys(\
                 row_to_json(whole)) AS k LIMIT 1) FROM ({sql}) AS whole LIMIT 1"
            ),
        };
        match client.query_opt(asked.as_str(), &[]) {
            Ok(row) => {
                let found = row.and_then(|row| row.get::<_, Option<String>>(0));
                let found = found.as_deref().unwrap_or("nothing");
                self.hold(found, &mut seen);
            }
            Err(cause) => seen.wrong.push(format!("it cannot be asked: {}", refusal(cause)?)),
        }
        Ok(seen)
    }

    /// Holds what was answered to what is to be answered.
    pub(in crate::verify) fn hold(&self, found: &str, seen: &mut Seen) {
        match &self.equals {
            None if found != "0" => seen.wrong.push(format!("{found} rows that must not be")),
            Some(wanted) if wanted != found => {
                seen.wrong.push(format!("{found} instead of {wanted}"));
            }
            None | Some(_) => {}
        }
    }
}

/// Holds rows to what is expected of them, in whichever database the table is.
pub(in crate::verify) fn rows(
    expected: &BTreeMap<String, u64>,
    there: &BTreeMap<String, Counted>,
) -> Seen {
    let mut seen = Seen::default();
    for (table, least) in expected {
        let short = format!("public.{table}");
        let of = |counted: &Counted| counted.get(table).or_else(|| counted.get(&short)).copied();
        match there.values().find_map(of) {
            Some(found) if found >= *least => seen.judged += 1,
            Some(found) => seen.wrong.push(format!("{table} has {found} of at least {least} rows")),
            None => seen.wrong.push(format!("{table} is not there")),
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_read_and_an_unknown_key_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("expect.toml");
        let text = "files = [\"a\"]\n[rows]\nusers = 3\n[[invariant]]\nid = \"sum\"\n\
                    title = \"adds up\"\nsql = \"select 1\"\nequals = \"1\"\n";
        std::fs::write(&file, text).expect("written");
        let read = Expected::read(&file).expect("understood");
        assert_eq!(read.checks().len(), 3);
        std::fs::write(&file, "row = 1\n").expect("written");
        let error = Expected::read(&file).expect_err("unknown");
        assert!(error.next_step().is_some(), "{error:?}");
    }

    #[test]
    fn too_few_rows_and_no_table_are_named() {
        let there =
            BTreeMap::from([("db".to_owned(), BTreeMap::from([("public.users".to_owned(), 2)]))]);
        let of = |table: &str, least| rows(&BTreeMap::from([(table.to_owned(), least)]), &there);
        assert_eq!(of("users", 2).judged, 1);
        assert_eq!(of("users", 3).wrong, ["users has 2 of at least 3 rows"]);
        assert_eq!(of("absent", 1).wrong, ["absent is not there"]);
    }
}
