//! Judges a backup that exists, whoever made it: recognised by its content, restored into a sealed
//! server of its own, and held to all that can be proved without its source. What cannot be proved is
//! listed; what was given is only read.

mod application;
mod causes;
mod files;
mod image;
mod judge;
mod judging;
mod mariadb;
mod pieces;
mod plan;
mod repository;
mod request;
mod restore;
mod restoring;
mod sandbox;
mod server;

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use self::application::Application;
pub use self::judge::expectations::Expected;
pub use self::request::{Request, TIME_LIMIT};

use self::pieces::Given;
use self::plan::{Restoring, own};
use crate::drill::{Journal, RunFolder, judge as verdict, write_report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::check::Outcome;
use crate::model::event::{Event, Events};
use crate::model::existing::{ExistingRecord, Kind, Piece, Set};
use crate::model::not_proved::NotProved;
use crate::model::origin::Origin;
use crate::model::phase::Phase;
use crate::model::profile::Profile;
use crate::model::record::{
    Integrity, LedgerRecord, RECORD_SCHEMA, Record, StackRecord, StepTiming, Timings,
};
use crate::model::reference::ReferenceColumn;
use crate::process::Runner;
use crate::recognise::{self, Opener};
use crate::stack::RunId;
use crate::stack::database::blocking;
use crate::stack::engine::Engine;

/// A verification that has ended.
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
}

/// What is found out on the way, besides checks.
#[derive(Debug, Default)]
struct Found {
    existing: ExistingRecord,
    integrity: Integrity,
    not_proved: Vec<NotProved>,
    steps: Vec<StepTiming>,
    recovery_time_s: Option<f64>,
    /// How long the application took until it was green, where one was booted.
    application_s: Option<f64>,
    services: Vec<String>,
    /// Columns whose values are paths in an archive.
    columns: Vec<ReferenceColumn>,
    egress: Option<crate::model::egress::Egress>,
    environment: std::collections::BTreeMap<String, String>,
}

/// A verification on its way.
struct Verifying<'a> {
    request: &'a Request,
    run: RunId,
    runner: Runner,
    opener: Opener,
    /// Folder for what goes with the run.
    work: PathBuf,
    events: Events,
    journal: Journal,
    found: Found,
}

/// What each of these paths is, and what it says of itself. Starts nothing.
///
/// # Errors
/// Usage for a path that is not there.
pub async fn pieces(
    paths: Vec<PathBuf>,
    identity: Option<PathBuf>,
    cancelled: CancellationToken,
) -> Result<Vec<Piece>> {
    pieces::recognise(paths, opener(&Runner::new(cancelled), identity)).await
}

/// The backups that lie in a folder, the newest first. Starts nothing.
///
/// # Errors
/// Usage when there is none.
pub async fn found_in(
    folder: PathBuf,
    identity: Option<PathBuf>,
    cancelled: CancellationToken,
) -> Result<Vec<Set>> {
    let opener = opener(&Runner::new(cancelled), identity);
    let shown = folder.display().to_string();
    let found = blocking(move || recognise::found_in(&folder, &opener)).await?;
    if found.is_empty() {
        return Err(Error::usage(format!("there is no backup in {shown}"))
            .hint("name the folder in which they lie, or one of them"));
    }
    Ok(found)
}

fn opener(runner: &Runner, identity: Option<PathBuf>) -> Opener {
    let opener = Opener::new(runner.clone(), Handle::current());
    match identity {
        Some(identity) => opener.with_identity(identity),
        None => opener,
    }
}

/// Judges a backup.
///
/// # Errors
/// Usage when a path is not there, undecided when the engine cannot be used; from the restore on, what
/// goes wrong is in the record.
pub async fn run(
    request: &Request,
    identity: Option<PathBuf>,
    events: &Events,
    cancelled: CancellationToken,
) -> Result<Finished> {
    pieces::there(&request.paths)?;
    let run = RunId::new();
    let started_at = Timestamp::now();
    let runner = Runner::new(cancelled.clone());
    let opener = opener(&runner, identity);
    let folder = RunFolder::create(&request.report_base, &run)?;
    events.emit(Event::RunStarted { run_id: run.to_string() });
    let journal = Journal::new(events, &[]);
    let mut verifying = Verifying {
        request,
        run: run.clone(),
        runner: runner.clone(),
        opener,
        work: folder.work(),
        events: events.clone(),
        journal,
        found: Found::default(),
    };
    let given = match verifying.look().await {
        Ok(given) => given,
        Err(cause) => {
            folder.remove()?;
            return Err(cause);
        }
    };
    let planned = verifying.plan(&given);
    let result = tokio::select! {
        result = Box::pin(verifying.judge(&given)) => result,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    let Verifying { mut journal, found, .. } = verifying;
    journal.leave(result.is_ok());
    journal.enter(Phase::Teardown);
    let engine = Engine::find(&runner.for_cleanup()).await;
    let removed = match engine {
        Ok(engine) if !request.keep || result.is_err() => {
            Some(server::remove(&engine.for_cleanup(), &run).await?)
        }
        Ok(_) | Err(_) => None,
    };
    journal.enter(Phase::Report);
    let stopped = result.err();
    let judgement =
        verdict(&planned, &journal.checks, stopped.as_ref().map(Error::chain).as_deref());
    let mut record = Record {
        schema_version: RECORD_SCHEMA,
        run_id: run.to_string(),
        started_at,
        seed: 0,
        verdict: judgement.verdict,
        reasons: judgement.reasons,
        origin: Origin::Artefact,
        not_proved: found.not_proved,
        stack: StackRecord {
            name: given.name(),
            services: found.services,
            scale: String::new(),
            images: std::collections::BTreeMap::new(),
        },
        method: given.method(),
        disaster: "none".to_owned(),
        profile: Profile::default(),
        timings: Timings {
            recovery_time_s: match (found.recovery_time_s, found.application_s) {
                (Some(restored), Some(application)) => Some(restored + application),
                (restored, _) => restored,
            },
            restore_steps: found.steps,
            ..Timings::default()
        },
        integrity: found.integrity,
        ledger: LedgerRecord::default(),
        egress: found.egress,
        checks: judgement.checks,
        findings: Vec::new(),
        commands: Vec::new(),
        artefact: None,
        existing: Some(found.existing),
        environment: found.environment,
        removed,
    };
    folder.remove_work()?;
    journal.leave(true);
    let report = write_report(&mut record, &journal, &runner, &folder)?;
    folder.mark_latest()?;
    let exit_code = match &stopped {
        Some(error) if error.kind() == ErrorKind::Interrupted => error.kind().exit_code(),
        _ => record.verdict.exit_code(),
    };
    Ok(Finished { record, exit_code, report, stopped })
}

impl Verifying<'_> {
    /// Reads everything that was given, before anything is started.
    async fn look(&mut self) -> Result<Given> {
        self.journal.enter(Phase::Recognise);
        let mut given = Given::look(&self.request.paths, &self.opener).await?;
        self.open_repositories(&mut given).await?;
        self.found.existing.pieces.clone_from(&given.pieces);
        self.found.existing.others.clone_from(&self.request.others);
        self.found.existing.identity = given.identity();
        self.found.existing.digest = Some(given.digest.clone());
        Ok(given)
    }

    /// Lays out what repositories hold, beside what was given.
    async fn open_repositories(&mut self, given: &mut Given) -> Result<()> {
        let mut all = Vec::new();
        for mut piece in std::mem::take(&mut given.pieces) {
            if ![Kind::Restic, Kind::Borg].contains(&piece.kind) {
                all.push(piece);
                continue;
            }
            let stage = repository::stage(&self.work)?;
            let asking = self.request.password_command.as_deref();
            let opened =
                repository::open(&piece, &self.runner, &self.opener, asking, &stage).await?;
            // That it takes a tool and a password to read it.
            piece.open.clear();
            piece.damage.extend(opened.damage);
            piece.open.extend(opened.open);
            piece.says.taken_at = opened.taken_at;
            if let Some(chosen) = opened.chosen {
                self.events.note(format!("snapshot {chosen}"));
                self.found.environment.insert("snapshot".to_owned(), chosen);
            }
            all.push(piece);
            all.extend(opened.pieces);
        }
        given.pieces = all;
        Ok(())
    }

    fn plan(&mut self, given: &Given) -> Vec<crate::model::check::PlannedCheck> {
        let earlier = judge::history::earlier(&self.request.report_base, &given.identity());
        let planned = plan::checks(&given.pieces, self.request, !earlier.is_empty());
        self.journal.plan(&planned);
        planned
    }

    /// Judges what is known before it is restored, restores it, and judges what came back.
    async fn judge(&mut self, given: &Given) -> Result<()> {
        let sound = self.judge_pieces(given);
        let judged = if sound { Box::pin(self.restore_and_judge(given)).await } else { Ok(()) };
        self.list_gaps(given);
        let untouched = self.judge_untouched(given).await;
        judged.and(untouched)
    }

    async fn restore_and_judge(&mut self, given: &Given) -> Result<()> {
        self.judge_files(given).await?;
        match plan::restoring(&given.pieces) {
            Restoring::Files => Ok(()),
            _ if plan::is_of_two_engines(&given.pieces) => {
                Err(Error::usage("dumps of two engines cannot be restored together")
                    .hint("verify those of PostgreSQL and those of MariaDB apart"))
            }
            Restoring::MariaDb => Box::pin(self.restore_and_judge_mariadb(given)).await,
            restoring => Box::pin(self.restore_and_judge_postgres(given, restoring)).await,
        }
    }

    async fn restore_and_judge_postgres(
        &mut self,
        given: &Given,
        restoring: Restoring,
    ) -> Result<()> {
        self.journal.enter(Phase::Prepare);
        let mut server = self.prepare(given, restoring).await?;
        self.journal.enter(Phase::Restore);
        let begun = Instant::now();
        let restored = match restoring {
            Restoring::Physical => self.restore_files(&mut server, given).await?,
            _ => Some(self.restore_dumps(&server, given).await?),
        };
        self.restored_in(begun);
        let Some(restored) = restored else { return Ok(()) };
        self.journal.enter(Phase::Judge);
        self.judge_restored(&server, given, restored).await
    }

    /// Notes how long it took until the data was back.
    fn restored_in(&mut self, begun: Instant) {
        let restore_s = begun.elapsed().as_secs_f64();
        self.found.recovery_time_s = Some(restore_s + self.request.fetched_s.unwrap_or_default());
    }

    /// Holds what was given against what it was when it was first read.
    async fn judge_untouched(&mut self, given: &Given) -> Result<()> {
        let now = given.digest_now().await?;
        let (outcome, detail) = if now == given.digest {
            (Outcome::Passed, format!("BLAKE3 {}, before and after", &now[..16]))
        } else {
            let why = "it changed while it was read: whoever writes it has not ended".to_owned();
            (Outcome::Undecided, why)
        };
        self.journal.report(own::UNTOUCHED, outcome, detail);
        Ok(())
    }
}

/// Which of the sets of a folder, the newest first, is to be judged: the newest that holds rows, or is
/// damaged so that nobody knows what it held; where none does, the newest.
#[must_use]
pub fn newest(sets: &[Set]) -> usize {
    let is_meant = |set: &Set| {
        plan::restoring(&set.pieces) != Restoring::Files
            || set.damage().next().is_some()
            || set
                .pieces
                .iter()
                .any(|it| [Kind::Restic, Kind::Borg, Kind::Encrypted].contains(&it.kind))
    };
    sets.iter().position(is_meant).unwrap_or_default()
}

/// Whether nothing of these can be judged by this module: an artefact of this tool's own.
#[must_use]
pub fn is_artefact(pieces: &[Piece]) -> bool {
    matches!(pieces, [only] if only.kind == Kind::Artefact)
}
