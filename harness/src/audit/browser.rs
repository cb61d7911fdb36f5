//! Rules on what a real browser complained of: a page that does not work under the content
//! security policy, whatever its headers look like, is no page that is protected by one.

use super::observed::{Complaint, Observed, Visit};
use crate::model::finding::{Finding, Priority, Status};

/// Lines of the console that a finding shows at most.
const EVIDENCE_MAX: usize = 8;

/// Judges every step of the visit.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    observed.visits.iter().flat_map(|visit| of_visit(observed, visit)).collect()
}

fn of_visit(observed: &Observed, visit: &Visit) -> Vec<Finding> {
    let (policy, other): (Vec<_>, Vec<_>) =
        visit.complaints.iter().partition(|complaint| is_of_policy(complaint));
    let mut found = Vec::new();
    if !policy.is_empty() {
        let line = super::directive(observed, "add_header", |args| {
            args.first().is_some_and(|name| name.eq_ignore_ascii_case("Content-Security-Policy"))
        });
        found.push(Finding {
            place: line,
            remedy: "have the page do without it, or allow it in the policy by its hash".to_owned(),
            ..finding(visit, "csp", Priority::P1, "the policy blocks what a page needs", &policy)
        });
    }
    if !other.is_empty() {
        found.push(Finding {
            remedy: "mend the page, or tolerate the line in drill.toml, [browser]".to_owned(),
            ..finding(visit, "console", Priority::P2, "a page complains in a browser", &other)
        });
    }
    if let Some(stuck) = &visit.stuck {
        found.push(Finding {
            detail: stuck.clone(),
            remedy:
                "look at the screenshot in the evidence, and at the other findings of this page"
                    .to_owned(),
            ..finding(visit, "step", Priority::P1, "a page does not do what it is for", &[])
        });
    }
    found
}

fn is_of_policy(complaint: &Complaint) -> bool {
    complaint.text.contains("Content Security Policy")
}

fn finding(
    visit: &Visit,
    rule: &str,
    priority: Priority,
    title: &str,
    complaints: &[&Complaint],
) -> Finding {
    let lines = complaints.iter().take(EVIDENCE_MAX);
    Finding {
        id: format!("browser.{rule}"),
        requirement: "FR-2.2".to_owned(),
        priority,
        status: Status::Open,
        title: title.to_owned(),
        subject: format!("{} at {}", visit.id, visit.url),
        detail: complaints.first().map(|first| first.text.clone()).unwrap_or_default(),
        place: None,
        remedy: String::new(),
        patch: None,
        evidence: lines.map(|it| format!("{} {}: {}", it.level, it.source, it.text)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_errors_and_dead_ends_are_told_apart() {
        let complaint = |text: &str| Complaint {
            level: "SEVERE".to_owned(),
            source: "security".to_owned(),
            text: text.to_owned(),
        };
        let visit = Visit {
            id: "front-end".to_owned(),
            url: "http://a.test/".to_owned(),
            complaints: vec![
                complaint("Refused: it violates the Content Security Policy directive"),
                complaint("Uncaught ReferenceError"),
            ],
            stuck: Some("#desk was not seen within 30 s".to_owned()),
        };
        let quiet = Visit { complaints: Vec::new(), stuck: None, ..visit.clone() };
        let observed = Observed { visits: vec![visit, quiet], ..Observed::default() };
        let ids = judge(&observed).into_iter().map(|it| it.id).collect::<Vec<_>>();
        assert_eq!(ids, ["browser.csp", "browser.console", "browser.step"]);
    }
}
