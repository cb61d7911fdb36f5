//! The probes of a stack on their own: against a sealed copy in one of its modes, or against
//! any service, which is then only read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::drill::{Drill, Standing};
use crate::error::{Error, Result};
use crate::model::check::{Check, Outcome};
use crate::model::event::Events;
use crate::model::record::Verdict;
use crate::probe::{ProbeTrace, Prober, Target, Variables};

/// How long a copy whose services are ready may take to answer its health probes.
const GREEN_LIMIT: Duration = Duration::from_secs(60);

/// What one round of probes found out about one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Smoked {
    /// Its public address.
    pub target: String,
    /// One a probe, in the order of `drill.toml`.
    pub checks: Vec<Check>,
    /// What each did.
    pub traces: Vec<ProbeTrace>,
    /// How long all took, in seconds.
    pub seconds: f64,
}

impl Smoked {
    /// How many checks had an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }
}

/// Failed if anything failed; undecided if anything is, or if nothing was found out.
#[must_use]
pub fn verdict(rounds: &[Smoked]) -> Verdict {
    let any = |outcome| rounds.iter().any(|round| round.count(outcome) > 0);
    let proved = |round: &Smoked| round.count(Outcome::Passed) > 0;
    if any(Outcome::Failed) {
        Verdict::Failed
    } else if any(Outcome::Undecided) || rounds.is_empty() || !rounds.iter().all(proved) {
        Verdict::Undecided
    } else {
        Verdict::Passed
    }
}

/// Asks a service that is there. Probes whose facts are not among `variables` are skipped.
pub async fn service(config: &Config, target: &Target, variables: &Variables) -> Result<Smoked> {
    let prober = Prober::new(&config.probes, target, variables, None)?;
    Ok(round(&prober, target, &Events::ignored()).await)
}

/// Brings up a sealed, seeded copy of a stack, asks it, and removes it again. Probes that
/// write are among those asked.
pub async fn copy(drill: &Drill, events: &Events, cancelled: CancellationToken) -> Result<Smoked> {
    let standing = drill.stand(events, cancelled.clone()).await?;
    let asked = tokio::select! {
        asked = ask(drill, &standing, events) => asked,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    standing.remove().await?;
    asked
}

async fn ask(drill: &Drill, standing: &Standing, events: &Events) -> Result<Smoked> {
    let sandbox = &standing.sandbox;
    let target = sandbox.target(drill.config(), false).await?;
    let exec = Some(Arc::new(sandbox.clone()) as _);
    let prober = Prober::new(&drill.config().probes, &target, &sandbox.variables, exec)?;
    prober.until_green(GREEN_LIMIT, events).await;
    Ok(round(&prober, &target, events).await)
}

async fn round(prober: &Prober, target: &Target, events: &Events) -> Smoked {
    let started = Instant::now();
    let round = prober.round(events).await;
    Smoked {
        target: target.base_url.clone(),
        checks: round.checks,
        traces: round.traces,
        seconds: started.elapsed().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(outcomes: &[Outcome]) -> Smoked {
        let check = |outcome: &Outcome| Check {
            id: "probe.it".to_owned(),
            requirement: "FR-5".to_owned(),
            outcome: *outcome,
            detail: String::new(),
        };
        let checks = outcomes.iter().map(check).collect();
        Smoked { target: "http://it".to_owned(), checks, traces: Vec::new(), seconds: 0.0 }
    }

    #[test]
    fn only_what_was_found_out_passes() {
        use Outcome::{Failed, Passed, Skipped, Undecided, Warned};
        assert_eq!(verdict(&[]), Verdict::Undecided);
        assert_eq!(verdict(&[round(&[Skipped])]), Verdict::Undecided);
        assert_eq!(verdict(&[round(&[Passed, Skipped, Warned])]), Verdict::Passed);
        assert_eq!(verdict(&[round(&[Passed]), round(&[])]), Verdict::Undecided);
        assert_eq!(verdict(&[round(&[Passed, Undecided])]), Verdict::Undecided);
        assert_eq!(verdict(&[round(&[Passed, Undecided, Failed])]), Verdict::Failed);
    }
}
