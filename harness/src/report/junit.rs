//! Findings and checks as `JUnit` XML, for the test view of a CI system: an open finding of the
//! two highest priorities is a failure, any other is told on standard output of its case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::error::{Attempt, Result};
use crate::model::check::{Check, Outcome};
use crate::model::egress::When;
use crate::model::finding::{Finding, Priority, Status};
use crate::model::record::{Record, Verdict};

/// A suite: its name, its checks and its findings.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// Name, such as `audit https://korrigo.test`.
    pub name: &'a str,
    /// Checks, one case each.
    pub checks: &'a [Check],
    /// Findings, one case each; without any, one case says so.
    pub findings: &'a [Finding],
}

/// The XML of some suites.
pub fn render(suites: &[Suite<'_>]) -> Result<String> {
    let mut report = Report::new("dr-drill");
    for suite in suites {
        let mut rendered = TestSuite::new(suite.name);
        rendered.add_test_cases(suite.checks.iter().map(check));
        rendered.add_test_cases(suite.findings.iter().map(finding));
        if suite.findings.is_empty() && suite.checks.is_empty() {
            rendered.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
        }
        report.add_test_suite(rendered);
    }
    write(&report)
}

/// The XML of drills, a suite each. The verdict is a case, too: a drill that was stopped has
/// refuted nothing, and is no success.
pub fn drills<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<String> {
    let mut report = Report::new("dr-drill");
    for record in records {
        let Record { run_id, started_at, stack, method, disaster, profile, seed, .. } = record;
        let mut suite = TestSuite::new(format!("drill {method}, {disaster}, {profile}"));
        suite.add_properties([
            Property::new("run_id", run_id),
            Property::new("started_at", started_at.to_string()),
            Property::new("stack", &stack.name),
            Property::new("scale", &stack.scale),
            Property::new("seed", seed.to_string()),
            Property::new("origin", record.origin.name()),
        ]);
        let seconds = record.timings.phases.iter().map(|phase| phase.seconds).sum();
        suite.set_time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        suite.add_test_cases(record.checks.iter().map(check));
        if let Some(egress) = &record.egress {
            let tried = egress.attempts.iter().filter(|it| it.when == When::After);
            let tried = tried.map(|it| format!("tried to send: {it}"));
            suite.set_system_out(tried.collect::<Vec<_>>().join("\n"));
        }
        let reasons = match record.reasons.as_slice() {
            [] => format!("everything that was planned was proved, {}", record.origin.describe()),
            reasons => reasons.join("; "),
        };
        suite.add_test_case(verdict(record.verdict, &reasons));
        report.add_test_suite(suite);
    }
    write(&report)
}

/// The XML of drills that have no record, and why: they did not begin, or have yet to end.
pub fn without_record(reason: &str) -> Result<String> {
    undecided("drill", reason)
}

/// The XML of something else that found nothing out.
pub fn undecided(name: &str, reason: &str) -> Result<String> {
    let mut suite = TestSuite::new(name);
    suite.add_test_case(verdict(Verdict::Undecided, reason));
    let mut report = Report::new("dr-drill");
    report.add_test_suite(suite);
    write(&report)
}

fn write(report: &Report) -> Result<String> {
    report.to_string().attempt(|| "cannot write JUnit XML")
}

fn verdict(verdict: Verdict, reasons: &str) -> TestCase {
    let status = match verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Undecided => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    case("verdict", "drill", status, reasons)
}

fn check(check: &Check) -> TestCase {
    let status = match check.outcome {
        Outcome::Passed | Outcome::Warned => TestCaseStatus::success(),
        Outcome::Skipped => TestCaseStatus::skipped(),
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Undecided => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    case(&check.id, &check.requirement, status, &check.detail)
}

fn finding(finding: &Finding) -> TestCase {
    let status = match (&finding.status, finding.priority) {
        (Status::Open, Priority::P0 | Priority::P1) => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        _ => TestCaseStatus::success(),
    };
    let place = finding.place.as_ref().map(|place| match place.line {
        Some(line) => format!(" ({}:{line})", place.file),
        None => format!(" ({})", place.file),
    });
    let settled = match &finding.status {
        Status::Open => String::new(),
        Status::Accepted(reason) => format!("; accepted{}: {reason}", finding.until()),
        Status::Resolved(reason) => format!("; resolved: {reason}"),
    };
    let place = place.unwrap_or_default();
    let text = format!("{:?} {}{place}{settled}", finding.priority, finding.detail);
    let name = format!("{}: {}", finding.id, finding.subject);
    case(&name, &finding.requirement, status, &text)
}

fn case(name: &str, requirement: &str, mut status: TestCaseStatus, text: &str) -> TestCase {
    status.set_message(text);
    let mut case = TestCase::new(name, status);
    case.set_classname(requirement);
    case.set_system_out(text);
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Decision;

    #[test]
    fn an_accepted_finding_is_no_failure_and_says_why() {
        let finding = |status, decision| Finding {
            id: "headers.value".to_owned(),
            requirement: "FR-2.5".to_owned(),
            priority: Priority::P1,
            status,
            title: String::new(),
            subject: "X-Frame-Options on GET / → 200 (https)".to_owned(),
            detail: "it is SAMEORIGIN".to_owned(),
            place: None,
            remedy: String::new(),
            patch: None,
            decision,
            evidence: Vec::new(),
        };
        let rendered = |finding: Finding| {
            render(&[Suite { name: "audit", checks: &[], findings: &[finding] }]).expect("XML")
        };
        let open = rendered(finding(Status::Open, None));
        assert!(open.contains("failures=\"1\""), "{open}");
        let decision = Decision { until: Some("2027-01-31".to_owned()), place: None };
        let reason = Status::Accepted("the old portal".to_owned());
        let accepted = rendered(finding(reason, Some(decision)));
        assert!(accepted.contains("failures=\"0\""), "{accepted}");
        assert!(accepted.contains("accepted until 2027-01-31: the old portal"), "{accepted}");
    }

    #[test]
    fn failures_skips_and_open_questions_are_told_apart() {
        let check = |id: &str, outcome| Check {
            id: id.to_owned(),
            requirement: "FR-5".to_owned(),
            outcome,
            detail: "a < b & \"c\"".to_owned(),
        };
        let checks = [
            check("one", Outcome::Passed),
            check("two", Outcome::Failed),
            check("three", Outcome::Skipped),
            check("four", Outcome::Undecided),
        ];
        let suite = Suite { name: "smoke", checks: &checks, findings: &[] };
        let xml = render(&[suite]).expect("XML");
        assert!(
            xml.contains("tests=\"4\" skipped=\"1\" errors=\"1\" failures=\"1\"")
                || xml.contains("tests=\"4\" disabled=\"1\" errors=\"1\" failures=\"1\""),
            "{xml}"
        );
        assert!(xml.contains("a &lt; b &amp;"), "{xml}");
    }
}
