//! The ledger and the invariants on whole drills: kept under load, then broken, then named.

use std::fs;

use harness::config::{Config, LedgerConfig};
use harness::drill::Moment;
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use scenarios::rehearsal::{config, demand, drill, planned, rehearse, request, sabotaged, sql};

use crate::reports;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_write_load_compares_equal_and_its_data_loss_is_measured() {
    let base = reports();
    let finished = rehearse(&drill(base.path())).await;
    let record = &finished.record;
    assert_eq!(record.verdict, Verdict::Passed, "{:?}", record.reasons);
    assert!(record.integrity.divergences.is_empty(), "{:?}", record.integrity);
    let ledger = &record.ledger;
    assert_eq!(ledger.acknowledged, ledger.recovered + ledger.lost);
    assert!(ledger.recovered > 0, "{ledger:?}");
    // The writer went on after the recovery point, so something was lost, and all of it there.
    assert!(ledger.lost > 0, "{ledger:?}");
    assert_eq!(ledger.lost, ledger.lost_after_recovery_point);
    assert_eq!(ledger.unexpected, 0);
    assert_eq!(record.timings.data_loss_s, ledger.data_loss_s);
    assert!(ledger.data_loss_s.is_some_and(|data_loss_s| data_loss_s > 0.0));
    let evidence = fs::read_to_string(finished.report.with_file_name("evidence/ledger.json"));
    assert!(evidence.expect("a ledger").contains("\"acknowledged\""));
    let held = record.checks.iter().filter(|check| check.id.starts_with("invariant."));
    assert_eq!(held.filter(|check| check.outcome == Outcome::Passed).count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_and_an_invariant_that_did_not_come_back_are_named() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::StoresRestored, |live| {
        Box::pin(async move {
            let lose = "delete from grading_annotation where id = (select min(id) from \
                        grading_annotation where text like 'ledger %'); \
                        update grading_score set points = 999 where id = \
                        (select min(id) from grading_score)";
            sql(&live, lose).await
        })
    });
    let finished = rehearse(&drill).await;
    // The first write of the ledger: it was acknowledged before the baseline began.
    demand(&finished, Verdict::Failed, "ledger.kept", Outcome::Failed, "-000000");
    let ledger = &finished.record.ledger;
    assert_eq!(ledger.lost - ledger.lost_after_recovery_point, 1, "{ledger:?}");
    let check = "invariant.score.within-maximum";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "it no longer holds: 1 row");
    let check = "invariant.marks.same";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_serves_where_the_application_is_not_asked_to_write() {
    let base = reports();
    let config = Config { ledger: LedgerConfig::default(), ..config() };
    let finished = rehearse(&planned(request(base.path()), config)).await;
    let record = &finished.record;
    assert_eq!(record.verdict, Verdict::Passed, "{:?}", record.reasons);
    assert!(record.ledger.recovered > 0 && record.ledger.lost > 0, "{:?}", record.ledger);
}
