//! From planned checks and what they reported to a verdict. Pure.
//!
//! Passed needs proof of everything that was planned. A check that never reported, a family
//! that compared nothing, or an error on the way makes the drill undecided.

use crate::model::check::{Check, Outcome, PlannedCheck};
use crate::model::record::Verdict;

/// What is said of a check that did not report.
const NEVER_RAN: &str = "it was planned and never ran";

/// A verdict with its reasons; none for a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not `passed`.
    pub reasons: Vec<String>,
    /// One check for each that was planned, in the order of the plan.
    pub checks: Vec<Check>,
}

/// Judges a drill. `stopped` is the error that ended it early, if one did.
#[must_use]
pub fn judge(planned: &[PlannedCheck], reported: &[Check], stopped: Option<&str>) -> Judgement {
    let mut checks = Vec::new();
    for plan in planned {
        let mut reports = reported.iter().filter(|check| check.id == plan.id);
        checks.push(match (reports.next(), reports.next()) {
            (Some(only), None) => only.clone(),
            (None, _) => undecided(plan, NEVER_RAN),
            (Some(_), Some(_)) => undecided(plan, "it reported more than once"),
        });
    }
    // What nobody planned cannot make a drill pass, but it can make it fail.
    let is_planned = |check: &Check| planned.iter().any(|plan| plan.id == check.id);
    checks.extend(reported.iter().filter(|check| !is_planned(check)).cloned());

    let with = |outcome| {
        let found = checks.iter().filter(move |check| check.outcome == outcome);
        found.map(|check| format!("{}: {}", check.id, check.detail))
    };
    let mut reasons = with(Outcome::Failed).collect::<Vec<_>>();
    let failed = !reasons.is_empty();
    reasons.extend(stopped.map(str::to_owned));
    reasons.extend(with(Outcome::Undecided).filter(|reason| !reason.ends_with(NEVER_RAN)));
    let never_ran = checks.iter().filter(|check| check.detail == NEVER_RAN);
    reasons.extend(summary(&never_ran.map(|check| check.id.as_str()).collect::<Vec<_>>()));
    let proved = checks.iter().any(|check| check.outcome == Outcome::Passed);
    if reasons.is_empty() && !proved {
        reasons.push("no check proved anything".to_owned());
    }
    let verdict = match (failed, reasons.is_empty()) {
        (true, _) => Verdict::Failed,
        (false, false) => Verdict::Undecided,
        (false, true) => Verdict::Passed,
    };
    Judgement { verdict, reasons, checks }
}

/// One reason for all checks that never ran: after an early end there are many.
fn summary(never_ran: &[&str]) -> Option<String> {
    const NAMED: usize = 3;
    let named = never_ran.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match (never_ran.len(), never_ran.len().saturating_sub(NAMED)) {
        (0, _) => None,
        (1, _) => Some(format!("{named}: {NEVER_RAN}")),
        (_, 0) => Some(format!("{named}: they were planned and never ran")),
        (_, more) => Some(format!("{named} and {more} more: they were planned and never ran")),
    }
}

fn undecided(plan: &PlannedCheck, why: &str) -> Check {
    Check {
        id: plan.id.clone(),
        requirement: plan.requirement.clone(),
        outcome: Outcome::Undecided,
        detail: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str) -> PlannedCheck {
        PlannedCheck::new(id, "H-2", "title")
    }

    fn check(id: &str, outcome: Outcome) -> Check {
        Check { id: id.into(), requirement: "H-2".into(), outcome, detail: "seen".into() }
    }

    fn verdict(planned: &[PlannedCheck], reported: &[Check], stopped: Option<&str>) -> Verdict {
        judge(planned, reported, stopped).verdict
    }

    #[test]
    fn everything_planned_and_proved_passes() {
        let judgement = judge(&[plan("a")], &[check("a", Outcome::Passed)], None);
        assert_eq!((judgement.verdict, judgement.reasons), (Verdict::Passed, vec![]));
    }

    #[test]
    fn a_planned_check_that_never_ran_is_undecided() {
        let reported = [check("a", Outcome::Passed)];
        let judgement = judge(&[plan("a"), plan("b")], &reported, None);
        assert_eq!(judgement.verdict, Verdict::Undecided);
        assert_eq!(judgement.reasons, ["b: it was planned and never ran"]);
    }

    #[test]
    fn a_failure_outweighs_what_could_not_be_found_out() {
        let reported = [check("a", Outcome::Failed), check("b", Outcome::Undecided)];
        let judgement = judge(&[plan("a"), plan("b")], &reported, Some("it stopped"));
        assert_eq!(judgement.verdict, Verdict::Failed);
        assert_eq!(judgement.reasons, ["a: seen", "it stopped", "b: seen"]);
    }

    #[test]
    fn an_error_on_the_way_is_undecided_even_when_all_checks_passed() {
        let reported = [check("a", Outcome::Passed)];
        assert_eq!(verdict(&[plan("a")], &reported, Some("lost")), Verdict::Undecided);
    }

    #[test]
    fn nothing_planned_or_all_skipped_proves_nothing() {
        assert_eq!(verdict(&[], &[], None), Verdict::Undecided);
        let reported = [check("a", Outcome::Skipped)];
        assert_eq!(verdict(&[plan("a")], &reported, None), Verdict::Undecided);
    }

    #[test]
    fn an_unplanned_failure_fails_and_a_double_report_is_undecided() {
        let reported = [check("a", Outcome::Passed), check("x", Outcome::Failed)];
        assert_eq!(verdict(&[plan("a")], &reported, None), Verdict::Failed);
        let twice = [check("a", Outcome::Passed), check("a", Outcome::Passed)];
        assert_eq!(verdict(&[plan("a")], &twice, None), Verdict::Undecided);
    }
}
