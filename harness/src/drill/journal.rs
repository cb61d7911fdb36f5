//! What a run has found out so far: phases with their durations, checks with their outcomes.

use std::time::Instant;

use crate::error::Result;
use crate::model::check::{Check, Outcome, PlannedCheck};
use crate::model::event::{Event, Events};
use crate::model::phase::Phase;
use crate::model::record::PhaseTiming;

/// Collects results and tells the watchers as they come.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) events: Events,
    pub(crate) checks: Vec<Check>,
    pub(crate) phases: Vec<PhaseTiming>,
    planned: Vec<PlannedCheck>,
    open: Option<(Phase, Instant)>,
}

impl Journal {
    pub(crate) fn new(events: &Events, planned: &[PlannedCheck]) -> Self {
        Self {
            events: events.clone(),
            checks: Vec::new(),
            phases: Vec::new(),
            planned: planned.to_vec(),
            open: None,
        }
    }

    /// Says what will be found out, where that is known only once the run has begun.
    pub(crate) fn plan(&mut self, planned: &[PlannedCheck]) {
        self.planned = planned.to_vec();
    }

    /// Ends the phase that is open, unless it is the same, and opens the next.
    pub(crate) fn enter(&mut self, phase: Phase) {
        if self.open.is_some_and(|(open, _)| open == phase) {
            return;
        }
        self.leave(true);
        self.open = Some((phase, Instant::now()));
        self.events.emit(Event::PhaseStarted { phase });
    }

    /// Ends the phase that is open; gives back which.
    pub(crate) fn leave(&mut self, completed: bool) -> Option<Phase> {
        let (phase, started) = self.open.take()?;
        let seconds = started.elapsed().as_secs_f64();
        self.phases.push(PhaseTiming { name: phase, seconds });
        self.events.emit(Event::PhaseFinished { phase, seconds, completed });
        Some(phase)
    }

    /// Whether a check failed so far.
    pub(crate) fn has_failure(&self) -> bool {
        self.checks.iter().any(|check| check.outcome == Outcome::Failed)
    }

    /// Records a check of the plan.
    pub(crate) fn report(&mut self, id: &str, outcome: Outcome, detail: impl Into<String>) {
        let planned = self.planned.iter().find(|plan| plan.id == id);
        let requirement = planned.map_or("H-2", |plan| plan.requirement.as_str()).to_owned();
        self.add(Check { id: id.to_owned(), requirement, outcome, detail: detail.into() });
    }

    /// Records a check: passed with what was seen, or failed with what is wrong.
    pub(crate) fn judge(&mut self, id: &str, seen: impl Into<String>, wrong: &[String]) -> bool {
        if wrong.is_empty() {
            self.report(id, Outcome::Passed, seen);
        } else {
            self.report(id, Outcome::Failed, first_of(wrong));
        }
        wrong.is_empty()
    }

    /// Records a figure that must not exceed a limit.
    pub(crate) fn hold(&mut self, id: &str, figure_s: Option<f64>, limit_s: f64) {
        match figure_s {
            Some(figure_s) => {
                let outcome = if figure_s > limit_s { Outcome::Failed } else { Outcome::Passed };
                self.report(id, outcome, format!("{figure_s:.1} s of at most {limit_s} s"));
            }
            None => {
                self.report(id, Outcome::Failed, format!("never; the objective is {limit_s} s"));
            }
        }
    }

    /// Records a failed check for an operation that was refused or went wrong, unless the
    /// run was interrupted: that says nothing about the backup.
    pub(crate) fn completed(&mut self, id: &str, seen: &str, result: Result<()>) -> Result<bool> {
        match result {
            Ok(()) => self.report(id, Outcome::Passed, seen),
            Err(cause) if cause.kind() == crate::ErrorKind::Interrupted => return Err(cause),
            Err(cause) => {
                self.report(id, Outcome::Failed, cause.chain());
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes over a check that another run has reported, and shown.
    pub(crate) fn keep(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(crate) fn add(&mut self, check: Check) {
        self.events.emit(Event::CheckReported { check: check.clone() });
        self.checks.push(check);
    }
}

/// The first few of many texts, and how many there are.
pub(crate) fn first_of(texts: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = texts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
