//! Findings and checks as `JUnit` XML, for the test view of a CI system: an open finding of the
//! two highest priorities is a failure, any other is told on standard output of its case.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::error::{Attempt, Result};
use crate::model::check::{Check, Outcome};
use crate::model::finding::{Finding, Priority, Status};

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
    report.to_string().attempt(|| "cannot write JUnit XML")
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
    let text = format!("{:?} {}{}", finding.priority, finding.detail, place.unwrap_or_default());
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
