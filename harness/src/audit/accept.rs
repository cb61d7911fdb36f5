//! What an operator has decided about findings. An accepted finding keeps all that it says and is
//! no longer open. P0 is what may not stay whoever says so (FR-1.3): it cannot be accepted. And a
//! decision that accepts nothing, or no longer, is itself a finding: it would hide the next one.

use jiff::civil::Date;

use crate::model::accept::Accept;
use crate::model::finding::{Decision, Finding, Priority, Status};

/// Applies decisions to the findings of a mode. Says of each whether it was about any of them.
pub fn apply(findings: &mut Vec<Finding>, accepts: &[Accept], today: Date) -> Vec<bool> {
    let mut about = vec![false; accepts.len()];
    let mut said = Vec::new();
    for (accept, about) in accepts.iter().zip(&mut about) {
        let meant = |it: &&mut Finding| {
            // What two decisions accept, both are about.
            let decided = it.decision.is_some();
            (it.is_open() || decided) && accept.means(&it.id, &it.subject)
        };
        let meant = findings.iter_mut().filter(meant).collect::<Vec<_>>();
        *about = !meant.is_empty();
        let gravest = meant.iter().map(|finding| finding.priority).min();
        if gravest == Some(Priority::P0) {
            said.push(finding("refused", accept, "P0 cannot be accepted".to_owned()));
        }
        match accept.until.filter(|until| *until < today) {
            Some(until) if *about => {
                said.push(finding("expired", accept, format!("it ended on {until}")));
            }
            Some(_) => {}
            None => {
                let may = meant.into_iter().filter(|it| it.is_open());
                may.filter(|it| it.priority > Priority::P0).for_each(|it| settle(it, accept));
            }
        }
    }
    findings.extend(said);
    about
}

/// A decision that was about no finding at all.
#[must_use]
pub fn unused(accept: &Accept) -> Finding {
    let detail = "no open finding is like this: it was remedied, or this never named it";
    finding("unused", accept, detail.to_owned())
}

fn settle(finding: &mut Finding, accept: &Accept) {
    finding.status = Status::Accepted(accept.reason.clone());
    finding.decision = Some(Decision {
        until: accept.until.map(|until| until.to_string()),
        place: accept.place.clone(),
    });
}

fn finding(rule: &str, accept: &Accept, detail: String) -> Finding {
    let (priority, title, remedy) = match rule {
        "refused" => (
            Priority::P2,
            "an acceptance names a finding that cannot be accepted",
            "remedy the finding, and remove the acceptance",
        ),
        "expired" => (
            Priority::P2,
            "an acceptance is past its date, and accepts no longer",
            "remedy the finding, or decide anew until when it may stay",
        ),
        _ => (Priority::P3, "an acceptance accepts nothing", "remove it"),
    };
    let subject = match &accept.subject {
        Some(subject) => format!("{}: {subject}", accept.id),
        None => accept.id.clone(),
    };
    Finding {
        id: format!("accept.{rule}"),
        requirement: "FR-1.4".to_owned(),
        priority,
        status: Status::Open,
        title: title.to_owned(),
        subject,
        detail,
        place: accept.place.clone(),
        remedy: remedy.to_owned(),
        patch: None,
        decision: None,
        evidence: vec![format!("reason: {}", accept.reason)],
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn open(id: &str, priority: Priority) -> Finding {
        Finding {
            id: id.to_owned(),
            requirement: "FR-2".to_owned(),
            priority,
            status: Status::Open,
            title: String::new(),
            subject: "X-Frame-Options on GET / → 200 (https)".to_owned(),
            detail: "it is wrong".to_owned(),
            place: None,
            remedy: String::new(),
            patch: None,
            decision: None,
            evidence: vec!["raw".to_owned()],
        }
    }

    fn accept(id: &str, subject: Option<&str>, until: Option<Date>) -> Accept {
        Accept {
            id: id.to_owned(),
            subject: subject.map(str::to_owned),
            reason: "the old portal frames it".to_owned(),
            until,
            ..Accept::default()
        }
    }

    /// Ids that are open afterwards, and whether each acceptance was about anything.
    fn after(findings: &[Finding], accepts: &[Accept]) -> (Vec<String>, Vec<bool>) {
        let mut findings = findings.to_vec();
        let about = apply(&mut findings, accepts, date(2026, 11, 25));
        let open = findings.iter().filter(|it| it.is_open()).map(|it| it.id.clone());
        (open.collect(), about)
    }

    #[test]
    fn what_is_accepted_is_no_longer_open_and_keeps_its_evidence() {
        let mut findings = vec![open("a.b", Priority::P1), open("a.c", Priority::P1)];
        let last_day = accept("a.b", Some("*Frame*"), Some(date(2026, 11, 25)));
        assert_eq!(apply(&mut findings, &[last_day], date(2026, 11, 25)), [true]);
        let [accepted, other] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(accepted.status, Status::Accepted("the old portal frames it".to_owned()));
        assert_eq!(accepted.evidence, ["raw"]);
        let until = accepted.decision.as_ref().and_then(|it| it.until.as_deref());
        assert_eq!(until, Some("2026-11-25"));
        assert!(other.is_open());
    }

    #[test]
    fn an_acceptance_of_nothing_is_known_as_such() {
        let one = [open("a.b", Priority::P1)];
        for other in [accept("a.c", None, None), accept("a.b", Some("Referrer*"), None)] {
            assert_eq!(after(&one, &[other]), (vec!["a.b".to_owned()], vec![false]));
        }
        let resolved = Finding { status: Status::Resolved("seen".to_owned()), ..one[0].clone() };
        assert_eq!(after(&[resolved], &[accept("a.b", None, None)]), (vec![], vec![false]));
        // Both are about it, and neither is idle.
        let twice = [accept("a.b", None, None), accept("a.b", None, None)];
        assert_eq!(after(&one, &twice), (vec![], vec![true, true]));
    }

    #[test]
    fn past_its_date_it_does_not_accept_and_says_so() {
        let ended = accept("a.b", None, Some(date(2026, 11, 24)));
        let (open, about) = after(&[open("a.b", Priority::P1)], &[ended]);
        assert_eq!(
            (open, about),
            (vec!["a.b".to_owned(), "accept.expired".to_owned()], vec![true])
        );
    }

    #[test]
    fn the_critical_stays_open_whoever_accepts_it() {
        let both = [open("a.b", Priority::P0), open("a.b", Priority::P1)];
        let (open, _) = after(&both, &[accept("a.b", None, None)]);
        assert_eq!(open, ["a.b", "accept.refused"]);
    }
}
