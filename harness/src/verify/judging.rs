//! Runs the judges, and says what each came to.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Verifying;
use super::judge::{
    Seen, constraints, expectations, freshness, history, indexes, places, rows, sequences,
};
use super::pieces::Given;
use super::plan::{self, Restoring, own, restoring};
use super::restore::Restored;
use super::server::{MAKER, READER, RESTORER, SealedServer};
use crate::compare;
use crate::drill::first_of;
use crate::error::Result;
use crate::model::check::Outcome;
use crate::model::divergence::{Divergence, DivergenceKind, Severity};
use crate::model::existing::{Kind, Piece, Set};
use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate, DatabaseFingerprint, Strength};
use crate::model::not_proved::{Gap, NotProved};
use crate::stack::database::blocking;

impl Verifying<'_> {
    /// Judges what is known without restoring anything. Gives back whether it can be restored.
    pub(super) fn judge_pieces(&mut self, given: &Given) -> bool {
        let told = |piece: &Piece, why: &str| format!("{}: {why}", piece.path.display());
        let unknown = given.of(&[Kind::Unknown]).map(|it| {
            let why = it.open.first().or(it.damage.first()).cloned().unwrap_or_default();
            told(it, &format!("{}: {why}", it.kind.describe()))
        });
        let unknown = unknown.collect::<Vec<_>>();
        let closed = given
            .of(&[Kind::Encrypted])
            .flat_map(|it| it.open.iter().map(|why| told(it, why)).collect::<Vec<_>>());
        let closed = closed.collect::<Vec<_>>();
        let kinds = given.pieces.iter().map(|it| it.kind.describe()).collect::<Vec<_>>().join(", ");
        let unused = plan::unused(&given.pieces).map(|it| {
            let kind = it.kind.describe();
            told(it, &format!("{kind}: nothing restores it by itself, or beside the others"))
        });
        let open = closed.into_iter().chain(unused).collect::<Vec<_>>();
        let (outcome, detail) = match (unknown.as_slice(), open.as_slice()) {
            ([], []) => (Outcome::Passed, kinds),
            ([], open) => (Outcome::Undecided, first_of(open)),
            (unknown, _) => (Outcome::Failed, first_of(unknown)),
        };
        self.journal.report(own::RECOGNISED, outcome, detail);
        let lines = |of: fn(&Piece) -> &Vec<String>| {
            let known = given.pieces.iter();
            let known = known.filter(|it| ![Kind::Unknown, Kind::Encrypted].contains(&it.kind));
            known
                .flat_map(|it| of(it).iter().map(|why| told(it, why)).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let seen = Seen {
            judged: given.pieces.len() as u64,
            wrong: lines(|it| &it.damage),
            open: lines(|it| &it.open),
            warned: Vec::new(),
        };
        let (whole, detail) = seen.outcome("pieces, read to their ends");
        self.journal.report(own::WHOLE, whole, detail);
        self.judge_others(given);
        self.judge_age(given, None);
        outcome == Outcome::Passed && seen.wrong.is_empty()
    }

    /// Says which of the other backups of the folder are whole.
    fn judge_others(&mut self, given: &Given) {
        let others = &self.request.others;
        if others.is_empty() {
            return;
        }
        let is_whole = |set: &&Set| set.damage().next().is_none();
        let damaged = others.iter().filter(|it| !is_whole(it)).map(|set| {
            let why = set.damage().next().unwrap_or_default();
            format!("{} is damaged: {why}", set.name())
        });
        let damaged = damaged.collect::<Vec<_>>();
        let is_good = given.pieces.iter().all(|piece| piece.damage.is_empty());
        let last_good = others.iter().find(is_whole);
        let (outcome, detail) = match (is_good, last_good) {
            (false, Some(good)) => {
                let age = Timestamp::now().as_second().saturating_sub(good.taken_at.as_second());
                let age = days(Duration::from_secs(u64::try_from(age).unwrap_or_default()));
                let newer = 1 + others.iter().position(|it| it == good).unwrap_or_default();
                let detail = format!(
                    "the last good one is {}, {age} old: a retention of {newer} drops it",
                    good.name()
                );
                (Outcome::Failed, detail)
            }
            (false, None) => (Outcome::Failed, "none of the folder is whole".to_owned()),
            (true, _) if damaged.is_empty() => {
                (Outcome::Passed, format!("{} others are whole", others.len()))
            }
            (true, _) => (Outcome::Warned, first_of(&damaged)),
        };
        self.journal.report(own::OTHERS, outcome, detail);
    }

    /// Holds the age of the backup, and of the newest of its rows where they are known, to what it may
    /// be.
    pub(super) fn judge_age(&mut self, given: &Given, newest: Option<&freshness::Newest>) {
        let Some(limit) = self.request.max_age else { return };
        // Judged once the rows are known, where there are rows.
        let awaits_rows = restoring(&given.pieces) != Restoring::Files;
        let is_known = self.journal.checks.iter().any(|check| check.id == own::AGE);
        let (taken_at, said) = given.taken_at();
        let now = Timestamp::now().as_second();
        let age = |at: Timestamp| {
            let seconds = now.saturating_sub(at.as_second());
            Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
        };
        if taken_at.as_second() > now + 3600 && !is_known {
            let why = format!("it says that it was taken at {taken_at:.0}, which is yet to come");
            self.journal.report(own::AGE, Outcome::Undecided, why);
            return;
        }
        let by = if said { "as it says" } else { "by its files" };
        let text = format!("{} old {by}, at most {}", days(age(taken_at)), days(limit));
        let is_old = age(taken_at) > limit;
        if is_known || (awaits_rows && newest.is_none() && !is_old) {
            return;
        }
        let (outcome, detail) = match newest {
            _ if is_old => (Outcome::Failed, text),
            Some(newest) if age(newest.at) > limit => (
                Outcome::Failed,
                format!(
                    "its newest row is {} old ({}); {text}",
                    days(age(newest.at)),
                    newest.place
                ),
            ),
            _ => (Outcome::Passed, text),
        };
        self.journal.report(own::AGE, outcome, detail);
    }

    /// The age of a backup none of whose rows has an instant.
    fn judge_age_alone(&mut self, given: &Given) {
        if self.journal.checks.iter().any(|check| check.id == own::AGE) {
            return;
        }
        let (_, said) = given.taken_at();
        let (outcome, by) = if said {
            (Outcome::Passed, "it says itself when it was taken")
        } else {
            (Outcome::Undecided, "nothing but its file says when it was taken")
        };
        self.journal.report(own::AGE, outcome, format!("no row has an instant; {by}"));
    }

    /// Everything that is asked of a restored server.
    pub(super) async fn judge_restored(
        &mut self,
        server: &SealedServer,
        given: &Given,
        restored: Restored,
    ) -> Result<()> {
        let mut taken = BTreeMap::new();
        let (mut read, mut complete) = (Seen::default(), Seen::default());
        for name in &restored.databases {
            let connection = server.connection_of(READER, name);
            let events = self.events.clone();
            let of = connection.clone();
            let (strength, jobs) = (self.strength(), jobs());
            let fingerprint = blocking(move || rows::read(&of, strength, jobs, &events));
            let (fingerprint, seen) = self.runner.waiting(fingerprint).await?;
            // The database that every cluster has is mostly empty.
            let promises = promised(given, name, restored.databases.len());
            let is_spare =
                name == "postgres" && fingerprint.tables.is_empty() && promises.is_empty();
            if !is_spare {
                read = read.and(seen);
            }
            let counted = rows::counted(&fingerprint);
            if !restored.is_physical && !is_spare {
                let pieces = blocking(move || rows::pieces(&connection)).await?;
                complete = complete.and(rows::complete(name, &promises, &counted, &pieces));
            }
            self.found.existing.tables.insert(name.clone(), counted);
            taken.insert(name.clone(), fingerprint);
        }
        let all = self.found.existing.tables.values().flat_map(BTreeMap::values);
        let total = all.clone().sum::<u64>();
        self.found.integrity.tables_compared = all.count() as u64;
        self.found.integrity.rows_compared = total;
        self.say(own::READ, &read, &format!("tables, {total} rows"));
        if !restored.is_physical {
            self.say(own::ROWS, &complete, &format!("tables as promised, {total} rows"));
        }
        self.judge_structure(server, &restored).await?;
        self.judge_roles(given, &restored);
        let newest = self.newest(server, &restored).await?;
        self.judge_age(given, newest.as_ref());
        if self.request.max_age.is_some() && newest.is_none() {
            self.judge_age_alone(given);
        }
        self.found.existing.newest = newest.map(|it| (it.at, it.place));
        self.judge_references(server, given, &restored).await?;
        self.judge_expected(server, &restored).await?;
        self.judge_certificate(&taken, &restored);
        self.judge_history(given);
        self.boot(server, given, &restored, &taken).await
    }

    async fn judge_structure(&mut self, server: &SealedServer, restored: &Restored) -> Result<()> {
        let is_physical = restored.is_physical;
        let mut all = [Seen::default(), Seen::default(), Seen::default(), Seen::default()];
        for name in &restored.databases {
            let connection = server.connection_of(READER, name);
            let judged = blocking(move || {
                let constraints = if is_physical {
                    constraints::all(&connection)?
                } else {
                    constraints::made_anew(&connection)?
                };
                Ok([
                    constraints,
                    indexes::sound(&connection, jobs())?,
                    sequences::ahead(&connection)?,
                    places::collations(&connection)?,
                ])
            });
            let judged = self.runner.waiting(judged).await?;
            for (seen, more) in all.iter_mut().zip(judged) {
                *seen = std::mem::take(seen).and(more);
            }
        }
        let how = if is_physical { "held row by row" } else { "checked by the server when made" };
        let [constraints, indexes, sequences, collations] = &all;
        self.say(own::CONSTRAINTS, constraints, &format!("constraints, {how}"));
        self.say(own::INDEXES, indexes, "B-tree indexes hold what their tables hold");
        self.say(own::SEQUENCES, sequences, "sequences ahead of their columns");
        self.say(own::COLLATIONS, collations, "databases sort as they did");
        Ok(())
    }

    fn judge_roles(&mut self, given: &Given, restored: &Restored) {
        let absent = restored.absent_roles.iter().cloned().collect::<Vec<_>>();
        if given.of(&[Kind::Globals, Kind::ClusterSql]).next().is_some() {
            let wrong = absent.iter().map(|it| format!("role {it} is named and nothing makes it"));
            let seen = Seen { judged: 1, wrong: wrong.collect(), ..Seen::default() };
            let (outcome, _) = seen.outcome("");
            let detail = match seen.wrong.as_slice() {
                [] => "every role that is named is made".to_owned(),
                wrong => first_of(wrong),
            };
            self.journal.report(own::ROLES, outcome, detail);
        } else if !restored.is_physical {
            let why = match absent.as_slice() {
                [] => "the backup has no roles: what they may do is not in it".to_owned(),
                absent => format!(
                    "the backup has no roles; it names {}: pg_dumpall --globals-only has them",
                    first_of(absent)
                ),
            };
            self.found.not_proved.push(NotProved::new(Gap::Privileges, "", why));
        }
    }

    async fn newest(
        &self,
        server: &SealedServer,
        restored: &Restored,
    ) -> Result<Option<freshness::Newest>> {
        let mut newest: Option<freshness::Newest> = None;
        for name in &restored.databases {
            let connection = server.connection_of(READER, name);
            let found = blocking(move || freshness::newest(&connection, Timestamp::now()));
            let found = self.runner.waiting(found).await?;
            if found.as_ref().map(|it| it.at) > newest.as_ref().map(|it| it.at) {
                newest = found;
            }
        }
        Ok(newest)
    }

    async fn judge_expected(&mut self, server: &SealedServer, restored: &Restored) -> Result<()> {
        let expected = self.request.expected.clone();
        if !expected.rows.is_empty() {
            let seen = expectations::rows(&expected.rows, &self.found.existing.tables);
            self.say("expect.rows", &seen, "tables have the rows expected");
        }
        for invariant in expected.invariant {
            let only = restored.databases.iter().find(|it| *it != "postgres");
            let Some(name) = invariant.database.clone().or_else(|| only.cloned()) else { continue };
            let (connection, check) = (server.connection_of(READER, &name), invariant.check());
            let title = invariant.title.clone();
            let asked = blocking(move || invariant.ask(&connection));
            match self.runner.waiting(asked).await {
                Ok(seen) => {
                    let (outcome, detail) = seen.outcome("answer");
                    let detail = if outcome == Outcome::Passed { title } else { detail };
                    self.journal.report(&check, outcome, detail);
                }
                Err(cause) => self.journal.report(&check, Outcome::Undecided, cause.chain()),
            }
        }
        Ok(())
    }

    /// Holds what was restored to what production was.
    fn judge_certificate(
        &mut self,
        taken: &BTreeMap<String, DatabaseFingerprint>,
        restored: &Restored,
    ) {
        let Some(before) = &self.request.certificate else { return };
        let name = before.database.as_ref().map(|it| it.name.clone()).unwrap_or_default();
        let after = taken.get(&name).or_else(|| match taken.len() {
            1 => taken.values().next(),
            _ => None,
        });
        let Some(after) = after.filter(|_| before.database.is_some()) else {
            let why =
                format!("the certificate is of database {name:?}, which is not in the backup");
            self.journal.report(own::CERTIFICATE, Outcome::Undecided, why);
            return;
        };
        let before = Certificate { media: None, ..before.clone() };
        let after = Certificate {
            schema_version: CERTIFICATE_SCHEMA,
            taken_at: Timestamp::now(),
            strength: before.strength,
            database: Some(after.clone()),
            media: None,
            volumes: BTreeMap::new(),
            sqlite: BTreeMap::new(),
        };
        let mut integrity = compare::certificates(&before, &after);
        // Those who restored and read are none of production's, nor is what they were given.
        // Superusers were left without their powers, and that is listed.
        let powerless = restored.superusers.iter().map(|it| format!("role {it}"));
        let powerless = powerless.collect::<Vec<_>>();
        let is_meant =
            |found: &Divergence| is_of_sandbox(found) || powerless.contains(&found.subject);
        integrity.divergences.retain(|found| !is_meant(found));
        let wrong = integrity.divergences.iter().filter(|it| it.severity == Severity::Fatal);
        let seen = Seen {
            judged: integrity.rows_compared,
            wrong: wrong.map(Divergence::line).collect(),
            open: compare::verdict(&before, &integrity).1,
            warned: Vec::new(),
        };
        self.say(own::CERTIFICATE, &seen, "rows, and every fact of the catalogue, as certified");
        self.found.integrity.divergences = integrity.divergences;
        self.found.integrity.facts_compared = integrity.facts_compared;
    }

    pub(super) fn judge_history(&mut self, given: &Given) {
        let earlier = history::earlier(&self.request.report_base, &given.identity());
        if !earlier.is_empty() {
            let seen = history::hold(&earlier, given.bytes(), &self.found.existing.tables);
            self.say(own::HISTORY, &seen, "tables no smaller by half than before");
        }
    }

    /// What a verdict does not cover, whatever it is.
    pub(super) fn list_gaps(&mut self, given: &Given) {
        if self.request.certificate.is_none() && restoring(&given.pieces) != Restoring::Files {
            let why = match restoring(&given.pieces) {
                Restoring::MariaDb => {
                    "MariaDB: nobody certifies the source; the record has CHECKSUM TABLE of each table"
                }
                _ => "no certificate of the source was given: fingerprint --out takes one",
            };
            self.found.not_proved.push(NotProved::new(Gap::Equality, "", why));
        }
    }

    pub(super) fn strength(&self) -> Strength {
        self.request.certificate.as_ref().map_or(Strength::Exact, |it| it.strength)
    }

    pub(super) fn say(&mut self, check: &str, seen: &Seen, what: &str) {
        let (outcome, detail) = seen.outcome(what);
        self.journal.report(check, outcome, detail);
    }
}

pub(super) fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// What the pieces promise of a database.
fn promised(given: &Given, database: &str, databases: usize) -> BTreeMap<String, Option<u64>> {
    let mut all = BTreeMap::new();
    for piece in &given.pieces {
        for (of, tables) in &piece.says.tables {
            // One that does not say of which database it is, where there is one alone.
            if of == database || databases == 1 {
                all.extend(tables.clone());
            }
        }
    }
    all
}

/// Whether a difference is one of the sandbox's own roles, or of the extension that it checks
/// indexes with. Rows and owners never are.
fn is_of_sandbox(found: &Divergence) -> bool {
    let own = [MAKER, RESTORER, READER].map(|role| format!("role {role}"));
    let grants = ["pg_authid", "pg_largeobject", "pg_subscription"];
    let is_grant =
        grants.iter().any(|table| found.subject.ends_with(&format!("pg_catalog.{table}")));
    found.kind == DivergenceKind::Catalogue
        && (own.contains(&found.subject)
            || found.subject == "extension amcheck"
            || (is_grant && found.detail.contains(READER)))
}

/// A duration as people say it.
fn days(age: Duration) -> String {
    let hours = age.as_secs() / 3600;
    match hours {
        0 => format!("{} min", age.as_secs() / 60),
        1..48 => format!("{hours} h"),
        _ => format!("{} days", hours / 24),
    }
}
