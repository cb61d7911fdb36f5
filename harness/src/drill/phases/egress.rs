//! What the copy tried to send: taken down by the sink, held against what is expected.

use super::Rehearsal;
use crate::drill::journal::first_of;
use crate::drill::sandbox::Sandbox;
use crate::error::Result;
use crate::model::check::{Outcome, id};
use crate::model::egress::{Egress, When};
use crate::model::not_proved::{Gap, NotProved};

impl Rehearsal<'_> {
    /// Keeps what was sent so far, where the sink goes with everything else.
    pub(super) async fn keep_egress(&mut self) {
        if self.elsewhere.is_some() {
            // Of what was restored nothing is here: no part is after the restore.
            self.sent_before = Some(self.sent(self.sandbox, u64::MAX).await);
        }
    }

    /// Takes down what was sent, and judges what the restored stack sent, if there was one.
    pub(in crate::drill) async fn collect_egress(&mut self) {
        let after = self.restored_part.clone();
        let sent = match after {
            Some(Ok(part)) => self.sent(self.sandbox, part).await,
            Some(Err(why)) => Err(why),
            None => self.sent(self.sandbox, u64::MAX).await,
        };
        let egress = match (sent, self.sent_before.take()) {
            (Ok(mut egress), Some(Ok(before))) => {
                egress.attempts.extend(before.attempts);
                egress.dropped += before.dropped;
                Ok(egress)
            }
            (Err(why), _) | (_, Some(Err(why))) => Err(why),
            (egress, None) => egress,
        };
        let is_restored = self.restored_part.is_some();
        match egress {
            Ok(egress) => {
                if is_restored {
                    let (outcome, detail) = judge(&egress);
                    self.journal.report(id::EGRESS, outcome, detail);
                }
                self.found.egress = Some(egress);
            }
            Err(why) => {
                if is_restored {
                    self.journal.report(id::EGRESS, Outcome::Skipped, format!("not seen: {why}"));
                }
                self.found.not_proved.push(NotProved::new(Gap::Egress, "", why));
            }
        }
    }

    async fn sent(&self, sandbox: &Sandbox, after: u64) -> Result<Egress, String> {
        let stack = &sandbox.stack;
        let seen = self.waiting(stack.sent()).await.map_err(|cause| cause.chain())?;
        let mut egress = seen.egress(after, stack.project(), stack.services());
        for attempt in &mut egress.attempts {
            attempt.expected = self.drill.config.egress.expects(attempt);
        }
        Ok(egress)
    }
}

/// Judges what the restored stack tried to send. What was not kept is not known to be expected.
fn judge(egress: &Egress) -> (Outcome, String) {
    let after = egress.attempts.iter().filter(|it| it.when == When::After);
    let (expected, others) = after.partition::<Vec<_>, _>(|it| it.expected);
    let mut others = others.iter().map(ToString::to_string).collect::<Vec<_>>();
    if egress.dropped > 0 {
        others.push(format!("{} more attempts, of which nothing was kept", egress.dropped));
    }
    match (others.as_slice(), expected.len()) {
        ([_, ..], _) => (Outcome::Warned, format!("not expected: {}", first_of(&others))),
        ([], 0) => (Outcome::Passed, "nothing tried to leave".to_owned()),
        ([], expected) => (Outcome::Passed, format!("all {expected} that tried are expected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::egress::{Attempt, Protocol};

    #[test]
    fn what_is_not_expected_after_the_restore_is_warned_of_by_name() {
        let attempt = |when, expected| {
            let attempt = Attempt::new(when, "app", Protocol::Tls, "api.example.org");
            Attempt { port: Some(443), expected, ..attempt }
        };
        let judged =
            |attempts: &[Attempt], dropped| judge(&Egress { attempts: attempts.to_vec(), dropped });
        assert_eq!(judged(&[attempt(When::Before, false)], 0).0, Outcome::Passed);
        assert_eq!(judged(&[attempt(When::After, true)], 0).1, "all 1 that tried are expected");
        let (outcome, detail) = judged(&[attempt(When::After, false)], 0);
        assert_eq!(outcome, Outcome::Warned);
        assert_eq!(detail, "not expected: app: TLS to api.example.org:443");
        assert_eq!(judged(&[], 3).0, Outcome::Warned);
    }
}
