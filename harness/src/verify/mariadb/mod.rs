//! Dumps of MariaDB and of MySQL: restored into a sealed server of MariaDB by somebody who has no
//! power over it, and judged by what its engine says and by its rows. What is proved of PostgreSQL
//! beyond that is listed as not proved.

mod answer;
mod image;
mod judge;
mod restoring;
mod script;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use self::judge::tables::Examined;
use self::judge::{constraints, freshness, invariant, objects, tables};
use self::server::MariaDb;
use super::Verifying;
use super::judge::{Seen, expectations, rows};
use super::pieces::Given;
use super::plan::{FILES, own};
use super::restore::Restored;
use crate::drill::first_of;
use crate::error::Result;
use crate::model::check::{Outcome, id};
use crate::model::existing::Kind;
use crate::model::not_proved::{Gap, NotProved};
use crate::model::phase::Phase;
use crate::recognise::SYSTEM_OF_MARIADB;

/// Accounts that every server has, or had once.
const OF_EVERY_SERVER: [&str; 6] = [
    "root@localhost",
    "root@%",
    "mariadb.sys@localhost",
    "mysql.sys@localhost",
    "mysql.session@localhost",
    "mysql.infoschema@localhost",
];

/// What came of a restore.
struct Dumps {
    restored: Restored,
    /// The database into which a dump went that does not say where it goes.
    into: BTreeMap<PathBuf, String>,
}

impl Verifying<'_> {
    /// Restores the dumps of MariaDB, and judges what came back.
    pub(super) async fn restore_and_judge_mariadb(&mut self, given: &Given) -> Result<()> {
        self.journal.enter(Phase::Prepare);
        let server = self.prepare_mariadb(given).await?;
        self.journal.enter(Phase::Restore);
        let begun = Instant::now();
        let restored = self.restore_mariadb(&server, given).await?;
        self.restored_in(begun);
        let Some(dumps) = restored else { return Ok(()) };
        self.journal.enter(Phase::Judge);
        self.judge_mariadb(&server, given, &dumps).await
    }

    async fn judge_mariadb(
        &mut self,
        server: &MariaDb,
        given: &Given,
        dumps: &Dumps,
    ) -> Result<()> {
        let restored = &dumps.restored;
        let found = tables::find(server, &restored.databases).await?;
        let examined = tables::examine(server, &found).await?;
        let counted = objects::count(server, &restored.databases).await?;
        let beside = objects::shown(&counted);
        let complete = complete(given, &dumps.into, &examined);
        let complete = complete.and(objects::complete(&promised_objects(given), &counted));
        self.keep_figures(&examined);
        let total = self.found.integrity.rows_compared;
        self.say(own::READ, &examined.read, &format!("tables, {total} rows, read and summed"));
        self.say(own::ROWS, &complete, &format!("tables as promised, {total} rows; {beside}"));
        self.say(own::INDEXES, &examined.indexes, "tables and views, by CHECK TABLE … EXTENDED");
        self.say(own::SEQUENCES, &examined.sequences, "counters ahead of their columns");
        let held = constraints::hold(server, &restored.databases).await?;
        self.say(own::CONSTRAINTS, &held, "constraints, held row by row");
        self.judge_definers(given, restored);
        let newest = freshness::newest(server, &restored.databases).await?;
        self.judge_age(given, newest.as_ref());
        self.found.existing.newest = newest.map(|it| (it.at, it.place));
        self.judge_expected_of_mariadb(server, restored).await?;
        self.judge_history(given);
        self.leave_open();
        self.list_gaps_of_mariadb(given, &counted);
        Ok(())
    }

    fn keep_figures(&mut self, examined: &Examined) {
        self.found.existing.tables.extend(examined.counted.clone());
        self.found.existing.sums.clone_from(&examined.sums);
        let all = examined.counted.values().flat_map(BTreeMap::values);
        self.found.integrity.tables_compared = all.clone().count() as u64;
        self.found.integrity.rows_compared = all.sum::<u64>();
    }

    /// Those as whom something runs, and whom the backup does not make.
    fn judge_definers(&mut self, given: &Given, restored: &Restored) {
        let absent = restored.absent_roles.iter().cloned().collect::<Vec<_>>();
        let made = given.pieces.iter().map(|it| it.says.makes_roles.len()).sum::<usize>();
        if made > 0 {
            let wrong =
                absent.iter().map(|it| format!("something runs as {it}, whom nothing makes"));
            let seen = Seen { judged: made as u64, wrong: wrong.collect(), ..Seen::default() };
            self.say(own::ROLES, &seen, "accounts, and all as whom something runs are of them");
            let why = format!("MariaDB: {made} accounts are in the backup and were not made here");
            self.found.not_proved.push(NotProved::new(Gap::Privileges, "", why));
            return;
        }
        let why = match absent.as_slice() {
            [] => "MariaDB: the backup has no accounts: what they may do is not in it".to_owned(),
            absent => format!(
                "MariaDB: the backup has no accounts; it names {}: mariadb-dump --system=users has them",
                first_of(absent)
            ),
        };
        self.found.not_proved.push(NotProved::new(Gap::Privileges, "", why));
    }

    async fn judge_expected_of_mariadb(
        &mut self,
        server: &MariaDb,
        restored: &Restored,
    ) -> Result<()> {
        let expected = self.request.expected.clone();
        if !expected.rows.is_empty() {
            let there = with_databases(&self.found.existing.tables);
            let seen = expectations::rows(&expected.rows, &there);
            self.say("expect.rows", &seen, "tables have the rows expected");
        }
        for asked in &expected.invariant {
            let only = restored.databases.first();
            let Some(name) = asked.database.as_ref().or(only) else { continue };
            let seen = invariant::ask(asked, server, name).await?;
            let (outcome, detail) = seen.outcome("answer");
            let detail = if outcome == Outcome::Passed { asked.title.clone() } else { detail };
            self.journal.report(&asked.check(), outcome, detail);
        }
        Ok(())
    }

    /// What was asked for and is asked of PostgreSQL alone.
    fn leave_open(&mut self) {
        if self.request.certificate.is_some() {
            let why = "a certificate is of PostgreSQL, and the backup is of MariaDB";
            self.journal.report(own::CERTIFICATE, Outcome::Undecided, why);
        }
        if !self.request.references.is_empty() {
            let why = "references to files are not asked of MariaDB";
            self.journal.report(own::REFERENCES, Outcome::Undecided, why);
        }
        if self.request.application.is_some() {
            let why = "a stack does not boot on databases of MariaDB here";
            self.journal.report(id::SERVICE, Outcome::Undecided, why);
            self.journal.report(id::DATABASE, Outcome::Undecided, why);
        }
    }

    fn list_gaps_of_mariadb(&mut self, given: &Given, counted: &objects::Objects) {
        let mut gap = |gap, subject: &str, why: &str| {
            self.found.not_proved.push(NotProved::new(gap, subject, format!("MariaDB: {why}")));
        };
        let has = |kinds: &[&str]| kinds.iter().any(|kind| counted.contains_key(*kind));
        if !has(&["procedure", "function", "event"]) {
            let why = "the backup has no routines and no events, which a dump has with --routines \
                       --events alone";
            gap(Gap::LeftOut, "routines", why);
        }
        if has(&["sequence"]) {
            gap(Gap::LeftOut, "sequences", "whether they are ahead of their columns is not asked");
        }
        let why = "they have no version that could be compared: whether text sorts as it did is not \
                   asked";
        gap(Gap::Version, "collations", why);
        gap(Gap::Settings, "", "settings of the server, its sql_mode among them, are in no dump");
        let why = match given.of(&FILES).next() {
            Some(_) => "columns that name files of the archive are not looked for",
            None => "the backup has no archive of files to look them up in",
        };
        gap(Gap::References, "", why);
    }
}

/// Holds what is there against what each dump promises, database by database.
fn complete(given: &Given, into: &BTreeMap<PathBuf, String>, examined: &Examined) -> Seen {
    let (mut seen, none) = (Seen::default(), rows::Counted::new());
    for piece in given.of(&[Kind::MariaDbSql]) {
        let promised = piece.says.tables.iter();
        let of_its_own = promised.filter(|(name, _)| !SYSTEM_OF_MARIADB.contains(&name.as_str()));
        for (name, promised) in of_its_own.filter(|(_, promised)| !promised.is_empty()) {
            let database = into.get(&piece.path).unwrap_or(name);
            let there = examined.counted.get(database).unwrap_or(&none);
            seen = seen.and(rows::complete(database, promised, there, &BTreeMap::new()));
        }
    }
    seen
}

fn promised_objects(given: &Given) -> objects::Objects {
    let mut all = objects::Objects::new();
    for piece in given.of(&[Kind::MariaDbSql]) {
        for (kind, count) in &piece.says.objects {
            *all.entry(kind.clone()).or_default() += count;
        }
    }
    all
}

/// The tables by both of their names: `users` and `shop.users`.
fn with_databases(tables: &BTreeMap<String, rows::Counted>) -> BTreeMap<String, rows::Counted> {
    let both = |database: &String, counted: &rows::Counted| {
        let long = counted.iter().map(|(table, rows)| (format!("{database}.{table}"), *rows));
        long.chain(counted.clone()).collect()
    };
    tables.iter().map(|(database, counted)| (database.clone(), both(database, counted))).collect()
}

/// Those whom a backup names and does not make, without those that every server has.
fn absent(named: &BTreeSet<String>, made: &BTreeSet<String>) -> BTreeSet<String> {
    let is_absent = |it: &&String| !made.contains(*it) && !OF_EVERY_SERVER.contains(&it.as_str());
    named.iter().filter(is_absent).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_made_or_is_of_every_server_is_not_absent() {
        let all = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        let named = all(&["root@localhost", "app@%", "ghost@%"]);
        assert_eq!(absent(&named, &all(&["app@%"])), all(&["ghost@%"]));
    }

    #[test]
    fn a_table_is_expected_by_either_of_its_names() {
        let counted = BTreeMap::from([("users".to_owned(), 3)]);
        let both = with_databases(&BTreeMap::from([("shop".to_owned(), counted)]));
        assert_eq!((both["shop"]["users"], both["shop"]["shop.users"]), (3, 3));
    }
}
