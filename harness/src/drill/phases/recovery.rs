//! The disaster and the way back: destroy, restore, start, wait for green.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use jiff::Timestamp;

use super::cold::Files;
use super::source::Baseline;
use super::{Flow, Rehearsal};
use crate::backup::durability::{self, Settings};
use crate::backup::{Artefact, pg_dump, timed};
use crate::config::RestoreInto;
use crate::drill::journal::first_of;
use crate::drill::sabotage::Moment;
use crate::drill::sandbox::Sandbox;
use crate::error::{ErrorKind, Result};
use crate::fingerprint::catalogue;
use crate::fingerprint::database::Snapshot;
use crate::model::artefact::Store;
use crate::model::check::{Outcome, id};
use crate::model::phase::Phase;
use crate::model::profile::Profile;
use crate::model::record::StepTiming;
use crate::plan::Request;
use crate::stack::OwnedVolume;
use crate::stack::database::{ask, blocking};

/// The step of a restore in which the database comes up.
const START: &str = "start the database";

/// The step in which the log is collected until the mistake.
const SALVAGE: &str = "collect the log until the mistake";

/// What a restore brought back, as it was before the application started.
pub(super) struct Restored {
    /// The database, where there is one.
    pub(super) snapshot: Option<Snapshot>,
    /// The volumes that are compared as files.
    pub(super) files: Files,
    /// Where its sequences stood, by the names of their facts.
    pub(super) sequences: BTreeMap<String, String>,
}

impl Rehearsal<'_> {
    /// Has the disaster strike, and gives back when that began.
    pub(super) async fn destroy(&mut self, artefact: &Artefact) -> Result<Flow<Instant>> {
        self.journal.enter(Phase::Disaster);
        self.keep_egress().await;
        let struck = Instant::now();
        let point = artefact.manifest.recovery_point.instant;
        let age_s = Timestamp::now().duration_since(point).as_secs_f64();
        self.found.data_loss_s = Some(age_s);
        let done = self.drill.request.disaster.strike(&self.sandbox.site()).await?;
        // Only now: until its connection died, the writer knew of nothing.
        if let Some(writer) = &mut self.writer {
            writer.stop();
        }
        let gone = self.journal.judge(id::DISASTER, done.seen, &done.survivors);
        Ok(if gone { Continue(struck) } else { Break(()) })
    }

    /// Restores the stores with the application stopped. Gives back what is compared,
    /// whatever the application does when it starts.
    pub(super) async fn restore(
        &mut self,
        artefact: &mut Artefact,
        baseline: &Baseline,
    ) -> Result<Flow<Restored>> {
        self.journal.enter(Phase::Restore);
        // Of a host that is lost not even the names come back.
        self.sandbox = self.elsewhere.unwrap_or(self.sandbox);
        let stack = &self.sandbox.stack;
        // Said where it is done: a drill that stopped before restored nothing.
        let project = stack.project().to_owned();
        self.found.environment.insert("restored_project".to_owned(), project);
        let method = &self.drill.request.method;
        if self.goes_back_to_mistake() {
            match timed(SALVAGE, Some(Store::Database), self.salvage(artefact, baseline)).await {
                Ok(step) => self.found.restore_steps.push(step),
                Err(cause) => {
                    self.journal.completed(id::RESTORE, "", Err(cause))?;
                    return Ok(Break(()));
                }
            }
        }
        let cleared = timed("clear the wreck", None, self.clear()).await?;
        // Elsewhere nothing was sent yet.
        let turned = async {
            match self.elsewhere {
                Some(_) => Ok(0),
                None => stack.turn_sink().await.map_err(|cause| cause.chain()),
            }
        };
        let created = timed("create the stack", None, stack.create());
        let (created, turned) = tokio::join!(created, turned);
        self.restored_part = Some(turned);
        let created = created?;
        self.found.restore_steps.extend([cleared, created]);
        if method.into() == RestoreInto::Server && self.open_server().await?.is_break() {
            return Ok(Break(()));
        }
        let restored = match self.load(artefact).await {
            Ok(steps) => {
                self.found.restore_steps.extend(steps);
                Ok(())
            }
            Err(cause) => Err(cause),
        };
        let seen = "its commands ended without a complaint";
        if !self.journal.completed(id::RESTORE, seen, restored)? {
            return Ok(Break(()));
        }
        self.strike(Moment::FilesRestored).await?;
        // Before anything runs on them.
        let files = self.read_files().await?;
        if method.into() == RestoreInto::Volumes && self.start_on_restored().await?.is_break() {
            return Ok(Break(()));
        }
        self.strike(Moment::StoresRestored).await?;
        if self.sandbox.database.is_none() {
            let sequences = BTreeMap::new();
            return Ok(Continue(Restored { snapshot: None, files, sequences }));
        }
        self.prove_durable(&baseline.origin.settings).await?;
        let connection = self.sandbox.connection().await?;
        let opened = blocking(move || {
            let snapshot = Snapshot::open(&connection)?;
            Ok((snapshot, catalogue::sequences(&connection)?))
        });
        let (snapshot, sequences) = self.waiting(opened).await?;
        Ok(Continue(Restored { snapshot: Some(snapshot), files, sequences }))
    }

    /// Has the method restore, under the drill's profile.
    async fn load(&self, artefact: &Artefact) -> Result<Vec<StepTiming>> {
        let (site, Request { method, profile, .. }) = (self.sandbox.site(), &self.drill.request);
        // A server that is not running yet is tuned by whoever starts it.
        if *profile == Profile::Production || method.into() == RestoreInto::Volumes {
            return method.restore(&site, artefact, *profile).await;
        }
        let before = durability::tune(&site).await?;
        let mut steps = method.restore(&site, artefact, *profile).await?;
        steps.push(
            timed("make it durable", Some(Store::Database), durability::settle(&site, before))
                .await?,
        );
        Ok(steps)
    }

    /// Reads back from the server whether it is as durable as its source was.
    async fn prove_durable(&mut self, source: &Settings) -> Result<()> {
        let connection = self.sandbox.connection().await?;
        let restored = self.waiting(ask(connection, durability::read)).await?;
        let seen = durability::seen(self.drill.request.profile, &restored);
        self.journal.judge(id::DURABLE, seen, &durability::wrong(source, &restored));
        Ok(())
    }

    /// Removes what the disaster left of the stack, so that the restore begins from nothing. Only
    /// a store that was not struck and that the method does not bring back stays.
    async fn clear(&self) -> Result<()> {
        let Sandbox { stack, database, media, .. } = self.sandbox;
        let (strikes, promises) =
            (self.drill.request.disaster.strikes(), self.drill.request.method.promises());
        let stays =
            |store| !strikes.is_empty() && !strikes.contains(&store) && !promises.contains(&store);
        let is_kept = |volume: &OwnedVolume| {
            let is_media = media.as_ref().is_some_and(|media| media.name == volume.name);
            let is_database =
                database.as_ref().is_some_and(|it| it.volume.as_ref() == Some(&volume.name));
            (is_database && stays(Store::Database)) || (is_media && stays(Store::Media))
        };
        stack.destroy_containers(&[]).await?;
        let wreck = stack.volumes().filter(|volume| !is_kept(volume)).collect::<Vec<_>>();
        stack.destroy_volumes(&wreck).await
    }

    /// Starts the database on what was restored, and waits until its recovery has ended.
    async fn start_on_restored(&mut self) -> Result<Flow> {
        let Sandbox { stack, database: Some(database), .. } = self.sandbox else {
            return Ok(Continue(()));
        };
        let started = Instant::now();
        if let Some(unready) = stack.up(&[&database.service], self.ready_limit()).await? {
            let why = format!("the server does not start on it: {}", unready.state);
            self.journal.report(id::SERVICE, Outcome::Failed, why);
            return Ok(Break(()));
        }
        self.waiting(database.wait_until_reachable(stack, self.ready_limit())).await?;
        self.waiting(database.wait_until_writable(stack, self.ready_limit())).await?;
        self.found.restore_steps.push(step(START, started));
        Ok(Continue(()))
    }

    /// Starts the database on its fresh volume, and refuses one that is not empty.
    async fn open_server(&mut self) -> Result<Flow> {
        let (stack, database) = (&self.sandbox.stack, self.sandbox.database()?);
        let started = Instant::now();
        if let Some(unready) = stack.up(&[&database.service], self.ready_limit()).await? {
            return Err(unready.into_error());
        }
        self.waiting(database.wait_until_reachable(stack, self.ready_limit())).await?;
        self.found.restore_steps.push(step(START, started));
        self.strike(Moment::StoresFresh).await?;
        let tables = self.waiting(pg_dump::foreign_tables(stack, database)).await?;
        let Some(first) = tables.first() else { return Ok(Continue(())) };
        if self.has_first_scripts().await? {
            // What an image makes on an empty volume is no data that anybody had.
            self.journal
                .events
                .note(format!("the image's own scripts made {first} and others: they go"));
            return Ok(Continue(()));
        }
        let others = tables.len() - 1;
        let why = format!("refused: the target is not empty, it has {first} and {others} more");
        self.journal.report(id::RESTORE, Outcome::Failed, why);
        Ok(Break(()))
    }

    /// Whether the database's image runs scripts of the stack on an empty volume.
    async fn has_first_scripts(&self) -> Result<bool> {
        let (stack, database) = (&self.sandbox.stack, self.sandbox.database()?);
        let list = "ls -A /docker-entrypoint-initdb.d 2>/dev/null";
        let listed = stack.exec(&database.service, None, ["sh", "-c", list]).await?.run().await?;
        Ok(!listed.text().trim().is_empty())
    }

    /// Starts the application and waits for green: here the recovery clock stops.
    pub(super) async fn recover(&mut self, struck: Instant, baseline: &Baseline) -> Result<()> {
        self.journal.enter(Phase::Boot);
        match self.sandbox.stack.up(&[], self.ready_limit()).await? {
            Some(unready) => {
                let why = format!("service {:?} is not ready: {}", unready.service, unready.state);
                self.journal.report(id::SERVICE, Outcome::Failed, why);
            }
            None => {
                self.journal.enter(Phase::Green);
                self.await_green(struck, baseline).await?;
            }
        }
        if let Some(limit_s) = self.drill.config.objectives.recovery_time_s {
            self.journal.hold(id::RECOVERY_TIME, self.found.recovery_time_s, limit_s);
        }
        Ok(())
    }

    /// Says which tags came to mean another image since the copy started: what was restored then runs
    /// other code than what was backed up.
    pub(super) async fn hold_images(&mut self) -> Result<()> {
        let moved = self.sandbox.stack.moved_images(&self.found.images).await?;
        let moved =
            moved.iter().map(|it| format!("{}: {} was replaced", it.service, it.was.reference));
        let moved = moved.collect::<Vec<_>>();
        let (outcome, seen) = match moved.as_slice() {
            [] => (Outcome::Passed, format!("{} services", self.found.images.len())),
            moved => (Outcome::Warned, first_of(moved)),
        };
        self.journal.report(id::IMAGES, outcome, seen);
        Ok(())
    }

    /// Waits until the service is seen to be back, by whatever shows that.
    async fn await_green(&mut self, struck: Instant, baseline: &Baseline) -> Result<()> {
        if baseline.origin.answers.is_some() {
            let seen = match self.answers_again().await {
                Ok(seen) => seen,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => return Err(cause),
                Err(cause) => {
                    self.journal.judge(id::SERVICE, "", &[cause.chain()]);
                    return Ok(());
                }
            };
            self.found.recovery_time_s = Some(struck.elapsed().as_secs_f64());
            self.journal.report(id::SERVICE, Outcome::Passed, seen);
            return Ok(());
        }
        if self.drill.config.asks_unasked() {
            let opened = self.opens_again().await;
            let wrong = opened.err().map(|cause| cause.chain());
            if wrong.is_none() {
                self.found.recovery_time_s = Some(struck.elapsed().as_secs_f64());
            }
            self.journal.judge(id::SERVICE, "the entry accepts connections", wrong.as_slice());
            return Ok(());
        }
        if !self.drill.config.probes.iter().any(|probe| probe.health) {
            self.found.recovery_time_s = Some(struck.elapsed().as_secs_f64());
            let services = self.sandbox.stack.services().len();
            let seen = format!("{services} services run, those with a health check healthy");
            self.journal.report(id::SERVICE, Outcome::Passed, seen);
            return Ok(());
        }
        let recovery = self.green(&self.prober(false).await?).await;
        let recovery_time_s = recovery.green_at.map(|green_at| (green_at - struck).as_secs_f64());
        self.found.recovery_time_s = recovery_time_s;
        let probes = recovery.round.checks;
        let red = probes.iter().filter(|check| check.outcome != Outcome::Passed);
        let red = red.map(|check| format!("{}: {}", check.id, check.detail));
        let red = if recovery_time_s.is_some() { Vec::new() } else { red.collect() };
        let seen = format!("{} probes green", probes.len());
        self.journal.judge(id::SERVICE, seen, &red);
        Ok(())
    }
}

fn step(step: &str, started: Instant) -> StepTiming {
    let seconds = started.elapsed().as_secs_f64();
    StepTiming { step: step.to_owned(), store: None, seconds }
}
