//! The phases of a drill, from start to probes. Each either completes, stops the drill with
//! a failed check, or stops it with an error: undecided.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::folder::RunFolder;
use super::journal::Journal;
use super::observe::{self, Observed};
use super::sabotage::{Live, Moment};
use super::sandbox::Sandbox;
use super::{Drill, judgements};
use crate::backup::{Artefact, media, pg_dump};
use crate::compare;
use crate::disaster;
use crate::error::Result;
use crate::fingerprint::database::Snapshot;
use crate::fingerprint::references;
use crate::model::artefact::{Manifest, PartKind};
use crate::model::check::Outcome;
use crate::model::fingerprint::{Certificate, MediaKind};
use crate::model::phase::Phase;
use crate::model::record::{Integrity, LedgerRecord};
use crate::plan::check;
use crate::probe::{Prober, Target};
use crate::stack::database::{ask, blocking};

/// How long restored services may take to answer their probes, once they are ready.
const GREEN_LIMIT: Duration = Duration::from_secs(120);

/// Bounds the writing of a large dataset's files.
const SEED_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// What a rehearsal found out, besides its checks.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) services: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) manifest: Option<Manifest>,
    pub(super) integrity: Integrity,
    pub(super) ledger: LedgerRecord,
    pub(super) recovery_time_s: Option<f64>,
    pub(super) data_loss_s: Option<f64>,
}

/// A drill on its way through the phases.
pub(super) struct Rehearsal<'a> {
    drill: &'a Drill,
    sandbox: &'a Sandbox,
    folder: &'a RunFolder,
    journal: &'a mut Journal,
    pub(super) found: Found,
}

/// Whether the drill goes on after a phase; a check that failed has said why not.
type Flow<T = ()> = ControlFlow<(), T>;

impl<'a> Rehearsal<'a> {
    pub(super) fn new(
        drill: &'a Drill,
        sandbox: &'a Sandbox,
        folder: &'a RunFolder,
        journal: &'a mut Journal,
    ) -> Self {
        let found = Found {
            services: sandbox.stack.services().to_vec(),
            environment: sandbox.environment.clone(),
            ..Found::default()
        };
        Self { drill, sandbox, folder, journal, found }
    }

    /// Runs the phases until one stops the drill.
    pub(super) async fn run(&mut self) -> Result<()> {
        self.start_and_seed().await?;
        let (baseline, snapshot) = self.baseline().await?;
        let dir = self.back_up(snapshot).await?;
        self.strike(Moment::ArtefactTaken).await?;
        // From here on only what is on disk counts.
        let artefact = Artefact::open(&dir)?;
        if self.check_artefact(&artefact, &baseline).await?.is_break() {
            return Ok(());
        }
        let Continue(struck) = self.destroy(&artefact).await? else { return Ok(()) };
        let Continue(restored) = self.restore(&artefact).await? else { return Ok(()) };
        self.recover(struck).await?;
        self.strike(Moment::ServiceGreen).await?;
        // What cannot be compared does not keep the service from being probed.
        let compared = self.compare(&baseline, restored).await;
        let probed = self.probe().await;
        compared.and(probed)
    }

    /// The phases that a sandbox without a drill needs.
    pub(super) async fn start_and_seed(&mut self) -> Result<()> {
        self.start().await?;
        self.seed().await
    }

    async fn start(&mut self) -> Result<()> {
        self.journal.enter(Phase::Start);
        match self.sandbox.stack.up(&[], self.ready_limit()).await? {
            None => Ok(()),
            Some(unready) => Err(unready.into_error()),
        }
    }

    async fn seed(&mut self) -> Result<()> {
        self.journal.enter(Phase::Seed);
        let Some(dataset) = &self.sandbox.dataset else { return Ok(()) };
        let Sandbox { stack, database, media: volume, .. } = self.sandbox;
        let connection = database.connection(stack).await?;
        let rows = {
            let (dataset, events) = (dataset.clone(), self.journal.events.clone());
            blocking(move || dataset.load_database(&connection, &events))
        };
        let files = async {
            let Some(volume) = volume else { return Ok(None) };
            let (dataset, events) = (dataset.clone(), self.journal.events.clone());
            let tar = stack.beside(volume, false, media::unpack_command()).timeout(SEED_LIMIT);
            let (output, written) =
                tar.written_by(move |pipe| dataset.write_media(pipe, &events)).await?;
            output.require(|| "cannot write the media files")?;
            written.map(Some)
        };
        let (rows, files) = tokio::try_join!(rows, files)?;
        let speed = rows.rows as f64 / rows.seconds;
        let files = files.map_or_else(String::new, |files| {
            format!(
                "; {} files, {:.1} MB in {:.1} s",
                files.files,
                files.bytes as f64 / 1e6,
                files.seconds
            )
        });
        let (rows, seconds) = (rows.rows, rows.seconds);
        self.journal
            .events
            .note(format!("{rows} rows in {seconds:.1} s, {speed:.0} a second{files}"));
        Ok(())
    }

    /// Fingerprints the source. The snapshot stays open: the backup reads the same state.
    async fn baseline(&mut self) -> Result<(Certificate, Snapshot)> {
        self.journal.enter(Phase::Baseline);
        let connection = self.sandbox.database.connection(&self.sandbox.stack).await?;
        let snapshot = blocking(move || Snapshot::open(&connection)).await?;
        let Observed { certificate, snapshot } = self.observe(snapshot).await?;
        self.folder.write_json("evidence/baseline.json", &certificate)?;
        Ok((certificate, snapshot))
    }

    async fn back_up(&mut self, snapshot: Snapshot) -> Result<PathBuf> {
        self.journal.enter(Phase::Backup);
        let Sandbox { stack, database, media: volume, .. } = self.sandbox;
        let dir = self.folder.artefact();
        let point = snapshot.recovery_point().clone();
        let mut artefact = Artefact::create(&dir, pg_dump::NAME, point)?;
        let parts = pg_dump::take(stack, database, snapshot.id(), &artefact).await?;
        artefact.manifest.parts.extend(parts);
        if let Some(volume) = volume {
            let part = media::take(stack, volume, &artefact).await?;
            artefact.manifest.parts.push(part);
        }
        artefact.manifest.tools = pg_dump::tools(stack, database).await?;
        artefact.seal()?;
        close(snapshot).await?;
        self.folder.write_json("evidence/manifest.json", &artefact.manifest)?;
        self.found.manifest = Some(artefact.manifest);
        Ok(dir)
    }

    /// Reads the artefact back in full. Nothing is destroyed unless it holds everything.
    async fn check_artefact(
        &mut self,
        artefact: &Artefact,
        baseline: &Certificate,
    ) -> Result<Flow> {
        self.journal.enter(Phase::ArtefactCheck);
        let Sandbox { stack, database, .. } = self.sandbox;
        let read = artefact.clone();
        let mut damage = blocking(move || read.damage()).await?;
        let dump = artefact.part(PartKind::Database)?;
        let dump = pg_dump::examine(stack, database, artefact, dump).await?;
        damage.extend(dump.damage.clone());
        let mut intact = true;
        if let Some(expected) = &baseline.media {
            let (read, part) = (artefact.clone(), artefact.part(PartKind::Media)?.clone());
            match blocking(move || media::examine(&read, &part)).await {
                Err(cause) => damage.push(cause.chain()),
                Ok(archive) => {
                    let files = expected.entries.values();
                    let files = files.filter(|entry| matches!(entry.kind, MediaKind::File { .. }));
                    let (found, expected) = (archive.files, files.count() as u64);
                    let mut wrong = archive.violations;
                    if found != expected {
                        wrong
                            .push(format!("{found} files in the archive, {expected} in the store"));
                    }
                    let seen = format!("{found} files, {} bytes", archive.bytes);
                    intact &= self.journal.judge(check::ARTEFACT_MEDIA, seen, &wrong);
                }
            }
        }
        let (size, parts) = (artefact.manifest.size(), artefact.manifest.parts.len());
        let seen = format!("{parts} parts, {size} bytes");
        intact &= self.journal.judge(check::ARTEFACT_INTACT, seen, &damage);
        let (seen, wrong) = judgements::rows_in_dump(&dump, baseline);
        intact &= self.journal.judge(check::ARTEFACT_ROWS, seen, &wrong);
        Ok(if intact { Continue(()) } else { Break(()) })
    }

    /// Destroys everything, and gives back when that began.
    async fn destroy(&mut self, artefact: &Artefact) -> Result<Flow<Instant>> {
        self.journal.enter(Phase::Disaster);
        let struck = Instant::now();
        let point = artefact.manifest.recovery_point.instant;
        let data_loss_s = Timestamp::now().duration_since(point).as_secs_f64();
        self.found.data_loss_s = Some(data_loss_s);
        if let Some(limit_s) = self.drill.config.objectives.data_loss_s {
            self.journal.hold(check::DATA_LOSS, Some(data_loss_s), limit_s);
        }
        let stack = &self.sandbox.stack;
        let volumes = stack.volumes().collect::<Vec<_>>();
        let survivors = disaster::volumes(stack, &volumes).await?;
        let wrong = survivors.iter().map(|name| format!("volume {name} is still there"));
        let seen = format!("every container and {} volumes are gone", volumes.len());
        let gone = self.journal.judge(check::DISASTER, seen, &wrong.collect::<Vec<_>>());
        Ok(if gone { Continue(struck) } else { Break(()) })
    }

    /// Restores the stores with the application stopped. Gives back a snapshot of what was
    /// restored: that is what is compared, whatever the application does when it starts.
    async fn restore(&mut self, artefact: &Artefact) -> Result<Flow<Snapshot>> {
        self.journal.enter(Phase::Restore);
        let Sandbox { stack, database, media: volume, .. } = self.sandbox;
        stack.create().await?;
        if let Some(unready) = stack.up(&[&database.service], self.ready_limit()).await? {
            return Err(unready.into_error());
        }
        self.strike(Moment::StoresFresh).await?;
        let tables = pg_dump::foreign_tables(stack, database).await?;
        if let Some(first) = tables.first() {
            let others = tables.len() - 1;
            let why = format!("refused: the target is not empty, it has {first} and {others} more");
            self.journal.report(check::RESTORE, Outcome::Failed, why);
            return Ok(Break(()));
        }
        let rows = async {
            let globals = artefact.part(PartKind::Globals)?;
            pg_dump::restore_globals(stack, database, artefact, globals).await?;
            pg_dump::restore(stack, database, artefact, artefact.part(PartKind::Database)?).await
        };
        let files = async {
            let Some(volume) = volume else { return Ok(()) };
            media::restore(stack, volume, artefact, artefact.part(PartKind::Media)?).await
        };
        let restored = tokio::try_join!(rows, files).map(drop);
        let seen = "pg_restore and tar ended without a complaint";
        if !self.journal.completed(check::RESTORE, seen, restored)? {
            return Ok(Break(()));
        }
        self.strike(Moment::StoresRestored).await?;
        let connection = database.connection(stack).await?;
        blocking(move || Snapshot::open(&connection)).await.map(Continue)
    }

    /// Starts the application and waits for green: here the recovery clock stops.
    async fn recover(&mut self, struck: Instant) -> Result<()> {
        match self.sandbox.stack.up(&[], self.ready_limit()).await? {
            Some(unready) => {
                let why = format!("service {:?} is not ready: {}", unready.service, unready.state);
                self.journal.report(check::SERVICE, Outcome::Failed, why);
            }
            None => {
                let recovery =
                    self.prober().await?.until_green(GREEN_LIMIT, &self.journal.events).await;
                let recovery_time_s =
                    recovery.green_at.map(|green_at| (green_at - struck).as_secs_f64());
                self.found.recovery_time_s = recovery_time_s;
                let probes = recovery.round.checks;
                let red = probes.iter().filter(|check| check.outcome != Outcome::Passed);
                let red = red.map(|check| format!("{}: {}", check.id, check.detail));
                let red = if recovery_time_s.is_some() { Vec::new() } else { red.collect() };
                let seen = format!("{} probes green", probes.len());
                self.journal.judge(check::SERVICE, seen, &red);
            }
        }
        if let Some(limit_s) = self.drill.config.objectives.recovery_time_s {
            self.journal.hold(check::RECOVERY_TIME, self.found.recovery_time_s, limit_s);
        }
        Ok(())
    }

    async fn compare(&mut self, baseline: &Certificate, restored: Snapshot) -> Result<()> {
        self.journal.enter(Phase::Compare);
        let Observed { certificate, snapshot } = self.observe(restored).await?;
        close(snapshot).await?;
        self.folder.write_json("evidence/restored.json", &certificate)?;
        let mut integrity = compare::certificates(baseline, &certificate);
        for judged in judgements::integrity(&integrity, certificate.media.is_some()) {
            self.journal.report(judged.id, judged.outcome, judged.detail);
        }
        self.resolve_references(&certificate, &mut integrity).await?;
        self.folder.write_json("evidence/divergences.json", &integrity)?;
        self.found.integrity = integrity;
        Ok(())
    }

    /// Resolves every file that a row names, where the configuration says that rows name files.
    async fn resolve_references(
        &mut self,
        restored: &Certificate,
        integrity: &mut Integrity,
    ) -> Result<()> {
        let columns = self.drill.config.media.as_ref().map(|media| media.references.clone());
        let (Some(columns), Some(files)) = (columns, restored.media.clone()) else { return Ok(()) };
        if columns.is_empty() {
            return Ok(());
        }
        let connection = self.sandbox.database.connection(&self.sandbox.stack).await?;
        let resolved = ask(connection, move |client| references::check(client, &columns, &files));
        let resolved = resolved.await?;
        integrity.references_checked = resolved.checked;
        let judged = judgements::references(&resolved);
        self.journal.report(judged.id, judged.outcome, judged.detail);
        integrity.undecided.extend(resolved.undecided);
        integrity.divergences.extend(resolved.divergences);
        Ok(())
    }

    async fn probe(&mut self) -> Result<()> {
        self.journal.enter(Phase::Probes);
        let round = self.prober().await?.round(&self.journal.events).await;
        self.folder.write_json("evidence/probes.json", &round.traces)?;
        for check in round.checks {
            self.journal.add(check);
        }
        Ok(())
    }

    async fn observe(&self, snapshot: Snapshot) -> Result<Observed> {
        observe::stores(self.sandbox, &self.drill.config, snapshot, &self.journal.events).await
    }

    async fn prober(&self) -> Result<Prober> {
        let service = &self.drill.config.service;
        let address = self.sandbox.stack.address(&service.entry).await?;
        let target = Target {
            base_url: format!("http://{}", service.host),
            resolve: Some((address, service.port).into()),
            ca_pem: None,
            insecure: false,
            read_only: false,
        };
        let exec = Arc::new(self.sandbox.clone());
        Prober::new(&self.drill.config.probes, &target, &self.sandbox.variables, Some(exec))
    }

    fn ready_limit(&self) -> Duration {
        Duration::from_secs(self.drill.config.service.ready_timeout_s)
    }

    async fn strike(&self, moment: Moment) -> Result<()> {
        let Some(saboteur) = &self.drill.saboteur else { return Ok(()) };
        let live = Live {
            stack: self.sandbox.stack.clone(),
            database: self.sandbox.database.clone(),
            media: self.sandbox.media.clone(),
            artefact: self.folder.artefact(),
        };
        saboteur.strike(moment, &live).await
    }
}

/// Closes a snapshot's connection, which blocks.
async fn close(snapshot: Snapshot) -> Result<()> {
    blocking(move || {
        drop(snapshot);
        Ok(())
    })
    .await
}
