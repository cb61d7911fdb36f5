//! Rounds of probes, and the loop that stops the recovery clock. Reads run beside each
//! other, and so do writes that say they may; every other write runs alone, in the order of
//! the file. Every round is bounded.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::connection::{Connection, Target};
use super::fault::FaultKind;
use super::journey::{self, Journey};
use super::scope::TARGET_HOST;
use super::template::Variables;
use super::trace::ProbeTrace;
use crate::config::probe::Probe;
use crate::error::Result;
use crate::model::check::{Check, Outcome};
use crate::model::event::Events;

/// Between two rounds that wait for recovery: short against any recovery time that matters.
const RECOVERY_PAUSE: Duration = Duration::from_millis(200);

/// Exit code (absent after a signal) and output of a command in a service.
pub type ExecFuture<'a> = Pin<Box<dyn Future<Output = Result<(Option<i32>, String)>> + Send + 'a>>;

/// Runs commands in the services of a stack.
pub trait Exec: Send + Sync {
    /// Runs `argv` in `service`. An error means that it could not be run.
    fn exec<'a>(&'a self, service: &'a str, argv: &'a [String]) -> ExecFuture<'a>;
}

/// Bounds on time and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// One request with its answer, unless its step says otherwise.
    pub request: Duration,
    /// One command, unless its step says otherwise.
    pub command: Duration,
    /// A whole round.
    pub round: Duration,
    /// Bytes of a body that are read.
    pub body_bytes: usize,
    /// Probes that run at once.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            command: Duration::from_secs(60),
            round: Duration::from_secs(180),
            body_bytes: 64 * 1024 * 1024,
            at_once: 4,
        }
    }
}

/// Asks a service to prove itself.
pub struct Prober {
    pub(super) connection: Connection,
    pub(super) variables: Variables,
    pub(super) exec: Option<Arc<dyn Exec>>,
    pub(super) read_only: bool,
    pub(super) limits: Limits,
    pub(super) journeys: Vec<Journey>,
}

/// The results of a round, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// One a probe.
    pub checks: Vec<Check>,
    /// What each did.
    pub traces: Vec<ProbeTrace>,
}

impl Round {
    /// Whether something was proved, and nothing was refuted or left open.
    #[must_use]
    pub fn is_green(&self) -> bool {
        let proves = |check: &Check| check.outcome == Outcome::Passed;
        let blocks = |check: &Check| matches!(check.outcome, Outcome::Failed | Outcome::Undecided);
        self.checks.iter().any(proves) && !self.checks.iter().any(blocks)
    }
}

/// How waiting for recovery ended.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// The last round: the green one, or the one that ran into the limit.
    pub round: Round,
    /// When the first green round was complete; absent if that never came.
    pub green_at: Option<std::time::Instant>,
    /// Rounds that were run.
    pub rounds: u32,
}

/// When something has to end, and what it means if it has not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) means: FaultKind,
}

impl Prober {
    /// A prober for these probes, all of them checked.
    ///
    /// # Errors
    /// A usage error for a wrong target or a wrong probe, as [`super::validate`] gives.
    pub fn new(
        probes: &[Probe],
        target: &Target,
        variables: &Variables,
        exec: Option<Arc<dyn Exec>>,
    ) -> Result<Self> {
        let journeys = journey::compile(probes, variables)?;
        let connection = Connection::open(target)?;
        let mut variables = variables.clone();
        variables.set(TARGET_HOST, connection.host());
        Ok(Self {
            connection,
            variables,
            exec,
            read_only: target.read_only,
            limits: Limits::default(),
            journeys,
        })
    }

    /// Other bounds than the usual.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs every probe once. Progress goes to `events`; the checks are only returned.
    pub async fn round(&self, events: &Events) -> Round {
        let journeys: Vec<&Journey> = self.journeys.iter().collect();
        let deadline =
            Deadline { at: Instant::now() + self.limits.round, means: FaultKind::Unknown };
        self.run(&journeys, deadline, events).await
    }

    /// Repeats the health probes until all are green, for at most `timeout`. A service that
    /// is not green by then has failed to recover.
    pub async fn until_green(&self, timeout: Duration, events: &Events) -> Recovery {
        let journeys: Vec<&Journey> =
            self.journeys.iter().filter(|journey| journey.health).collect();
        let deadline = Deadline { at: Instant::now() + timeout, means: FaultKind::Refuted };
        let quiet = Events::ignored();
        let mut last_said = String::new();
        let mut rounds = 0;
        loop {
            let round = self.run(&journeys, deadline, &quiet).await;
            rounds += 1;
            if round.is_green() {
                return Recovery { round, green_at: Some(std::time::Instant::now()), rounds };
            }
            let state = state_in_words(&round);
            if state != last_said {
                events.note(format!("not green yet: {state}"));
                last_said = state;
            }
            if journeys.is_empty() || Instant::now() + RECOVERY_PAUSE >= deadline.at {
                return Recovery { round, green_at: None, rounds };
            }
            tokio::time::sleep(RECOVERY_PAUSE).await;
        }
    }

    async fn run(&self, journeys: &[&Journey], deadline: Deadline, events: &Events) -> Round {
        let total = journeys.len() as u64;
        let mut results: Vec<(usize, Check, ProbeTrace)> = Vec::with_capacity(journeys.len());
        // Reads first: they see the restored state before anything is written to it.
        let many = self.limits.at_once.max(1);
        for (writes, beside, at_once) in
            [(false, false, many), (true, true, many), (true, false, 1)]
        {
            let chosen = journeys
                .iter()
                .enumerate()
                .filter(|(_, journey)| journey.writes == writes && journey.beside == beside);
            let mut running = stream::iter(chosen)
                .map(|(index, journey)| async move {
                    let (check, trace) = self.go(journey, deadline).await;
                    (index, check, trace)
                })
                .buffer_unordered(at_once);
            while let Some(result) = running.next().await {
                results.push(result);
                events.progress("probes", results.len() as u64, Some(total));
            }
        }
        results.sort_by_key(|(index, ..)| *index);
        let (checks, traces) = results.into_iter().map(|(_, check, trace)| (check, trace)).unzip();
        Round { checks, traces }
    }
}

fn state_in_words(round: &Round) -> String {
    let open = |check: &&Check| matches!(check.outcome, Outcome::Failed | Outcome::Undecided);
    round.checks.iter().find(open).map_or_else(
        || "no health probe that applies here".to_owned(),
        |check| format!("{}: {}", check.id, check.detail),
    )
}
