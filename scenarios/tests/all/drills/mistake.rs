//! A truncated table and a dropped database, brought back to the last moment before the mistake.

use std::path::Path;

use harness::backup::Method;
use harness::config::MethodConfig;
use harness::disaster::Disaster;
use harness::drill::Drill;
use harness::model::artefact::PartKind;
use harness::model::check::Outcome;
use harness::model::phase::Phase;
use harness::model::record::Verdict;
use harness::plan::Request;
use rstest::rstest;
use scenarios::rehearsal::{config, demand, planned, rehearse, request};

use crate::reports;

/// The drill of a method that is the reference stack's but for a change.
fn drill_of(base: &Path, method: &str, change: impl FnOnce(&mut MethodConfig)) -> Drill {
    let mut config = config();
    change(config.methods.iter_mut().find(|it| it.name == method).expect("configured"));
    let method = Method::of(method, &config).expect("configured");
    planned(Request { method, disaster: Disaster::Table, ..request(base) }, config)
}

/// It says that it collected the log, and did nothing.
fn salvages_nothing(method: &mut MethodConfig) {
    method.salvage.truncate(1);
    method.salvage[0].run = vec!["true".to_owned()];
}

#[rstest]
#[case::base_backup("base-backup")]
#[case::pgbackrest("pgbackrest")]
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_costs_no_write_that_was_acknowledged_before_it(#[case] method: &str) {
    let base = reports();
    let finished = rehearse(&drill_of(base.path(), method, |_| {})).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    demand(&finished, Verdict::Passed, "ledger.kept", Outcome::Passed, "acknowledged");
    let manifest = record.artefact.as_ref().expect("a manifest");
    // Its point is the mistake's, long after that of the backup.
    assert!(manifest.target.is_some(), "{manifest:?}");
    assert!(manifest.recovery_point.instant > manifest.taken_at, "{manifest:?}");
    // Lost are the seconds in which the moment was taken down and the mistake made.
    let phases = record.timings.phases.iter().rev().skip_while(|it| it.name != Phase::Disaster);
    let approach_s = phases.take(2).map(|phase| phase.seconds).sum::<f64>();
    let loss_s = record.timings.data_loss_s.expect("a ledger");
    assert!(loss_s <= approach_s, "{loss_s} s, {:?}", record.timings);
    // Of what the backup left and what was salvaged, one is restored, and nobody has to guess.
    let files = manifest.parts.iter().filter(|part| part.kind == PartKind::Database);
    assert_eq!(files.count(), 1, "{manifest:?}");
    let steps = record.timings.restore_steps.iter().map(|step| step.step.as_str());
    assert!(steps.into_iter().any(|step| step.contains("until the mistake")));
}

#[rstest]
#[case::base_backup("base-backup")]
#[case::pgbackrest("pgbackrest")]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_reach_the_mistake_fails_the_drill(#[case] method: &str) {
    let base = reports();
    let finished = rehearse(&drill_of(base.path(), method, salvages_nothing)).await;
    let check = "restore.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "for all there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_between_the_backup_and_the_mistake_and_is_not_restored_is_named() {
    let base = reports();
    let drill = drill_of(base.path(), "pgbackrest", |method| {
        salvages_nothing(method);
        // As without `salvage`: the point of the backup.
        let point = method.target.clone().expect("a point");
        for word in &mut method.restore[0].run {
            *word = word.replace("{{target}}", &point);
        }
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "restore.completed", Outcome::Passed, "complaint");
    let lost = "acknowledged before the recovery point are lost";
    demand(&finished, Verdict::Failed, "ledger.kept", Outcome::Failed, lost);
    demand(&finished, Verdict::Failed, "compare.database", Outcome::Failed, "grading_annotation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dropped_when_nobody_writes_comes_back() {
    let base = reports();
    let mut config = config();
    config.ledger.enabled = false;
    let method = Method::of("pgbackrest", &config).expect("configured");
    let request = Request { method, disaster: Disaster::Database, ..request(base.path()) };
    let finished = rehearse(&planned(request, config)).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
}
