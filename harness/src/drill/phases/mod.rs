//! The phases of a drill, from start to probes. Each either completes, stops the drill with
//! a failed check, or stops it with an error: undecided.

mod answers;
mod backup;
mod cold;
mod copy;
mod cover;
mod egress;
mod fill;
mod mistake;
mod proof;
mod recovery;
mod source;
mod verify;

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Continue};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder::RunFolder;
use super::journal::Journal;
use super::ledger::Writer;
use super::observe::{self, Observed};
use super::sabotage::{Live, Moment};
use super::sandbox::Sandbox;
use super::{Drill, Source, invariants};
use crate::backup::Artefact;
use crate::config::Probe;
use crate::error::Result;
use crate::fingerprint::database::{Keep, Snapshot};
use crate::model::artefact::Manifest;
use crate::model::egress::Egress;
use crate::model::image::ImageRecord;
use crate::model::invariant::Reading;
use crate::model::not_proved::NotProved;
use crate::model::phase::Phase;
use crate::model::record::{CopyTiming, Integrity, LedgerRecord, StepTiming};
use crate::model::reference::ReferenceColumn;
use crate::probe::{Prober, Recovery, Variables};
use crate::visit::Round;

/// How long services may take to answer their probes, once they are ready.
const GREEN_LIMIT: Duration = Duration::from_secs(120);

/// What a rehearsal found out, besides its checks.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) services: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) manifest: Option<Manifest>,
    pub(super) integrity: Integrity,
    pub(super) ledger: LedgerRecord,
    pub(super) egress: Option<Egress>,
    pub(super) recovery_time_s: Option<f64>,
    pub(super) data_loss_s: Option<f64>,
    pub(super) restore_steps: Vec<StepTiming>,
    pub(super) copies: Vec<CopyTiming>,
    pub(super) not_proved: Vec<NotProved>,
    pub(super) images: BTreeMap<String, ImageRecord>,
}

/// A drill on its way through the phases.
pub(super) struct Rehearsal<'a> {
    drill: &'a Drill,
    sandbox: &'a Sandbox,
    elsewhere: Option<&'a Sandbox>,
    folder: &'a RunFolder,
    journal: &'a mut Journal,
    writer: Option<Writer>,
    /// The columns that name files.
    references: Vec<ReferenceColumn>,
    /// Services that were not as they should be before the backup.
    down: Vec<String>,
    /// What of the source the backup leaves out.
    left_out: Vec<String>,
    /// How many rows were restored, by table.
    restored: Option<BTreeMap<String, u64>>,
    /// What the entry answered before the backup, where that is what is held.
    answers: Option<Round>,
    /// The part of the sink's log that began with the restore, once it did; or why there is none.
    restored_part: Option<Result<u64, String>>,
    /// What was sent before the disaster, where the sink went with it.
    sent_before: Option<Result<Egress, String>>,
    found: Found,
}

/// Whether the drill goes on after a phase; a check that failed has said why not.
type Flow<T = ()> = ControlFlow<(), T>;

impl<'a> Rehearsal<'a> {
    pub(super) fn new(
        drill: &'a Drill,
        sandbox: &'a Sandbox,
        elsewhere: Option<&'a Sandbox>,
        folder: &'a RunFolder,
        journal: &'a mut Journal,
    ) -> Self {
        let mut environment = sandbox.environment.clone();
        environment.insert("project".to_owned(), sandbox.stack.project().to_owned());
        let services = sandbox.stack.services().to_vec();
        let found = Found { services, environment, ..Found::default() };
        let (writer, references) = (None, Vec::new());
        Self {
            drill,
            sandbox,
            elsewhere,
            folder,
            journal,
            writer,
            references,
            down: Vec::new(),
            left_out: Vec::new(),
            restored: None,
            answers: None,
            restored_part: None,
            sent_before: None,
            found,
        }
    }

    /// Runs the phases until one stops the drill.
    pub(super) async fn run(&mut self) -> Result<()> {
        if let Source::Artefact(dir) = &self.drill.source {
            return self.verify(dir).await;
        }
        self.start_and_seed(&[]).await?;
        let red = self.watch().await?;
        let Continue(artefact) = self.begin_backup().await? else { return Ok(()) };
        let (mut baseline, snapshot) = self.baseline(red).await?;
        if Box::pin(self.back_up(artefact, snapshot, &mut baseline)).await?.is_break() {
            return Ok(());
        }
        self.journal.enter(Phase::ArtefactCheck);
        self.end_quiet(&baseline.certificate).await?;
        self.strike(Moment::ArtefactTaken).await?;
        // From here on only what is on disk counts.
        let artefact = Artefact::open(&self.artefact_dir())?;
        if self.check_artefact(&artefact, &baseline.certificate).await?.is_break() {
            return Ok(());
        }
        let (mut artefact, baseline) = self.approach(artefact, baseline).await?;
        let Continue(struck) = self.destroy(&artefact).await? else { return Ok(()) };
        let restored = self.restore(&mut artefact, &baseline).await?;
        let Continue(restored) = restored else { return Ok(()) };
        self.recover(struck, &baseline).await?;
        self.strike(Moment::ServiceGreen).await?;
        // What cannot be compared does not keep the service from being probed.
        let compared = self.compare(&baseline, restored).await;
        let probed = self.probe(&baseline).await;
        compared.and(probed)?;
        if self.drill.request.copies { self.copy().await } else { Ok(()) }
    }

    /// Where the artefact is taken to.
    fn artefact_dir(&self) -> PathBuf {
        self.drill.request.artefact.clone().unwrap_or_else(|| self.folder.artefact())
    }

    /// Ends it, wherever it stands, with its writer.
    pub(super) fn end(self) -> Found {
        self.found
    }

    async fn observe(&self, snapshot: Option<Snapshot>) -> Result<Observed> {
        let (config, strength) = (&self.drill.config, self.drill.request.strength);
        observe::stores(self.sandbox, config, strength, snapshot, &self.journal.events).await
    }

    async fn list_rows(
        &self,
        observed: Observed,
        keep: Keep,
        tables: Option<Vec<String>>,
    ) -> Result<Observed> {
        observe::list_rows(observed, keep, tables, &self.journal.events).await
    }

    async fn read_invariants(&self, snapshot: &Snapshot) -> Result<BTreeMap<String, Reading>> {
        let connection = self.sandbox.connection().await?;
        let invariants = &self.drill.config.invariants;
        self.waiting(invariants::read(connection, snapshot.id(), invariants)).await
    }

    /// Waits until the probes of the service's health are green.
    async fn green(&self, prober: &Prober) -> Recovery {
        self.waiting(prober.until_green(GREEN_LIMIT, &self.journal.events)).await
    }

    /// Waits for the service or for its database: what is asked takes them longer than it takes
    /// the drill.
    async fn waiting<T>(&self, answer: impl Future<Output = T>) -> T {
        self.sandbox.stack.runner().waiting(answer).await
    }

    /// The probes of the stack. Those that write are left out where it must stay as it is.
    async fn prober(&self, read_only: bool) -> Result<Prober> {
        self.prober_of(&self.drill.config.probes, &self.sandbox.variables, read_only).await
    }

    async fn prober_of(
        &self,
        probes: &[Probe],
        variables: &Variables,
        read_only: bool,
    ) -> Result<Prober> {
        let target = self.sandbox.target(&self.drill.config, read_only).await?;
        Prober::new(probes, &target, variables, Some(Arc::new(self.sandbox.clone())))
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
            artefact: self.artefact_dir(),
        };
        let struck = saboteur.strike(moment, &live).await;
        self.sandbox.stack.forget();
        struck
    }
}
