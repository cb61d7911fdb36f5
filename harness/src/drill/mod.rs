//! The rehearsal: runs a plan phase by phase against a sealed copy of a stack, and cleans
//! up whatever happens. Finding out ends in a [`Record`]; only what was proved is passed.

pub(crate) mod adopted;
mod by_hand;
mod evidence;
mod file_fields;
mod folder;
mod gaps;
mod invariants;
mod journal;
mod judgements;
mod ledger;
mod observe;
mod origin;
mod phases;
mod resolved;
mod sabotage;
mod sandbox;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use by_hand::Standing;
pub use folder::{RunFolder, abandoned, remove_abandoned, report_of};
pub use sabotage::{Live, Moment, Saboteur};
pub use sandbox::Sandbox;
pub use verdict::{Judgement, judge};

pub(crate) use self::journal::{Journal, first_of};
use self::origin::{Secrets, Seeded};
use self::phases::{Found, Rehearsal};
use crate::backup::{Artefact, Method};
use crate::config::Config;
use crate::dataset::Scale;
use crate::disaster::Disaster;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::model::event::{Event, Events};
use crate::model::origin::Origin;
use crate::model::phase::Phase;
use crate::model::record::{RECORD_SCHEMA, Record, Removed, StackRecord, Timings};
use crate::plan::{Plan, Request};
use crate::process::Runner;
use crate::stack::images::Images;
use crate::stack::{RunId, sink};

/// How long nothing new may appear before an interrupted run counts as cleaned up: the
/// engine finishes what an ended command had asked of it.
const SETTLE: Duration = Duration::from_millis(1500);

/// Where the artefact of a drill comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is taken of a seeded copy of the stack, which then suffers a disaster.
    Copy,
    /// It was taken earlier, and is in this folder.
    Artefact(PathBuf),
}

/// A drill that is ready to run. Closed: what it will find out is what its request and its
/// configuration promise, and nobody can take a check away.
pub struct Drill {
    request: Request,
    config: Config,
    plan: Plan,
    source: Source,
    /// What the copy is filled with, or was when the artefact was taken.
    seeded: Option<Seeded>,
    /// Where the data of the artefact came from that is judged.
    taken_of: Origin,
    /// Random variables that are known already: those of the copy that the artefact is of.
    secrets: Secrets,
    saboteur: Option<Arc<dyn Saboteur>>,
    /// Whether the copy is only looked at, so that there need be nothing to lose.
    looked_at: bool,
}

/// A drill that has run.
#[derive(Debug)]
pub struct Finished {
    /// Everything that was found out.
    pub record: Record,
    /// Exit code for the process.
    pub exit_code: u8,
    /// Where `report.json` is.
    pub report: PathBuf,
    /// The error that ended it early, if one did.
    pub stopped: Option<Error>,
    /// What was left running because the operator asked for it.
    pub kept: Option<Sandbox>,
}

impl Drill {
    /// A drill as the plan of its request has it.
    pub fn new(request: Request, config: Config) -> Result<Self> {
        Ok(Self {
            plan: Plan::new(&request, &config)?,
            seeded: Seeded::of(&request, &config)
                .filter(|_| request.origin(&config) == Origin::Sample),
            taken_of: Origin::default(),
            source: Source::Copy,
            secrets: Secrets::default(),
            saboteur: None,
            looked_at: false,
            request,
            config,
        })
    }

    /// Judges the artefact in `dir`, which an earlier drill kept, by restoring it. Method, data
    /// and strength of the digests are the artefact's, whatever the request says.
    ///
    /// # Errors
    /// Usage when it is no artefact, carries no certificate, or its method is not configured.
    pub fn of_artefact(request: Request, config: Config, dir: &Path) -> Result<Self> {
        let dir = dir.canonicalize().map_err(|cause| {
            Error::usage(format!("there is no artefact {}", dir.display()))
                .because(cause)
                .hint("cargo xtask dr-drill --artefact DIR keeps one")
        })?;
        let artefact = Artefact::open(&dir)?;
        let (certificate, origin) = (origin::certificate(&artefact)?, origin::origin(&artefact)?);
        let request = Request {
            method: Method::of(&artefact.manifest.method, &config)?,
            disaster: Disaster::Volumes,
            scale: origin.dataset.map_or(Scale::SMALL, |seeded| seeded.scale),
            seed: origin.dataset.map_or(0, |seeded| seeded.seed),
            strength: certificate.strength,
            ..request
        };
        Ok(Self {
            plan: Plan::of_artefact(&request, &config, &dir)?,
            source: Source::Artefact(dir),
            seeded: origin.dataset,
            taken_of: origin.data,
            secrets: origin.secrets,
            saboteur: None,
            looked_at: false,
            request,
            config,
        })
    }

    /// The same for a copy that is only looked at: a stack that keeps nothing will do.
    #[must_use]
    pub fn looked_at(self) -> Self {
        Self { looked_at: true, ..self }
    }

    /// The same with harm done on the way: how tests show that a drill notices.
    #[must_use]
    pub fn sabotaged(self, saboteur: Arc<dyn Saboteur>) -> Self {
        Self { saboteur: Some(saboteur), ..self }
    }

    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What `drill.toml` says.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What will be done and found out.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs it. An error means that it could not even begin; from then on, what goes wrong
    /// is in the record.
    pub async fn run(&self, events: &Events, cancelled: CancellationToken) -> Result<Finished> {
        let run = RunId::new();
        let started_at = Timestamp::now();
        let runner = Runner::new(cancelled.clone());
        let folder = RunFolder::create(&self.request.report_base, &run)?;
        events.emit(Event::RunStarted { run_id: run.to_string() });
        let mut journal = Journal::new(events, &self.plan.checks);

        journal.enter(Phase::Prepare);
        let work = folder.work();
        let prepared = tokio::select! {
            prepared = Box::pin(self.prepare(&run, &work, &runner, events)) => prepared,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        let (sandbox, elsewhere) = match prepared {
            Ok(prepared) => prepared,
            Err(cause) => {
                journal.leave(false);
                folder.remove()?;
                return Err(cause);
            }
        };

        let gaps = self.gaps(&sandbox);
        let mut rehearsal =
            Rehearsal::new(self, &sandbox, elsewhere.as_ref(), &folder, &mut journal);
        let result = tokio::select! {
            result = Box::pin(rehearsal.run()) => result,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        if !result.as_ref().is_err_and(|cause| cause.kind() == ErrorKind::Interrupted) {
            rehearsal.collect_egress().await;
        }
        let mut found = rehearsal.end();
        found.not_proved.extend(gaps);
        let stopped = result.err();
        let phase = journal.leave(stopped.is_none());
        if let Some(phase) = phase.filter(|_| stopped.is_some() || journal.has_failure()) {
            // Logs go first: teardown deletes them. Without them it is torn down all the same.
            let kept = evidence::logs(&sandbox.stack.for_cleanup(), &folder, phase).await;
            if let Err(cause) = kept {
                events.note(format!("logs are missing: {}", cause.chain()));
            }
        }
        journal.enter(Phase::Report);
        let mut record = self.record(&run, started_at, found, &journal, stopped.as_ref());
        // Written now, so that it is there whatever happens to the teardown; and again with it.
        let written = write_report(&mut record, &journal, &runner, &folder);
        let torn_down = self.tear_down(sandbox, stopped.as_ref(), &mut journal).await;
        let (kept, removed) = torn_down.map_err(|cause| not_removed(cause, stopped.as_ref()))?;
        record.removed = removed;
        written?;
        folder.remove_work()?;
        let report = write_report(&mut record, &journal, &runner, &folder)?;
        folder.mark_latest()?;
        let exit_code = match &stopped {
            Some(error) if error.kind() == ErrorKind::Interrupted => error.kind().exit_code(),
            _ => record.verdict.exit_code(),
        };
        Ok(Finished { record, exit_code, report, stopped, kept })
    }

    /// The sandbox, and where it comes back if the whole host is lost: as another project.
    async fn prepare(
        &self,
        run: &RunId,
        work: &Path,
        runner: &Runner,
        events: &Events,
    ) -> Result<(Sandbox, Option<Sandbox>)> {
        let mut sandbox = Sandbox::prepare(self, run, work, runner, events).await?;
        let image = match sink::image(&Images::new(sandbox.stack.engine(), events)).await {
            Err(cause) if cause.kind() == ErrorKind::Interrupted => return Err(cause),
            image => image,
        };
        sandbox.stack = sandbox.stack.with_sink(image);
        let is_moved = self.request.disaster == Disaster::Host;
        let elsewhere = is_moved.then(|| sandbox.elsewhere()).transpose()?;
        Ok((sandbox, elsewhere))
    }

    /// Where its data comes from.
    pub(in crate::drill) fn origin(&self) -> Origin {
        match &self.source {
            Source::Artefact(_) => Origin::Artefact,
            Source::Copy => self.request.origin(&self.config),
        }
    }

    /// Whether the artefact is of a backup that somebody else took.
    pub(in crate::drill) fn is_adopted(&self) -> bool {
        matches!(self.source, Source::Artefact(_)) && self.taken_of == Origin::Artefact
    }

    /// What the run found out, judged.
    fn record(
        &self,
        run: &RunId,
        started_at: Timestamp,
        found: Found,
        journal: &Journal,
        stopped: Option<&Error>,
    ) -> Record {
        let stopped = stopped.map(Error::chain);
        let judgement = judge(&self.plan.checks, &journal.checks, stopped.as_deref());
        Record {
            schema_version: RECORD_SCHEMA,
            run_id: run.to_string(),
            started_at,
            seed: self.request.seed,
            verdict: judgement.verdict,
            reasons: judgement.reasons,
            origin: self.origin(),
            not_proved: found.not_proved,
            stack: StackRecord {
                name: self.plan.stack.clone(),
                services: found.services,
                scale: self.plan.scale.clone(),
                images: found.images,
            },
            method: self.plan.method.clone(),
            disaster: self.plan.disaster.clone(),
            profile: self.request.profile,
            timings: Timings {
                recovery_time_s: found.recovery_time_s,
                data_loss_s: found.data_loss_s,
                harness_s: None,
                phases: Vec::new(),
                restore_steps: found.restore_steps,
                copies: found.copies,
            },
            integrity: found.integrity,
            ledger: found.ledger,
            egress: found.egress,
            checks: judgement.checks,
            findings: Vec::new(),
            commands: Vec::new(),
            artefact: found.manifest,
            environment: found.environment,
            existing: None,
            removed: None,
        }
    }

    /// Removes the sandbox, unless the operator wants to keep it.
    async fn tear_down(
        &self,
        sandbox: Sandbox,
        stopped: Option<&Error>,
        journal: &mut Journal,
    ) -> Result<(Option<Sandbox>, Option<Removed>)> {
        let interrupted = stopped.is_some_and(|error| error.kind() == ErrorKind::Interrupted);
        if self.request.keep && !interrupted {
            journal.leave(true);
            return Ok((Some(sandbox), None));
        }
        journal.enter(Phase::Teardown);
        let settle = if stopped.is_some() { SETTLE } else { Duration::ZERO };
        let removed = sandbox.stack.for_cleanup().tear_down(settle).await?;
        journal.leave(true);
        Ok((None, Some(removed)))
    }
}

/// What could not be removed, of a run that something else may have ended before.
fn not_removed(cause: Error, stopped: Option<&Error>) -> Error {
    let first = stopped.map(|first| format!("before that: {}", first.chain()));
    cause.details(first).hint(
        "what is left of the run is removed, once the engine answers again, by: cargo xtask clean",
    )
}

/// Writes the record with all that has been timed and run so far.
pub(crate) fn write_report(
    record: &mut Record,
    journal: &Journal,
    runner: &Runner,
    folder: &RunFolder,
) -> Result<PathBuf> {
    record.timings.phases.clone_from(&journal.phases);
    record.timings.harness_s = Some(runner.own_time().as_secs_f64());
    record.commands = runner.commands();
    evidence::commands(&record.commands, folder)?;
    let text = serde_json::to_string_pretty(record).attempt(|| "cannot write the record")?;
    folder.write(folder::REPORT_FILE, runner.redact(&text).as_bytes())
}
