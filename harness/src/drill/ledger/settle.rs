//! What became of each write. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Ledger, Write};
use crate::drill::journal::first_of;
use crate::model::check::Outcome;
use crate::model::record::LedgerRecord;

/// A ledger held against what was restored.
#[derive(Debug)]
pub(in crate::drill) struct Settled {
    pub(in crate::drill) record: LedgerRecord,
    pub(in crate::drill) outcome: Outcome,
    pub(in crate::drill) detail: String,
}

/// Settles a ledger: `found` are the keys that the restored database has.
pub(in crate::drill) fn settle(
    ledger: &Ledger,
    found: &BTreeSet<String>,
    recovery_point: Timestamp,
) -> Settled {
    let attempted = ledger.writes.iter().map(|write| write.key.as_str()).collect::<BTreeSet<_>>();
    let is_news = |key: &&String| !attempted.contains(key.as_str()) && !ledger.known.contains(*key);
    let unexpected = found.iter().filter(is_news).cloned().collect::<Vec<_>>();
    let acknowledged = acknowledged(&ledger.writes);
    let lost = acknowledged.iter().copied().filter(|(key, _)| !found.contains(*key));
    let lost = lost.collect::<Vec<_>>();
    let (early, late) =
        lost.iter().copied().partition::<Vec<_>, _>(|(_, at)| *at <= recovery_point);
    let early = early.iter().map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>();
    let due = acknowledged.iter().filter(|(_, at)| *at <= recovery_point).count();

    let last_lost = late.iter().map(|(_, at)| *at).max();
    let data_loss_s = last_lost.map_or(0.0, |at| at.duration_since(recovery_point).as_secs_f64());
    let record = LedgerRecord {
        acknowledged: count(&acknowledged),
        recovered: (acknowledged.len() - lost.len()) as u64,
        lost: count(&lost),
        lost_after_recovery_point: count(&late),
        indeterminate: (ledger.writes.len() - acknowledged.len()) as u64,
        unexpected: count(&unexpected),
        data_loss_s: (!acknowledged.is_empty()).then_some(data_loss_s),
    };
    let (outcome, detail) = if !early.is_empty() {
        let of = format!("{} of {due} writes acknowledged before the recovery point", early.len());
        (Outcome::Failed, format!("{of} are lost: {}", first_of(&early)))
    } else if !unexpected.is_empty() {
        let many = unexpected.len();
        (Outcome::Failed, format!("{many} keys nobody wrote: {}", first_of(&unexpected)))
    } else if due == 0 {
        (Outcome::Undecided, nothing_due(&record, ledger.trouble.as_deref()))
    } else {
        (Outcome::Passed, in_words(&record))
    };
    Settled { record, outcome, detail }
}

fn acknowledged(writes: &[Write]) -> Vec<(&str, Timestamp)> {
    writes.iter().filter_map(|write| Some((write.key.as_str(), write.acknowledged?))).collect()
}

fn nothing_due(record: &LedgerRecord, trouble: Option<&str>) -> String {
    let trouble = trouble.map(|trouble| format!(": {trouble}")).unwrap_or_default();
    match record.acknowledged {
        0 => format!("no write was acknowledged{trouble}"),
        _ => format!("no write was acknowledged before the recovery point{trouble}"),
    }
}

fn in_words(record: &LedgerRecord) -> String {
    let LedgerRecord { acknowledged, recovered, lost, indeterminate, .. } = record;
    let seconds = record.data_loss_s.unwrap_or_default();
    let lost = match lost {
        0 => "none lost".to_owned(),
        _ => format!("{lost} lost after the recovery point, over {seconds:.1} s"),
    };
    format!(
        "{acknowledged} acknowledged, {recovered} recovered, {lost}; {indeterminate} unanswered"
    )
}

fn count<T>(items: &[T]) -> u64 {
    items.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT_S: i64 = 100;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// A ledger of writes acknowledged in these seconds; key `k<second>`.
    fn ledger(seconds: &[i64]) -> Ledger {
        let write = |second: &i64| Write {
            key: format!("k{second}"),
            sent: at(second - 1),
            acknowledged: Some(at(*second)),
        };
        Ledger {
            writes: seconds.iter().map(write).collect(),
            known: BTreeSet::new(),
            lookup: String::new(),
            trouble: None,
        }
    }

    fn settled(ledger: &Ledger, found: &[&str]) -> Settled {
        let found = found.iter().map(|key| (*key).to_owned()).collect();
        settle(ledger, &found, at(POINT_S))
    }

    #[test]
    fn what_is_lost_after_the_recovery_point_is_data_loss_and_no_failure() {
        let settled = settled(&ledger(&[90, 100, 101, 107]), &["k90", "k100"]);
        assert_eq!(settled.outcome, Outcome::Passed, "{}", settled.detail);
        let LedgerRecord { acknowledged, recovered, lost, data_loss_s, .. } = settled.record;
        assert_eq!((acknowledged, recovered, lost, data_loss_s), (4, 2, 2, Some(7.0)));
    }

    #[test]
    fn what_was_acknowledged_before_the_recovery_point_and_is_lost_fails_by_name() {
        let settled = settled(&ledger(&[90, 95, 101]), &["k90"]);
        assert_eq!(settled.outcome, Outcome::Failed);
        let said = "1 of 2 writes acknowledged before the recovery point are lost: k95";
        assert_eq!(settled.detail, said);
        assert_eq!((settled.record.lost, settled.record.lost_after_recovery_point), (2, 1));
    }

    #[test]
    fn a_write_without_an_answer_may_be_there_or_not() {
        let mut ledger = ledger(&[90]);
        let open = |key: &str| Write { key: key.to_owned(), sent: at(91), acknowledged: None };
        ledger.writes.extend([open("a"), open("b")]);
        let settled = settled(&ledger, &["k90", "a"]);
        assert_eq!((settled.outcome, settled.record.indeterminate), (Outcome::Passed, 2));
        assert_eq!(settled.record.data_loss_s, Some(0.0));
    }

    #[test]
    fn a_key_that_nobody_wrote_fails_unless_it_was_there_before() {
        let mut ledger = ledger(&[90]);
        ledger.known.insert("old".to_owned());
        assert_eq!(settled(&ledger, &["k90", "old"]).outcome, Outcome::Passed);
        let settled = settled(&ledger, &["k90", "old", "new"]);
        assert_eq!(settled.outcome, Outcome::Failed);
        assert!(settled.detail.contains("new"), "{}", settled.detail);
    }

    #[test]
    fn a_ledger_that_proves_nothing_is_undecided() {
        let mut empty = ledger(&[]);
        empty.trouble = Some("step 2 of login: status 500".to_owned());
        let nothing = settled(&empty, &[]);
        assert_eq!((nothing.outcome, nothing.record.data_loss_s), (Outcome::Undecided, None));
        assert!(nothing.detail.contains("status 500"), "{}", nothing.detail);
        assert_eq!(settled(&ledger(&[101]), &[]).outcome, Outcome::Undecided);
    }
}
