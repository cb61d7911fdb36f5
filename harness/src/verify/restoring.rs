//! From pieces to a restored server: which server, and what is restored in which order.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::causes::{self, Weight};
use super::pieces::Given;
use super::plan::Restoring;
use super::restore::archive::Archive;
use super::restore::physical::{self, Files, Part, Place};
use super::restore::script;
use super::restore::{
    Restored, globals, grant_roles, hand_over, make_database, open_to_reader, trust,
};
use super::server::SealedServer;
use super::{Verifying, image};
use crate::error::{Error, Result};
use crate::model::check::{Outcome, id};
use crate::model::existing::{Kind, Piece};
use crate::model::not_proved::{Gap, NotProved};
use crate::model::record::StepTiming;
use crate::recognise::Opener;
use crate::stack::database::blocking;
use crate::stack::engine::Engine;
use crate::stack::images::Images;

/// The server for a backup that does not say which one it is of.
const MAJOR: u32 = 15;

/// Kinds of which each is one database.
const SINGLE: [Kind; 4] = [Kind::PlainSql, Kind::CustomDump, Kind::DirectoryDump, Kind::TarDump];

impl Verifying<'_> {
    /// Finds the server that the backup asks for, and starts what it will run in.
    pub(super) async fn prepare(
        &mut self,
        given: &Given,
        restoring: Restoring,
    ) -> Result<SealedServer> {
        let engine = Engine::find(&self.runner).await?;
        let asked = given.pieces.iter().filter_map(|piece| {
            let tool = piece.says.tool.as_deref().and_then(major_of_tool);
            piece.says.major().max(tool)
        });
        let asked = asked.max().unwrap_or(MAJOR);
        let server = given.pieces.iter().filter_map(|piece| piece.says.major()).max();
        let image = match &self.request.image {
            Some(image) => image.clone(),
            None => {
                let extensions = given.pieces.iter().flat_map(|it| it.says.extensions.clone());
                let extensions = extensions.collect::<BTreeSet<_>>();
                let exactly = restoring == Restoring::Physical;
                let wanted = image::Wanted::of(asked, exactly, &extensions)?;
                if server.is_some_and(|server| server != wanted.major) {
                    let (was, is) = (server.unwrap_or_default(), wanted.major);
                    let why = format!("it is of PostgreSQL {was} and was restored into {is}");
                    self.found.not_proved.push(NotProved::new(Gap::Version, "", why));
                }
                self.found.existing.server = Some(wanted.major.to_string());
                wanted.image(&Images::new(&engine, &self.events)).await?
            }
        };
        self.found.environment.insert("engine".to_owned(), engine.version().to_owned());
        self.found.environment.insert("image".to_owned(), image.clone());
        let started = SealedServer::start(&engine, &self.run, &image, &self.request.limits).await?;
        if restoring == Restoring::Logical {
            started.make_cluster().await?;
        }
        Ok(started)
    }

    /// Restores roles, then each database.
    pub(super) async fn restore_dumps(
        &mut self,
        server: &SealedServer,
        given: &Given,
    ) -> Result<Restored> {
        if self.request.trust {
            trust(server).await?;
        }
        let mut restored = Restored::default();
        let made = self.restore_roles(server, given, &mut restored).await?;
        let named = given.pieces.iter().flat_map(|piece| piece.says.names_roles.iter().cloned());
        let named = named.filter(|it| globals::is_anybodys(it)).collect::<BTreeSet<_>>();
        restored.absent_roles = globals::make_absent(server, named.clone()).await?;
        let roles = made.into_iter().chain(named).collect::<BTreeSet<_>>();
        grant_roles(server, roles.clone()).await?;
        for piece in given.of(&[Kind::ClusterSql]) {
            self.restore_cluster(server, piece, &mut restored).await?;
        }
        for piece in given.of(&SINGLE) {
            self.restore_database(server, piece, &mut restored).await?;
        }
        for database in &restored.databases {
            open_to_reader(server, database).await?;
        }
        self.report_restore(&restored);
        Ok(restored)
    }

    /// Makes the roles of every piece that has some. Gives back their names.
    async fn restore_roles(
        &mut self,
        server: &SealedServer,
        given: &Given,
        restored: &mut Restored,
    ) -> Result<BTreeSet<String>> {
        let mut made = BTreeSet::new();
        for piece in given.of(&[Kind::Globals, Kind::ClusterSql]) {
            let stream = stream(&self.opener, piece);
            let outline = blocking(move || script::outline(stream()?, true)).await?;
            let text = String::from_utf8_lossy(&outline.before).into_owned();
            let found = globals::restore(server, text).await?;
            restored.superusers.extend(found.superusers());
            made.extend(found.roles);
            restored.complaints.extend(causes::read(&found.errors.join("\n")));
            restored.left_out.extend(found.left_out);
        }
        Ok(made)
    }

    /// Restores every database of a script of the whole cluster.
    async fn restore_cluster(
        &mut self,
        server: &SealedServer,
        piece: &Piece,
        restored: &mut Restored,
    ) -> Result<()> {
        let open = stream(&self.opener, piece);
        let read = Arc::clone(&open);
        let outline = blocking(move || script::outline(read()?, false)).await?;
        for name in outline.databases.iter().filter(|it| *it != "template1") {
            if name != "postgres" {
                make_database(server, name, &outline).await?;
            }
            self.run_script(server, Arc::clone(&open), Some(name), name, restored).await?;
            let refused = hand_over(server, name, &outline, Some(name)).await?;
            restored.complaints.extend(causes::read(&refused.join("\n")));
        }
        Ok(())
    }

    async fn restore_database(
        &mut self,
        server: &SealedServer,
        piece: &Piece,
        restored: &mut Restored,
    ) -> Result<()> {
        let named = piece.says.databases.first().cloned();
        let mut name = named.unwrap_or_else(|| "restored".to_owned());
        while restored.databases.contains(&name) || name == "postgres" || name == "template1" {
            name.push_str("_restored");
        }
        let open = stream(&self.opener, piece);
        if piece.kind == Kind::PlainSql {
            let read = Arc::clone(&open);
            let outline = blocking(move || script::outline(read()?, false)).await?;
            make_database(server, &name, &outline).await?;
            let of = outline.databases.first().map(String::as_str);
            self.run_script(server, open, of, &name, restored).await?;
            let refused = hand_over(server, &name, &outline, of).await?;
            restored.complaints.extend(causes::read(&refused.join("\n")));
            return Ok(());
        }
        let archive = match piece.kind {
            Kind::DirectoryDump => Archive::Folder(piece.path.clone()),
            _ => Archive::Stream(Box::new(move || open())),
        };
        archive.bring(server).await?;
        let outline = archive.outline(server).await?;
        make_database(server, &name, &outline).await?;
        let begun = Instant::now();
        let complaints = archive.restore(server, &name, self.request.time_limit).await?;
        self.step(format!("pg_restore into {name}"), begun);
        restored.complaints.extend(complaints);
        // The script of an archive connects to the database that it makes.
        let of = outline.databases.first().map(String::as_str);
        let refused = hand_over(server, &name, &outline, of).await?;
        restored.complaints.extend(causes::read(&refused.join("\n")));
        restored.databases.insert(name);
        Ok(())
    }

    async fn run_script(
        &mut self,
        server: &SealedServer,
        open: Stream,
        of: Option<&str>,
        database: &str,
        restored: &mut Restored,
    ) -> Result<()> {
        let begun = Instant::now();
        let script = blocking(move || open()).await?;
        let (of, limit) = (of.map(str::to_owned), self.request.time_limit);
        let complaints = script::run(server, script, of, database, limit).await?;
        self.step(format!("psql into {database}"), begun);
        restored.complaints.extend(complaints);
        restored.databases.insert(database.to_owned());
        Ok(())
    }

    /// Lays files of a server into the sandbox. Nothing is given back where it does not start.
    pub(super) async fn restore_files(
        &mut self,
        server: &mut SealedServer,
        given: &Given,
    ) -> Result<Option<Restored>> {
        let begun = Instant::now();
        let files = files(given, &self.opener)?;
        match physical::restore(server, files).await? {
            Ok(restored) => {
                self.step("unpack and start".to_owned(), begun);
                for database in &restored.databases {
                    open_to_reader(server, database).await?;
                }
                self.report_restore(&restored);
                Ok(Some(restored))
            }
            Err(log) => {
                let told = causes::read(&log.join("\n"));
                let why = told.first().map_or_else(
                    || log.last().cloned().unwrap_or_default(),
                    causes::Complaint::line,
                );
                let detail = format!("the server does not start on it: {why}");
                self.journal.report(id::RESTORE, Outcome::Failed, detail);
                Ok(None)
            }
        }
    }

    /// Says what the server complained of.
    pub(super) fn report_restore(&mut self, restored: &Restored) {
        let lines = |weight| {
            let of = restored.complaints.iter().filter(move |it| it.weight == weight);
            of.map(causes::Complaint::line).collect::<Vec<_>>()
        };
        let (wrong, open) = (lines(Weight::Wrong), lines(Weight::Open));
        let databases = restored.databases.iter().cloned().collect::<Vec<_>>().join(", ");
        let (outcome, detail) = match (wrong.as_slice(), open.as_slice()) {
            ([], []) => (Outcome::Passed, databases),
            ([], open) => (Outcome::Undecided, crate::drill::first_of(open)),
            (wrong, _) => (Outcome::Failed, crate::drill::first_of(wrong)),
        };
        self.journal.report(id::RESTORE, outcome, detail);
        for what in &restored.left_out {
            self.found.not_proved.push(NotProved::new(Gap::LeftOut, "", what));
        }
    }

    pub(super) fn step(&mut self, step: String, begun: Instant) {
        let seconds = begun.elapsed().as_secs_f64();
        self.found.steps.push(StepTiming { step, store: None, seconds });
    }
}

/// A piece, read from its beginning each time.
pub(super) type Stream = Arc<dyn Fn() -> Result<Box<dyn std::io::Read + Send>> + Send + Sync>;

pub(super) fn stream(opener: &Opener, piece: &Piece) -> Stream {
    let (opener, path, wrapped) = (opener.clone(), piece.path.clone(), piece.wrapped.clone());
    Arc::new(move || opener.stream(&path, &wrapped))
}

/// `pg_dump 15.8` or `pg_dump (PostgreSQL) 15.8`: 15.
fn major_of_tool(tool: &str) -> Option<u32> {
    let version =
        tool.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split('.').next()?.parse().ok()
}

fn files(given: &Given, opener: &Opener) -> Result<Files> {
    let folders = given.of(&[Kind::BaseBackup, Kind::DataDirectory]).map(|it| it.path.clone());
    let folders = folders.collect::<Vec<PathBuf>>();
    let archives = given.of(&[Kind::BaseBackupTar]).collect::<Vec<_>>();
    let repositories = given.of(&[Kind::PgBackRest]).collect::<Vec<_>>();
    if let ([], [], [only]) = (folders.as_slice(), archives.as_slice(), repositories.as_slice()) {
        return Ok(Files::Repository(only.path.clone(), stanza(only)?));
    }
    match (folders.as_slice(), archives.as_slice()) {
        ([only], []) => Ok(Files::Folder(only.clone())),
        ([_, _, ..], []) => Ok(Files::Chain(folders)),
        ([], [only]) => parts(only, opener).map(Files::Parts),
        _ => Err(Error::usage("two backups of a whole server cannot be one")
            .hint("name one of them, or a full one and the incremental ones that build on it")),
    }
}

/// The only stanza of a repository. Its name goes into a setting of the server.
fn stanza(repository: &Piece) -> Result<String> {
    let entries = std::fs::read_dir(repository.path.join("backup"));
    let entries = entries.map_err(|cause| {
        Error::undecided("cannot read the repository of pgBackRest").because(cause)
    })?;
    let names = entries.flatten().filter(|it| it.path().join("backup.info").is_file());
    let names = names.filter_map(|it| it.file_name().into_string().ok()).collect::<Vec<_>>();
    let is_plain =
        |name: &String| name.chars().all(|it| it.is_ascii_alphanumeric() || "._-".contains(it));
    match names.as_slice() {
        [only] if is_plain(only) => Ok(only.clone()),
        _ => Err(Error::undecided(format!("nobody knows which stanza of {names:?} is meant"))
            .hint("bring a repository with one stanza, of a plain name")),
    }
}

/// The archives of a folder of `pg_basebackup --format=tar`, or the one that was named.
fn parts(piece: &Piece, opener: &Opener) -> Result<Vec<Part>> {
    let of = |path: PathBuf, place: Place| {
        let opener = opener.clone();
        let wrapped = crate::recognise::recognise(&path, &opener)?.wrapped;
        Ok(Part { place, open: Box::new(move || opener.stream(&path, &wrapped)) })
    };
    if piece.path.is_file() {
        return Ok(vec![of(piece.path.clone(), Place::Base)?]);
    }
    let entries = std::fs::read_dir(&piece.path)
        .map_err(|cause| Error::undecided("cannot read the backup").because(cause))?;
    let mut parts = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((stem, _)) = name.split_once(".tar") else { continue };
        let place = match stem {
            "base" => Place::Base,
            "pg_wal" => Place::Wal,
            oid if oid.chars().all(|it| it.is_ascii_digit()) => Place::Tablespace(oid.to_owned()),
            _ => continue,
        };
        parts.push(of(entry.path(), place)?);
    }
    // The log lies below the data directory.
    parts.sort_by_key(|part| !matches!(part.place, Place::Base));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_of_a_tool_is_read() {
        assert_eq!(major_of_tool("pg_dump 15.8"), Some(15));
        assert_eq!(major_of_tool("pg_dump version 17.2 (Debian 17.2-1)"), Some(17));
        assert_eq!(major_of_tool("mystery"), None);
    }
}
