//! The application on what was restored: the databases are handed over to a copy of the stack that
//! uses them, which boots on them and is asked what a drill asks.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Verifying;
use super::files::files_of;
use super::pieces::Given;
use super::restore::{Restored, close_to_reader};
use super::server::{MAKER, READER, RESTORER, SealedServer};
use crate::backup::Artefact;
use crate::config::{Config, Holds};
use crate::drill::{Drill, adopted};
use crate::error::{Attempt, Error, Result};
use crate::fingerprint::catalogue;
use crate::model::artefact::PartKind;
use crate::model::check::{Check, id};
use crate::model::existing::Kind;
use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate, DatabaseFingerprint};
use crate::plan;
use crate::stack::database::blocking;

/// A stack that is to boot on what was restored.
#[derive(Debug, Clone)]
pub struct Application {
    /// How its copy is made.
    pub request: plan::Request,
    /// What is known of it.
    pub config: Config,
}

/// Checks of a drill of an artefact that say nothing of the backup itself: the artefact is this
/// tool's own.
const OF_THE_ARTEFACT: [&str; 4] =
    [id::ARTEFACT_INTACT, id::ARTEFACT_ROWS, id::ARTEFACT_MEDIA, id::ARTEFACT_VERIFIED];

impl Verifying<'_> {
    /// Boots the stack on one of the databases that were restored.
    pub(super) async fn boot(
        &mut self,
        server: &SealedServer,
        given: &Given,
        restored: &Restored,
        taken: &BTreeMap<String, DatabaseFingerprint>,
    ) -> Result<()> {
        let Some(Application { request, mut config }) = self.request.application.clone() else {
            return Ok(());
        };
        // Nobody knows what these gave before the backup.
        config.invariants.retain(|it| it.holds == Holds::NoRows);
        let name = chosen(restored, &config)?;
        let folder = self.work.join("adopted");
        let fingerprint = taken.get(&name).cloned().map(without_sandbox);
        self.events.note(format!("handing database {name} over to a copy of the stack"));
        let (taken_at, _) = given.taken_at();
        let connection = server.connection_of(READER, &name);
        let sequences = blocking(move || catalogue::sequences(&connection)).await?;
        close_to_reader(server, &name).await?;
        let artefact = adopted::begin(&folder, taken_at)?;
        let artefact = self.write_dump(server, artefact, &name).await?;
        let artefact = self.write_roles(server, restored, artefact).await?;
        let (artefact, media) = self.write_files(given, artefact, &config).await?;
        let certificate = Certificate {
            schema_version: CERTIFICATE_SCHEMA,
            taken_at: Timestamp::now(),
            strength: self.strength(),
            database: fingerprint,
            media,
            volumes: BTreeMap::new(),
            sqlite: BTreeMap::new(),
        };
        let read = artefact.clone();
        let (columns, invariants) = (self.found.columns.clone(), config.invariants.clone());
        let sealed = move || adopted::seal(read, &certificate, sequences, columns, &invariants);
        blocking(sealed).await?;
        self.drill(request, config, &folder).await
    }

    /// Drills the copy of the stack, and takes over what it found.
    async fn drill(&mut self, request: plan::Request, config: Config, folder: &Path) -> Result<()> {
        let request = plan::Request { report_base: self.work.join("runs"), ..request };
        let drill = Drill::of_artefact(request, config, folder)?;
        let cancelled: CancellationToken = self.runner.cancellation().clone();
        let finished = Box::pin(drill.run(&self.events, cancelled)).await?;
        for check in finished.record.checks {
            if !OF_THE_ARTEFACT.contains(&check.id.as_str()) {
                // The backup itself has been restored before: this is about the stack.
                let id = match check.id.as_str() {
                    id::RESTORE => "application.restored".to_owned(),
                    other => other.to_owned(),
                };
                self.journal.keep(Check { id, ..check });
            }
        }
        self.found.not_proved.extend(finished.record.not_proved);
        self.found.egress = finished.record.egress;
        self.found.services = finished.record.stack.services;
        self.found.application_s = finished.record.timings.recovery_time_s;
        match finished.stopped {
            Some(stopped) => Err(stopped),
            None => Ok(()),
        }
    }

    async fn write_dump(
        &self,
        server: &SealedServer,
        mut artefact: Artefact,
        database: &str,
    ) -> Result<Artefact> {
        let mut part = artefact.begin(PartKind::Database, "database.dump")?;
        let words = ["pg_dump", "--format=custom", "--compress=0", "--host=/tmp", "--username"];
        let command = server.signed_in(words).arg(&server.maker).arg(database);
        let command = command.timeout(self.request.time_limit);
        let (output, part) = command
            .read_by(move |mut pipe| {
                io::copy(&mut pipe, &mut part).attempt(|| "cannot hand a database over")?;
                part.finish()
            })
            .await?;
        output.require(|| "cannot hand a database over")?;
        artefact.manifest.parts.push(part?);
        Ok(artefact)
    }

    /// Roles as they were restored, without those of the sandbox. Superusers are the stack's own
    /// affair: the copy has one already, with a password that its application knows.
    async fn write_roles(
        &self,
        server: &SealedServer,
        restored: &Restored,
        mut artefact: Artefact,
    ) -> Result<Artefact> {
        let words = ["pg_dumpall", "--globals-only", "--host=/tmp", "--database=postgres"];
        let command = server.signed_in(words).arg("--username").arg(&server.maker);
        let output = command.run().await?.require(|| "cannot hand the roles over")?;
        let text = output.text();
        let own = [MAKER, RESTORER, READER];
        let superusers = restored.superusers.iter().cloned().chain(["postgres".to_owned()]);
        let of_superusers = superusers.map(|it| format!("ALTER ROLE {it} ")).collect::<Vec<_>>();
        let is_own = |line: &&str| {
            own.iter().any(|role| line.contains(role))
                || *line == "CREATE ROLE postgres;"
                || of_superusers.iter().any(|begin| line.starts_with(begin.as_str()))
        };
        let lines = text.lines().filter(|line| !is_own(line)).collect::<Vec<_>>();
        let mut part = artefact.begin(PartKind::Globals, "globals.sql")?;
        let written = part.write_all((lines.join("\n") + "\n").as_bytes());
        written.attempt(|| "cannot hand the roles over")?;
        let part = part.finish()?;
        artefact.manifest.parts.push(part);
        Ok(artefact)
    }

    /// The archive of files, where the stack has a store for one.
    async fn write_files(
        &self,
        given: &Given,
        mut artefact: Artefact,
        config: &Config,
    ) -> Result<(Artefact, Option<crate::model::fingerprint::MediaFingerprint>)> {
        if config.media.is_none() {
            return Ok((artefact, None));
        }
        let Some(archive) = given.of(&[Kind::Tar]).next().cloned() else {
            return Err(Error::undecided(
                "the stack has a store of files, and the backup has none",
            )
            .hint("name the archive of its files beside the dump"));
        };
        let (opener, events) = (self.opener.clone(), self.events.clone());
        blocking(move || {
            let media = files_of(&opener, &archive, &events)?;
            let mut part = artefact.begin(PartKind::Media, "media.tar.zst")?;
            let mut stream = opener.stream(&archive.path, &archive.wrapped)?;
            let copied = zstd::stream::copy_encode(&mut stream, &mut part, 1);
            copied.attempt(|| "cannot hand the files over")?;
            let part = part.finish()?;
            artefact.manifest.parts.push(part);
            Ok((artefact, Some(media)))
        })
        .await
    }
}

/// The same without what is the sandbox's own: its roles, and what they were given.
fn without_sandbox(mut fingerprint: DatabaseFingerprint) -> DatabaseFingerprint {
    let is_own = |text: &str| text.contains(MAKER) || text.contains("amcheck");
    fingerprint.facts.retain(|name, value| !is_own(name) && !is_own(value));
    fingerprint
}

/// The database that the stack uses: the one of its name, or the only one.
fn chosen(restored: &Restored, config: &Config) -> Result<String> {
    let wanted = config.database.as_ref().and_then(|it| it.name.clone());
    let others = restored.databases.iter().filter(|it| *it != "postgres").collect::<Vec<_>>();
    match (wanted, others.as_slice()) {
        (Some(wanted), all) if all.iter().any(|it| **it == wanted) => Ok(wanted),
        (_, [only]) => Ok((*only).clone()),
        (_, all) => Err(Error::usage(format!(
            "nobody knows which of {} databases the stack uses",
            all.len()
        ))
        .hint("drill.toml names it: [database] name")),
    }
}
