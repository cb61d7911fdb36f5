//! One journey from its first step to its end or its first broken expectation.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Observation;
use super::expect::View;
use super::fault::{Fault, FaultKind};
use super::journey::Journey;
use super::prober::{Deadline, Prober};
use super::session::{Deed, Ready, Session};
use super::step::{Action, Step};
use super::trace::{ProbeTrace, StepTrace};
use crate::config::probe::{Severity, When};
use crate::model::check::{Check, Outcome};

/// The first pause between two attempts at a polled step; it doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl Prober {
    /// Runs a journey to its check and its trace.
    pub(super) async fn go(&self, journey: &Journey, deadline: Deadline) -> (Check, ProbeTrace) {
        let started = Instant::now();
        let mut run = Run::new(self, journey, deadline);
        let (outcome, detail) = match run.obstacle() {
            Some(found) => found,
            None => run.all_steps().await,
        };
        let check = Check {
            id: journey.check_id.clone(),
            requirement: journey.requirement.clone(),
            outcome,
            detail,
        };
        let trace = ProbeTrace {
            id: journey.check_id.clone(),
            outcome,
            millis: millis(started.elapsed()),
            steps: run.traces,
        };
        (check, trace)
    }
}

/// A journey on its way.
pub(super) struct Run<'a> {
    prober: &'a Prober,
    journey: &'a Journey,
    pub(super) deadline: Deadline,
    pub(super) session: Session<'a>,
    pub(super) traces: Vec<StepTrace>,
}

impl<'a> Run<'a> {
    pub(super) fn new(prober: &'a Prober, journey: &'a Journey, deadline: Deadline) -> Self {
        let session = Session::new(&prober.connection, &prober.variables, journey.csrf.as_ref());
        Self { prober, journey, deadline, session, traces: Vec::new() }
    }

    /// Why the journey cannot or must not start.
    pub(super) fn obstacle(&self) -> Option<(Outcome, String)> {
        let journey = self.journey;
        let skipped = |reason: &str| Some((Outcome::Skipped, reason.to_owned()));
        match (journey.when, self.prober.connection.is_tls()) {
            (Some(When::Tls), false) => return skipped("only over TLS"),
            (Some(When::Plain), true) => return skipped("only without TLS"),
            _ => {}
        }
        if journey.certificate && !self.prober.connection.verifies() {
            return Some((Outcome::Warned, "certificates are not verified".to_owned()));
        }
        if journey.writes && !journey.session && self.prober.read_only {
            return skipped("it writes, and this target is read-only");
        }
        if !journey.unknown_values.is_empty() {
            // Outside of a drill nobody knows the restored users; inside, somebody must.
            let outcome = if self.prober.read_only { Outcome::Skipped } else { Outcome::Undecided };
            return Some((outcome, format!("no value for {}", journey.unknown_values.join(", "))));
        }
        let commands = journey.steps.iter().any(|step| matches!(step.action, Action::Exec { .. }));
        if commands && self.prober.exec.is_none() {
            return Some((Outcome::Undecided, NO_EXEC.to_owned()));
        }
        None
    }

    async fn all_steps(&mut self) -> (Outcome, String) {
        let started = Instant::now();
        let journey = self.journey;
        for step in &journey.steps {
            if let Err(fault) = self.step(step).await {
                let outcome = match (fault.kind, journey.severity) {
                    (FaultKind::Unknown, _) => Outcome::Undecided,
                    (_, Severity::Fail) => Outcome::Failed,
                    (_, Severity::Warn) => Outcome::Warned,
                };
                let place = self.place(step);
                return (outcome, format!("{place}: {}", fault.detail));
            }
        }
        (Outcome::Passed, passed_in_words(&self.traces, started.elapsed()))
    }

    /// Where the journey ended: `step 2, GET /api/`.
    pub(super) fn place(&self, step: &Step) -> String {
        match self.traces.last() {
            Some(trace) if !trace.action.is_empty() => format!("{}, {}", step.label, trace.action),
            _ => step.label.clone(),
        }
    }

    /// Does one step, repeatedly if it polls. Leaves its trace; neither shows a secret.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), Fault> {
        let started = Instant::now();
        let mut trace = StepTrace::default();
        let result = self.attempts(step, &mut trace).await;
        let secrets = self.session.secrets();
        let result = result.map_err(|fault| Fault { detail: secrets.hide(&fault.detail), ..fault });
        trace.trouble = result.as_ref().err().map(|fault| fault.detail.clone());
        trace.millis = millis(started.elapsed());
        self.traces.push(trace);
        result
    }

    async fn attempts(&mut self, step: &Step, trace: &mut StepTrace) -> Result<(), Fault> {
        let ready = self.session.ready(&step.action)?;
        trace.action.clone_from(&ready.name);
        let started = Instant::now();
        let until = step.until.map(|until| started + until);
        let mut pause = PAUSE_FIRST;
        loop {
            if Instant::now() >= self.deadline.at {
                return Err(self.out_of_time("not begun"));
            }
            trace.attempts += 1;
            let Err(fault) = self.attempt(step, &ready, until, trace).await else {
                return Ok(());
            };
            let Some(until) = until.filter(|_| fault.kind == FaultKind::Refuted) else {
                return Err(fault);
            };
            if Instant::now() + pause >= until.min(self.deadline.at) {
                let waited = started.elapsed().as_secs_f64();
                let count = trace.attempts;
                let detail = format!("after {waited:.1} s and {count} attempts: {}", fault.detail);
                return Err(Fault { detail, ..fault });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One attempt: do, look, judge, capture.
    async fn attempt(
        &mut self,
        step: &Step,
        ready: &Ready,
        until: Option<Instant>,
        trace: &mut StepTrace,
    ) -> Result<(), Fault> {
        let limits = &self.prober.limits;
        let usual = match ready.deed {
            Deed::Request(_) | Deed::Handshake(_) => limits.request,
            Deed::Exec { .. } => limits.command,
        };
        let began = Instant::now();
        let own = began + step.timeout.unwrap_or(usual);
        let end = own.min(until.unwrap_or(own)).min(self.deadline.at);
        let observed = match &ready.deed {
            Deed::Request(request) => {
                let jar = &self.session.jar;
                self.prober.connection.send(jar, request, limits.body_bytes, end).await
            }
            Deed::Exec { service, argv } => self.exec(service, argv, end).await,
            Deed::Handshake(version) => self.prober.connection.handshake(*version, end).await,
        };
        let judged = observed.and_then(|seen| {
            trace.status = seen.status;
            trace.exit_code = seen.exit_code;
            let (variables, secrets) = (&self.session.variables, &self.session.secrets());
            step.expect.judge(View { seen: &seen, variables, secrets }).map(|()| seen)
        });
        let seen = judged.map_err(|fault| self.explain(fault, began.elapsed(), ready))?;
        step.captures.iter().try_for_each(|capture| self.session.capture(capture, &seen, ready))
    }

    async fn exec(
        &self,
        service: &str,
        argv: &[String],
        end: Instant,
    ) -> Result<Observation, Fault> {
        let Some(exec) = &self.prober.exec else {
            return Err(Fault::unknown(NO_EXEC));
        };
        match tokio::time::timeout_at(end, exec.exec(service, argv)).await {
            Err(_) => Err(Fault::timed_out("the command did not end")),
            Ok(Err(error)) => Err(Fault::unknown(error.chain())),
            Ok(Ok((exit_code, output))) => {
                let body = output.into_bytes();
                Ok(Observation { exit_code, body, ..Observation::default() })
            }
        }
    }

    /// Decides what running out of time means, and names a cookie that should have been there.
    fn explain(&self, fault: Fault, waited: Duration, ready: &Ready) -> Fault {
        if fault.kind == FaultKind::TimedOut {
            if Instant::now() >= self.deadline.at {
                return self.out_of_time(&fault.detail);
            }
            let detail = format!("{} within {:.1} s", fault.detail, waited.as_secs_f64());
            return match ready.deed {
                Deed::Exec { .. } => Fault::unknown(detail),
                Deed::Request(_) | Deed::Handshake(_) => Fault::refuted(detail),
            };
        }
        match self.session.missing_csrf_cookie(ready) {
            Some(cookie) => Fault {
                detail: format!("{} (there was no cookie {cookie} to send)", fault.detail),
                ..fault
            },
            None => fault,
        }
    }

    fn out_of_time(&self, state: &str) -> Fault {
        Fault {
            kind: self.deadline.means,
            detail: format!("{state} when the time for all probes was over"),
        }
    }
}

const NO_EXEC: &str = "there is no way to run a command in a service here";

fn passed_in_words(traces: &[StepTrace], took: Duration) -> String {
    let millis = millis(took);
    let last = traces.last().map_or_else(String::new, |trace| {
        let status = trace.status.map(|status| status.to_string());
        let code = trace.exit_code.map(|code| format!("exit code {code}"));
        format!("{} → {}", trace.action, status.or(code).unwrap_or_default())
    });
    match traces.len() {
        1 => format!("{last} in {millis} ms"),
        steps => format!("{steps} steps in {millis} ms, the last {last}"),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
