//! What an operator has decided about divergences. An accepted one is still shown, and no longer
//! refutes. A decision that is past its date, or that is about nothing, accepts nothing: it would
//! hide the next one.

use jiff::civil::Date;

use crate::model::accept::Accept;
use crate::model::divergence::{Divergence, Severity};

/// The decisions about divergences, and how many divergences each was about so far.
#[derive(Debug)]
pub struct Accepting<'a> {
    accepts: Vec<(&'a Accept, usize)>,
    /// Divergences that would refute, had nobody accepted them.
    accepted: Vec<String>,
    today: Date,
}

impl<'a> Accepting<'a> {
    /// Those of `accepts` that are about divergences.
    #[must_use]
    pub fn new(accepts: &'a [Accept], today: Date) -> Self {
        let accepts = accepts.iter().filter(|accept| accept.kind.is_some());
        Self { accepts: accepts.map(|accept| (accept, 0)).collect(), accepted: Vec::new(), today }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accepts.is_empty()
    }

    /// Applies every decision that is within its date.
    pub fn apply(&mut self, divergences: &mut [Divergence]) {
        for (accept, about) in &mut self.accepts {
            let ended = accept.until.is_some_and(|until| until < self.today);
            for found in divergences.iter_mut().filter(|found| accept.means_divergence(found)) {
                *about += 1;
                if !ended {
                    if found.is_fatal() {
                        self.accepted.push(found.line());
                    }
                    settle(found, accept);
                }
            }
        }
    }

    /// The divergences that would refute, had nobody accepted them.
    #[must_use]
    pub fn accepted(&self) -> &[String] {
        &self.accepted
    }

    /// What has to be said of the decisions: which are past their date, or were about nothing.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let said = self.accepts.iter().filter_map(|(accept, about)| {
            match accept.until.filter(|until| *until < self.today) {
                _ if *about == 0 => Some(format!("{accept} is about no divergence")),
                Some(until) => Some(format!("{accept} ended on {until}, and accepts no longer")),
                None => None,
            }
        });
        said.collect()
    }
}

fn settle(found: &mut Divergence, accept: &Accept) {
    if found.is_fatal() {
        let until = accept.until.map(|day| format!(" until {day}")).unwrap_or_default();
        found.severity = Severity::Warned;
        found.reason = format!("accepted{until}: {}", accept.reason);
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::divergence::DivergenceKind;

    fn decision(subject: &str, until: Option<Date>) -> Accept {
        Accept {
            kind: Some(DivergenceKind::Table),
            subject: Some(subject.to_owned()),
            reason: "a cache".to_owned(),
            until,
            ..Accept::default()
        }
    }

    fn after(accept: Accept) -> (Severity, String, Vec<String>) {
        let mut found = [Divergence::new(DivergenceKind::Table, "public.cache", "3 rows → 2 rows")];
        let accepts = [accept];
        let mut accepting = Accepting::new(&accepts, date(2026, 11, 25));
        accepting.apply(&mut found);
        let [found] = found;
        (found.severity, found.reason, accepting.said())
    }

    #[test]
    fn what_is_accepted_is_shown_and_no_longer_refutes() {
        let (severity, reason, said) = after(decision("public.c*", Some(date(2026, 11, 25))));
        assert_eq!((severity, said), (Severity::Warned, vec![]));
        assert_eq!(reason, "accepted until 2026-11-25: a cache");
    }

    #[test]
    fn a_decision_past_its_date_or_about_nothing_accepts_nothing_and_is_named() {
        let (severity, _, said) = after(decision("public.c*", Some(date(2026, 11, 24))));
        assert_eq!(severity, Severity::Fatal);
        assert!(said[0].ends_with("ended on 2026-11-24, and accepts no longer"), "{said:?}");
        let (severity, _, said) = after(decision("public.other", None));
        assert_eq!(severity, Severity::Fatal);
        assert!(said[0].ends_with("is about no divergence"), "{said:?}");
        let finding = Accept { id: "a.b".to_owned(), kind: None, ..decision("*", None) };
        assert_eq!(after(finding).0, Severity::Fatal, "a finding's acceptance is another's matter");
    }
}
