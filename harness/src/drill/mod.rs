//! The rehearsal: runs a plan phase by phase against a sealed copy of a stack, and cleans
//! up whatever happens. Finding out ends in a [`Record`]; only what was proved is passed.

mod by_hand;
mod evidence;
mod folder;
mod invariants;
mod journal;
mod judgements;
mod ledger;
mod observe;
mod phases;
mod sabotage;
mod sandbox;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use folder::{DEFAULT_BASE, RunFolder, abandoned, remove_abandoned};
pub use sabotage::{Live, Moment, Saboteur};
pub use sandbox::Sandbox;
pub use verdict::{Judgement, judge};

use self::journal::Journal;
use self::phases::{Found, Rehearsal};
use crate::config::Config;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::model::event::{Event, Events};
use crate::model::phase::Phase;
use crate::model::record::{RECORD_SCHEMA, Record, StackRecord, Timings};
use crate::plan::{Plan, Request};
use crate::process::Runner;
use crate::stack::RunId;

/// How long nothing new may appear before an interrupted run counts as cleaned up: the
/// engine finishes what an ended command had asked of it.
const SETTLE: Duration = Duration::from_millis(1500);

/// A drill that is ready to run.
pub struct Drill {
    /// What was asked for.
    pub request: Request,
    /// What `drill.toml` says.
    pub config: Config,
    /// What will be done and found out.
    pub plan: Plan,
    /// Compose command to use instead of the one that would be found.
    pub compose: Option<String>,
    /// Folder below which the run's own folder is made.
    pub report_base: PathBuf,
    /// Whether the sandbox stays after the run.
    pub keep: bool,
    /// Does harm on the way, in tests of the drill.
    pub saboteur: Option<Arc<dyn Saboteur>>,
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
        let plan = Plan::new(&request, &config)?;
        Ok(Self {
            request,
            config,
            plan,
            compose: None,
            report_base: PathBuf::from(DEFAULT_BASE),
            keep: false,
            saboteur: None,
        })
    }

    /// Runs it. An error means that it could not even begin; from then on, what goes wrong
    /// is in the record.
    pub async fn run(&self, events: &Events, cancelled: CancellationToken) -> Result<Finished> {
        let run = RunId::new();
        let started_at = Timestamp::now();
        let runner = Runner::new(cancelled.clone());
        let folder = RunFolder::create(&self.report_base, &run)?;
        events.emit(Event::RunStarted { run_id: run.to_string() });
        let mut journal = Journal::new(events, &self.plan.checks);

        journal.enter(Phase::Prepare);
        let work = folder.work();
        let prepared = tokio::select! {
            prepared = Sandbox::prepare(self, &run, &work, &runner, events) => prepared,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        let sandbox = match prepared {
            Ok(sandbox) => sandbox,
            Err(cause) => {
                journal.leave(false);
                folder.remove()?;
                return Err(cause);
            }
        };

        let mut rehearsal = Rehearsal::new(self, &sandbox, &folder, &mut journal);
        let result = tokio::select! {
            result = rehearsal.run() => result,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        let found = rehearsal.end();
        let stopped = result.err();
        let phase = journal.leave(stopped.is_none());
        if let Some(phase) = phase.filter(|_| stopped.is_some() || journal.has_failure()) {
            // Logs go first: teardown deletes them.
            evidence::logs(&sandbox.stack.for_cleanup(), &folder, phase).await?;
        }
        journal.enter(Phase::Report);
        let mut record = self.record(&run, started_at, found, &journal, stopped.as_ref());
        // Written now, so that it is there whatever happens to the teardown; and again with it.
        write_report(&mut record, &journal, &runner, &folder)?;
        let kept = self.tear_down(sandbox, stopped.as_ref(), &mut journal).await?;
        folder.remove_work()?;
        let report = write_report(&mut record, &journal, &runner, &folder)?;
        folder.mark_latest()?;
        let exit_code = match &stopped {
            Some(error) if error.kind() == ErrorKind::Interrupted => error.kind().exit_code(),
            _ => record.verdict.exit_code(),
        };
        Ok(Finished { record, exit_code, report, stopped, kept })
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
            stack: StackRecord {
                name: self.plan.stack.clone(),
                services: found.services,
                scale: self.plan.scale.clone(),
            },
            method: self.plan.method.clone(),
            disaster: self.plan.disaster.clone(),
            timings: Timings {
                recovery_time_s: found.recovery_time_s,
                data_loss_s: found.data_loss_s,
                phases: Vec::new(),
            },
            integrity: found.integrity,
            ledger: found.ledger,
            checks: judgement.checks,
            findings: Vec::new(),
            commands: Vec::new(),
            artefact: found.manifest,
            environment: found.environment,
        }
    }

    /// Removes the sandbox, unless the operator wants to keep it.
    async fn tear_down(
        &self,
        sandbox: Sandbox,
        stopped: Option<&Error>,
        journal: &mut Journal,
    ) -> Result<Option<Sandbox>> {
        let interrupted = stopped.is_some_and(|error| error.kind() == ErrorKind::Interrupted);
        if self.keep && !interrupted {
            journal.leave(true);
            return Ok(Some(sandbox));
        }
        journal.enter(Phase::Teardown);
        let settle = if stopped.is_some() { SETTLE } else { Duration::ZERO };
        sandbox.stack.for_cleanup().tear_down(settle).await?;
        journal.leave(true);
        Ok(None)
    }
}

/// Writes the record with all that has been timed and run so far.
fn write_report(
    record: &mut Record,
    journal: &Journal,
    runner: &Runner,
    folder: &RunFolder,
) -> Result<PathBuf> {
    record.timings.phases.clone_from(&journal.phases);
    record.commands = runner.commands();
    evidence::commands(&record.commands, folder)?;
    let text = serde_json::to_string_pretty(record).attempt(|| "cannot write the record")?;
    folder.write("report.json", runner.redact(&text).as_bytes())
}
