//! From dumps to a restored server of MariaDB: which server, and what is restored in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::super::Verifying;
use super::super::causes::{Complaint, Weight};
use super::super::pieces::Given;
use super::super::restore::Restored;
use super::super::restoring::stream;
use super::image::{Source, Wanted, shown};
use super::script::{self, Outline};
use super::server::{Account, MariaDb};
use super::{Dumps, absent, answer};
use crate::error::{Error, Result};
use crate::model::existing::{Kind, Piece};
use crate::model::not_proved::{Gap, NotProved};
use crate::recognise::SYSTEM_OF_MARIADB;
use crate::stack::database::blocking;
use crate::stack::engine::Engine;
use crate::stack::images::Images;

impl Verifying<'_> {
    /// Finds the server that the dumps ask for, and starts it.
    pub(super) async fn prepare_mariadb(&mut self, given: &Given) -> Result<MariaDb> {
        let engine = Engine::find(&self.runner).await?;
        let of = given.of(&[Kind::MariaDbSql]).map(|piece| Source::of(&piece.says));
        let source = of.max_by_key(|it| (it.is_mysql, it.version));
        let source = source.ok_or_else(|| Error::undecided("there is no dump of MariaDB"))?;
        let image = match &self.request.image {
            Some(image) => image.clone(),
            None => {
                let wanted = Wanted::of(source)?;
                self.name_version(source, &wanted);
                wanted.image(&Images::new(&engine, &self.events)).await?
            }
        };
        self.found.environment.insert("engine".to_owned(), engine.version().to_owned());
        self.found.environment.insert("image".to_owned(), image.clone());
        MariaDb::start(&engine, &self.run, &image, &self.request.limits).await
    }

    /// Says where the server that was taken is another than the dumps'.
    fn name_version(&mut self, source: Source, wanted: &Wanted) {
        let is = shown(wanted.version);
        self.found.existing.server = Some(format!("MariaDB {is}"));
        if source.version == Some(wanted.version) && !source.is_mysql {
            return;
        }
        let was = source.version.map_or_else(|| "an unknown version".to_owned(), shown);
        let why = format!("it is of {} {was} and was restored into MariaDB {is}", source.maker());
        self.found.not_proved.push(NotProved::new(Gap::Version, "", why));
    }

    /// Restores each dump. Nothing is given back where the server lacks what they ask for: what is not
    /// there then says nothing of them.
    pub(super) async fn restore_mariadb(
        &mut self,
        server: &MariaDb,
        given: &Given,
    ) -> Result<Option<Dumps>> {
        if self.request.trust {
            server.trust().await?;
        }
        let (mut restored, mut into) = (Restored::default(), BTreeMap::new());
        let pieces = given.of(&[Kind::MariaDbSql]).collect::<Vec<_>>();
        let all = pieces.iter().flat_map(|it| it.says.databases.iter().cloned());
        let mut databases = all.filter(|it| !is_system(it)).collect::<BTreeSet<_>>();
        for database in &databases {
            server.open(database).await?;
        }
        let all = |of: fn(&Piece) -> &BTreeSet<String>| {
            pieces.iter().flat_map(|it| of(it).iter().cloned()).collect::<BTreeSet<_>>()
        };
        let (named, made) = (all(|it| &it.says.names_roles), all(|it| &it.says.makes_roles));
        restored.absent_roles = absent(&named, &made);
        for piece in pieces {
            let chosen = self.restore_script(server, piece, &mut databases, &mut restored).await?;
            let only = piece.says.tables.len() == 1;
            into.extend(chosen.filter(|_| only).map(|name| (piece.path.clone(), name)));
        }
        let definers = named.iter().filter_map(|it| Account::of(it)).collect::<BTreeSet<_>>();
        // What runs as them is looked at as it would run at home.
        restored.databases = server.databases().await?;
        server.make_definers(&definers, &restored.databases).await?;
        let of_mysql = given.of(&[Kind::MariaDbSql]).any(|it| Source::of(&it.says).is_mysql);
        let lacks = weigh(&mut restored.complaints, of_mysql);
        self.report_restore(&restored);
        Ok((!lacks).then_some(Dumps { restored, into }))
    }

    /// Runs a script. Gives back the database that was chosen for it, where it does not say.
    async fn restore_script(
        &mut self,
        server: &MariaDb,
        piece: &Piece,
        databases: &mut BTreeSet<String>,
        restored: &mut Restored,
    ) -> Result<Option<String>> {
        let open = stream(&self.opener, piece);
        let read = open.clone();
        let outline = blocking(move || script::outline(read()?)).await?;
        restored.left_out.extend(outline.left_out.iter().cloned());
        if piece.says.tables.values().all(BTreeMap::is_empty) {
            // Accounts alone.
            return Ok(None);
        }
        let into = self.make_databases(server, piece, &outline, databases).await?;
        let definers = piece.says.names_roles.iter().filter_map(|it| Account::of(it)).collect();
        server.make_definers(&definers, databases).await?;
        let begun = Instant::now();
        let limit = self.request.time_limit;
        let script = blocking(move || open()).await?;
        let run = server.run(into.as_deref(), limit, move |pipe| script::pass(script, pipe));
        restored.complaints.extend(run.await?);
        let name = into.as_deref().unwrap_or("its own databases");
        self.step(format!("mariadb into {name}"), begun);
        Ok(into)
    }

    /// Makes the databases that a dump goes to and does not make. Gives back the one that it begins
    /// in, where it does not say.
    async fn make_databases(
        &self,
        server: &MariaDb,
        piece: &Piece,
        outline: &Outline,
        databases: &mut BTreeSet<String>,
    ) -> Result<Option<String>> {
        let make = |name: &str| format!("CREATE DATABASE IF NOT EXISTS {};\n", answer::name(name));
        let begins_nowhere = outline.used.is_empty() && outline.made.is_empty();
        let mut begins_in = None;
        if begins_nowhere || outline.begins_somewhere {
            let named = piece.says.databases.iter().find(|it| !is_system(it)).cloned();
            let mut name = named.unwrap_or_else(|| "restored".to_owned());
            let there = server.databases().await?;
            while there.contains(&name) {
                name.push_str("_restored");
            }
            server.make(&make(&name)).await?;
            server.open(&name).await?;
            databases.insert(name.clone());
            begins_in = Some(name);
        }
        for name in outline.used.difference(&outline.made) {
            server.make(&make(name)).await?;
        }
        Ok(begins_in)
    }
}

/// Numbers of errors by which a server says that it does not know what it is asked for: a collation,
/// a character set, an engine.
const LACKS: [&str; 4] = ["1273", "1115", "1253", "1286"];

/// Numbers of errors that follow where a table could not be made.
const FOLLOWS: [&str; 7] = ["1005", "1054", "1146", "1305", "1356", "1449", "1824"];

/// What a server does not understand of another's dump.
const NOT_UNDERSTOOD: &str = "1064";

/// Tells what the server lacks from what is wrong with the dump. Gives back whether it lacks something.
fn weigh(complaints: &mut [Complaint], of_mysql: bool) -> bool {
    let is = |complaint: &Complaint, numbers: &[&str]| {
        let number = complaint.says.split(' ').next().unwrap_or_default();
        numbers.contains(&number)
    };
    let is_lack = |it: &Complaint| is(it, &LACKS) || (of_mysql && is(it, &[NOT_UNDERSTOOD]));
    let lacks = complaints.iter().any(is_lack);
    for complaint in complaints.iter_mut().filter(|it| lacks && (is_lack(it) || is(it, &FOLLOWS))) {
        complaint.weight = complaint.weight.min(Weight::Open);
    }
    complaints.sort_by_key(|it| (it.weight != Weight::Wrong, !is_lack(it)));
    lacks
}

fn is_system(database: &str) -> bool {
    SYSTEM_OF_MARIADB.contains(&database)
}

#[cfg(test)]
mod tests {
    use super::super::super::causes;
    use super::*;

    fn weighed(text: &str, of_mysql: bool) -> (bool, Vec<(String, Weight)>) {
        let mut complaints = causes::read(text);
        let lacks = weigh(&mut complaints, of_mysql);
        let all = complaints.into_iter().map(|it| (it.says[..4].to_owned(), it.weight));
        (lacks, all.collect())
    }

    #[test]
    fn what_a_server_does_not_know_is_not_the_dump_s_fault() {
        let follows = "ERROR 1146 (42S02) at line 9: Table 'a.b' doesn't exist\n";
        let lack = "ERROR 1273 (HY000) at line 3: Unknown collation: 'utf8mb4_0900_ai_ci'\n";
        let expected = [("1273".to_owned(), Weight::Open), ("1146".to_owned(), Weight::Open)];
        assert_eq!(weighed(&format!("{follows}{lack}"), false), (true, expected.to_vec()));
        let alone = (false, vec![("1146".to_owned(), Weight::Wrong)]);
        assert_eq!(weighed(follows, false), alone);
    }

    #[test]
    fn a_statement_that_is_not_understood_is_another_s_dialect_in_dumps_of_mysql_alone() {
        let text = "ERROR 1064 (42000) at line 3: You have an error in your SQL syntax\n";
        assert_eq!(weighed(text, true), (true, vec![("1064".to_owned(), Weight::Open)]));
        assert_eq!(weighed(text, false), (false, vec![("1064".to_owned(), Weight::Wrong)]));
        let hostile = format!("{text}ERROR at line 1: Unknown command '\\!'.\n");
        assert_eq!(weighed(&hostile, true).1[0], ("Unkn".to_owned(), Weight::Wrong));
    }
}
