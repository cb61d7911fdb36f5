//! The last step of a journey, repeated with a new value each time: how a drill writes
//! through the application. What comes before it, signing in, is done once.

use tokio::time::Instant;

use super::check_id_of;
use super::fault::FaultKind;
use super::prober::{Deadline, Prober};
use super::run::Run;
use super::step::Step;

/// A journey that stands before its last step.
pub struct Repetition<'a> {
    run: Run<'a>,
    last: &'a Step,
    prober: &'a Prober,
}

impl Prober {
    /// Runs the steps of a probe up to its last, and stays there; or says why it cannot.
    pub async fn begin(&self, id: &str) -> Result<Repetition<'_>, String> {
        let check_id = check_id_of(id);
        let journey = self.journeys.iter().find(|journey| journey.check_id == check_id);
        let journey = journey.ok_or_else(|| format!("there is no probe \"{id}\""))?;
        let Some((last, before)) = journey.steps.split_last() else {
            return Err(format!("probe \"{id}\" has no step"));
        };
        let mut run = Run::new(self, journey, self.deadline());
        if let Some((_, why)) = run.obstacle() {
            return Err(why);
        }
        for step in before {
            if let Err(fault) = run.step(step).await {
                return Err(format!("{}: {}", run.place(step), fault.detail));
            }
        }
        Ok(Repetition { run, last, prober: self })
    }

    fn deadline(&self) -> Deadline {
        Deadline { at: Instant::now() + self.limits.round, means: FaultKind::Unknown }
    }
}

impl Repetition<'_> {
    /// Does the last step with `name` standing for `value`. An error says why its
    /// expectations did not hold; whether the service did what it was asked is then unknown.
    pub async fn again(&mut self, name: &str, value: &str) -> Result<(), String> {
        self.run.session.variables.set(name, value);
        self.run.traces.clear();
        self.run.deadline = self.prober.deadline();
        self.run.step(self.last).await.map_err(|fault| fault.detail)
    }
}
