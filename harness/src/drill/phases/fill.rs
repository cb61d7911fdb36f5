//! Fills the copy from the running project by reads alone, and holds it against what was read: a
//! drill on production's data begins with a copy that is proved to have it.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Instant;

use jiff::Timestamp;

use super::Rehearsal;
use crate::backup::{media, pg_dump};
use crate::compare;
use crate::config::VolumeClass;
use crate::drill::journal::first_of;
use crate::drill::sandbox::cores;
use crate::error::{Error, Result};
use crate::fingerprint::database::{Options, Snapshot, take};
use crate::fingerprint::{self, catalogue};
use crate::model::artefact::Store;
use crate::model::check::{Outcome, id};
use crate::model::divergence::Divergence;
use crate::model::event::Events;
use crate::model::fingerprint::{
    CERTIFICATE_SCHEMA, Certificate, DatabaseFingerprint, MediaFingerprint,
};
use crate::model::not_proved::{Gap, NotProved};
use crate::model::phase::Phase;
use crate::running::{Pace, Running, SourceVolume, Streamed, is_read, stream, unrest};
use crate::stack::database::{Database, blocking};
use crate::volumes;

/// Sessions that fingerprint the running database: it has other work.
const GENTLE: usize = 1;

/// Empties a volume, of which the engine may have made what its image has there, and unpacks
/// standard input into it.
const UNPACK: &str = "find /store -mindepth 1 -delete && exec \"$@\"";

impl Rehearsal<'_> {
    /// Fills the copy and proves that it holds what the project held.
    ///
    /// # Errors
    /// Undecided when it cannot be read or does not fit, and when the copy is not equal to it.
    pub(super) async fn fill(&mut self, running: &Running) -> Result<()> {
        self.journal.enter(Phase::Fill);
        let sandbox = self.sandbox;
        let (stack, database) = (&sandbox.stack, sandbox.database.as_ref());
        self.note_apart(running);
        let volumes = self.source_volumes(running);
        let room = running.room(stack, database, &volumes).await?;
        room.require(sandbox.engine_root.as_deref(), &self.drill.request.report_base)?;
        let begun = Instant::now();
        stack.create().await?;
        let (mut source, mut copy) = (self.nothing_yet(), self.nothing_yet());
        if let Some(database) = database {
            let (of_source, of_copy) = self.fill_database(running, database).await?;
            (source.database, copy.database) = (Some(of_source), Some(of_copy));
        }
        for volume in &volumes {
            let (of_source, of_copy) = self.fill_volume(volume).await?;
            source.volumes.insert(volume.name.clone(), of_source);
            copy.volumes.insert(volume.name.clone(), of_copy);
        }
        let seconds = begun.elapsed().as_secs_f64();
        self.journal.events.note(format!(
            "filled from project {}: {} of database, {} of files, in {seconds:.1} s",
            running.project(),
            size(room.database),
            size(room.files),
        ));
        self.hold_untouched(running).await?;
        self.hold_equal(running, &source, &copy)
    }

    /// Where project and copy are not of one piece: services that do not run there, and those that
    /// do and are not of the copy.
    fn note_apart(&mut self, running: &Running) {
        let stack = &self.sandbox.stack;
        let services = stack.services();
        let without = &self.drill.request.selection.without;
        let known = [services, &without[..]].concat();
        let beyond = running.runs_beyond(&known).into_iter().map(|service| {
            let why =
                format!("it runs in project {}, and the copy does not have it", running.project());
            NotProved::new(Gap::Service, service, why)
        });
        self.found.not_proved.extend(beyond);
        let down = running.down(services.iter().map(String::as_str));
        let gaps = down.into_iter().map(|service| {
            let why = format!("it does not run in project {}", running.project());
            NotProved::new(Gap::Service, service, why)
        });
        self.found.not_proved.extend(gaps);
    }

    /// The volumes to be filled, which are all but the database's and those that are said to be
    /// caches. One that the project does not have, and one under a server, are said to be no proof.
    fn source_volumes(&mut self, running: &Running) -> Vec<SourceVolume> {
        let stack = &self.sandbox.stack;
        let names = stack.volumes().map(|volume| volume.name).collect::<Vec<_>>();
        let classified = volumes::classified(&names, &self.drill.config);
        let meant = classified.iter().filter(|it| {
            it.store != Some(Store::Database)
                && (it.class != VolumeClass::Cache || it.store.is_some())
        });
        // Elsewhere the project has its folders, which are not those of this host.
        let is_here = |name: &&str| stack.has_files() && stack.fill_of(name).is_some();
        let (folders, meant) = meant.map(|it| it.name).partition::<Vec<_>, _>(is_here);
        let (found, unknown) = running.volumes(stack.definition(), meant.into_iter());
        let found = found.into_iter().map(|volume| match stack.fill_of(&volume.name) {
            Some(fill) => volume.without(stack.apart(fill)),
            None => volume,
        });
        let mut found = found.collect::<Vec<_>>();
        let folders = folders.into_iter().filter_map(|name| stack.fill_of(name));
        found.extend(
            folders
                .map(|fill| SourceVolume::of_folder(&fill.volume, &fill.from, stack.apart(fill))),
        );
        let gaps = unknown.into_iter().map(|name| {
            let why = format!("project {} has no such volume: it is empty", running.project());
            NotProved::new(Gap::Volume, name, why)
        });
        let torn = self.sandbox.servers.iter().flat_map(|server| {
            let used = names.iter().filter(|name| stack.users_of(name).contains(&server.as_str()));
            used.map(move |name| {
                let why = format!("it was copied while its server {server} ran: it may be torn");
                NotProved::new(Gap::Volume, name, why)
            })
        });
        self.found.not_proved.extend(gaps.chain(torn));
        found
    }

    /// Streams a dump of the running database into the copy's, and fingerprints both.
    async fn fill_database(
        &mut self,
        running: &Running,
        database: &Database,
    ) -> Result<(DatabaseFingerprint, DatabaseFingerprint)> {
        let stack = &self.sandbox.stack;
        if let Some(unready) = stack.up(&[&database.service], self.ready_limit()).await? {
            return Err(unready.into_error());
        }
        self.waiting(database.wait_until_reachable(stack, self.ready_limit())).await?;
        let connection = running.connection(stack, database).await?;
        let opened = {
            let connection = connection.clone();
            blocking(move || Snapshot::open(&connection))
        };
        let snapshot = self.waiting(opened).await.map_err(|cause| running.unreadable(cause))?;
        self.fill_globals(running, database).await?;
        // They belong to no snapshot: the dump has them from some moment in between.
        let earlier = self.sequences(&connection).await?;
        let begun = Instant::now();
        let dump = running.dump(stack, database, snapshot.id())?;
        let restore = pg_dump::restoring(stack, database).await?;
        let Streamed { from, to, bytes, .. } =
            stream(dump, restore, self.pace("the dump"), |_| Ok(())).await?;
        // Whoever wrote ended first, if it was at fault: the other only saw the end of it.
        from.require(|| "cannot dump the running database")
            .map_err(|cause| running.unreadable(cause))?;
        to.require(|| "cannot restore the dump into the copy")?;
        let dumped_s = begun.elapsed().as_secs_f64();
        let later = self.sequences(&connection).await?;
        let begun = Instant::now();
        let mut source =
            self.digest(snapshot, GENTLE).await.map_err(|cause| running.unreadable(cause))?;
        let read_s = begun.elapsed().as_secs_f64();
        let copy = self.sandbox.connection().await?;
        let copy =
            self.waiting(blocking(move || Snapshot::open(&copy))).await.map_err(|cause| {
                cause
                    .hint("the running server's password is not the one that the stack's files say")
            })?;
        let copy = self.digest(copy, cores()).await?;
        source.facts.extend(earlier);
        source.facts = compare::sequences::moved(&source.facts, &later, &copy.facts);
        self.journal.events.note(format!(
            "read the running database: {} in {dumped_s:.1} s, its fingerprint in {read_s:.1} s",
            size(bytes?)
        ));
        Ok((source, copy))
    }

    /// Roles come first: what the dump restores belongs to them. Their passwords come along where
    /// they may be read, or the application could not sign in.
    async fn fill_globals(&mut self, running: &Running, database: &Database) -> Result<()> {
        let stack = &self.sandbox.stack;
        let output = running.globals(stack, database)?.run().await?;
        if !output.succeeded() && output.stderr.contains("pg_authid") {
            let why = "the role that signs in may not read them: the copy has those of its image";
            self.found.not_proved.push(NotProved::new(Gap::Settings, "roles", why));
            return Ok(());
        }
        let output = output.require(|| "cannot read the roles of the running database")?;
        pg_dump::apply_globals(stack, database, &output.text()).await
    }

    async fn sequences(&self, at: &postgres::Config) -> Result<BTreeMap<String, String>> {
        let at = at.clone();
        self.waiting(blocking(move || catalogue::sequences(&at))).await
    }

    async fn digest(&self, snapshot: Snapshot, jobs: usize) -> Result<DatabaseFingerprint> {
        let options = Options { strength: self.drill.request.strength, jobs };
        let events = self.journal.events.clone();
        self.waiting(blocking(move || take(&snapshot, &options, &events))).await
    }

    /// Streams a volume into the copy's, and fingerprints what was read and what arrived.
    async fn fill_volume(
        &mut self,
        volume: &SourceVolume,
    ) -> Result<(MediaFingerprint, MediaFingerprint)> {
        let stack = &self.sandbox.stack;
        let into = stack.volume(&volume.name)?;
        let words = ["sh", "-c", UNPACK, "sh"].into_iter().chain(media::unpack_command());
        let unpack = stack.beside(&into, false, words);
        let archive = volume.archive(stack, media::archive_command());
        let Streamed { from, to, seen, .. } =
            stream(archive, unpack, self.pace(&format!("volume {}", volume.name)), files_of)
                .await?;
        let name = &volume.name;
        if !is_read(from.exit_code) {
            let failed = format!("cannot read volume {name:?} of the running project");
            return Err(Error::undecided(failed).details(from.stderr.lines()));
        }
        let moving = unrest(&from.stderr);
        if !moving.is_empty() {
            let why = format!("files changed while they were read: {}", first_of(&moving));
            self.found.not_proved.push(NotProved::new(Gap::Volume, name, why));
        }
        to.require(|| format!("cannot unpack into volume {name:?}"))?;
        let archive = media::archive_command();
        let (output, copy) = stack.beside(&into, true, archive).read_by(files_of).await?;
        output.require(|| format!("cannot read volume {name:?} of the copy"))?;
        Ok((seen?, copy?))
    }

    fn pace(&self, what: &str) -> Pace {
        let (rate, events) = (self.drill.request.max_rate, self.journal.events.clone());
        Pace { rate, what: what.to_owned(), events }
    }

    fn nothing_yet(&self) -> Certificate {
        Certificate {
            schema_version: CERTIFICATE_SCHEMA,
            taken_at: Timestamp::now(),
            strength: self.drill.request.strength,
            database: None,
            media: None,
            volumes: BTreeMap::new(),
            sqlite: BTreeMap::new(),
        }
    }

    /// Says whether the project is as it was: the same containers, started when they were.
    async fn hold_untouched(&mut self, running: &Running) -> Result<()> {
        let changed = running.changed().await?;
        let (outcome, seen) = match changed.as_slice() {
            [] => (Outcome::Passed, "the same containers, not started since".to_owned()),
            changed => (Outcome::Warned, first_of(changed)),
        };
        self.journal.report(id::UNTOUCHED, outcome, seen);
        Ok(())
    }

    /// A copy that is not what the project has is no start of a drill: nothing that follows would
    /// say anything of the project's data.
    fn hold_equal(
        &mut self,
        running: &Running,
        source: &Certificate,
        copy: &Certificate,
    ) -> Result<()> {
        self.folder.write_json("evidence/source.json", source)?;
        let integrity = compare::certificates(source, copy);
        let fatal = integrity.divergences.iter().filter(|it| it.is_fatal());
        let mut wrong = fatal.map(Divergence::line).chain(integrity.undecided).collect::<Vec<_>>();
        let beyond = running.mounted_beyond(self.sandbox.stack.definition()).into_iter();
        wrong.extend(beyond.map(|place| {
            format!("the project keeps data at {place}, where the stack's files have nothing")
        }));
        let (tables, files) = (integrity.tables_compared, integrity.files_compared);
        if tables == 0 && files == 0 {
            wrong.push("it holds no table and no file".to_owned());
        }
        if wrong.is_empty() {
            let seen =
                format!("{} rows in {tables} tables, {files} files", integrity.rows_compared);
            self.journal.report(id::FILLED, Outcome::Passed, seen);
            return Ok(());
        }
        let why = first_of(&wrong);
        self.journal.report(id::FILLED, Outcome::Undecided, &why);
        Err(Error::undecided(format!("the copy is not what the running project holds: {why}"))
            .hint("evidence/source.json has what was read; a project that was started from other files is drilled with the same: --file"))
    }
}

/// The fingerprint of what an archive holds.
fn files_of(pipe: impl Read) -> Result<MediaFingerprint> {
    let options = fingerprint::media::Options { jobs: 1, sha256: false };
    fingerprint::media::take_from_tar(pipe, options, &Events::ignored())
}

fn size(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
