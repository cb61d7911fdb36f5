//! Rules on what a real browser complained of: a page that does not work under the content
//! security policy, whatever its headers look like, is no page that is protected by one.

use crate::model::finding::{Finding, Priority, Status};
use crate::model::observed::{Complaint, Observed, Violation, Visit};

/// Lines that a finding shows at most.
const EVIDENCE_MAX: usize = 8;

/// Source of the lines of Chromium's console on what it refuses for security's sake.
const SECURITY: &str = "security";

/// Judges every step of the visit.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    observed.visits.iter().flat_map(|visit| of_visit(observed, visit)).collect()
}

fn of_visit(observed: &Observed, visit: &Visit) -> Vec<Finding> {
    // Chromium also says in words what the policy blocked: evidence of the same.
    let (echoes, other): (Vec<_>, Vec<_>) = visit
        .complaints
        .iter()
        .partition(|line| line.source == SECURITY && !visit.violations.is_empty());
    let mut found = Vec::new();
    if let Some(first) = visit.violations.first() {
        let line = super::directive(observed, "add_header", |args| {
            args.first().is_some_and(|name| name.eq_ignore_ascii_case("Content-Security-Policy"))
        });
        let said = visit.violations.iter().map(in_words).collect::<Vec<_>>();
        found.push(Finding {
            detail: in_words(first),
            place: line,
            remedy: "have the page do without it, or allow it in the policy by its hash".to_owned(),
            evidence: said
                .into_iter()
                .chain(echoes.into_iter().map(shown))
                .take(EVIDENCE_MAX)
                .collect(),
            ..finding(visit, "csp", Priority::P1, "the policy blocks what a page needs")
        });
    }
    if let Some(first) = other.first() {
        found.push(Finding {
            detail: first.text.clone(),
            remedy: "mend the page, or tolerate the line in drill.toml, [browser]".to_owned(),
            evidence: other.iter().take(EVIDENCE_MAX).map(|line| shown(line)).collect(),
            ..finding(visit, "console", Priority::P2, "a page complains in a browser")
        });
    }
    if let Some(stuck) = &visit.stuck {
        found.push(Finding {
            detail: stuck.clone(),
            remedy:
                "look at the screenshot in the evidence, and at the other findings of this page"
                    .to_owned(),
            ..finding(visit, "step", Priority::P1, "a page does not do what it is for")
        });
    }
    found
}

/// `script-src-elem blocks inline (https://korrigo.test/:8)`.
fn in_words(violation: &Violation) -> String {
    let Violation { directive, blocked, file, line } = violation;
    let place = match (file.as_str(), line) {
        ("", _) => String::new(),
        (file, 0) => format!(" ({file})"),
        (file, line) => format!(" ({file}:{line})"),
    };
    format!("{directive} blocks {blocked}{place}")
}

fn shown(line: &Complaint) -> String {
    format!("{} {}: {}", line.level, line.source, line.text)
}

fn finding(visit: &Visit, rule: &str, priority: Priority, title: &str) -> Finding {
    Finding {
        id: format!("browser.{rule}"),
        requirement: "FR-2.2".to_owned(),
        priority,
        status: Status::Open,
        title: title.to_owned(),
        subject: format!("{} at {}", visit.id, visit.url),
        detail: String::new(),
        place: None,
        remedy: String::new(),
        patch: None,
        decision: None,
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_errors_and_dead_ends_are_told_apart() {
        let complaint = |source: &str, text: &str| Complaint {
            level: "SEVERE".to_owned(),
            source: source.to_owned(),
            text: text.to_owned(),
        };
        let violation = Violation {
            directive: "img-src".to_owned(),
            blocked: "https://a.example/".to_owned(),
            file: "http://a.test/".to_owned(),
            line: 8,
        };
        let visit = Visit {
            id: "front-end".to_owned(),
            url: "http://a.test/".to_owned(),
            violations: vec![violation],
            complaints: vec![
                complaint(SECURITY, "Loading the image was blocked"),
                complaint("javascript", "Uncaught ReferenceError"),
            ],
            stuck: Some("#desk was not seen within 30 s".to_owned()),
        };
        let judged = |visits: Vec<Visit>| judge(&Observed { visits, ..Observed::default() });
        let ids = |found: &[Finding]| found.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
        let quiet =
            Visit { violations: Vec::new(), complaints: Vec::new(), stuck: None, ..visit.clone() };
        // Words about a policy are no violation of one.
        let wordy = Visit {
            complaints: vec![complaint("console-api", "the Content Security Policy is strict")],
            ..quiet.clone()
        };
        let found = judged(vec![visit, quiet]);
        assert_eq!(ids(&found), ["browser.csp", "browser.console", "browser.step"]);
        assert_eq!(found[0].detail, "img-src blocks https://a.example/ (http://a.test/:8)");
        assert_eq!((found[0].evidence.len(), found[1].evidence.len()), (2, 1));
        assert_eq!(ids(&judged(vec![wordy])), ["browser.console"]);
    }
}
