//! A truncated table, brought back to the last moment before the mistake.

use harness::config::Config;
use harness::drill::Drill;
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use harness::plan::Request;
use scenarios::rehearsal::{demand, drill, reference_stack, rehearse};

use super::bench::reports;

fn drill_of(base: &std::path::Path, change: impl FnOnce(&mut Config)) -> Drill {
    let mut config = Config::load(&reference_stack()).expect("the reference stack is configured");
    change(&mut config);
    let (method, disaster) = ("base-backup".to_owned(), "table".to_owned());
    let request = Request { method, disaster, ..drill(base).request };
    let mut drill = Drill::new(request, config).expect("it can be planned");
    drill.compose = std::env::var("DR_DRILL_COMPOSE").ok();
    base.clone_into(&mut drill.report_base);
    drill
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_costs_no_write_that_was_acknowledged_before_it() {
    let base = reports();
    let finished = rehearse(&drill_of(base.path(), |_| {})).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    demand(&finished, Verdict::Passed, "ledger.kept", Outcome::Passed, "acknowledged");
    let manifest = record.artefact.as_ref().expect("a manifest");
    // Its point is the mistake's, long after that of the base backup.
    assert!(manifest.target.is_some(), "{manifest:?}");
    assert!(manifest.recovery_point.instant > manifest.taken_at, "{manifest:?}");
    let steps = record.timings.restore_steps.iter().map(|step| step.step.as_str());
    assert!(steps.into_iter().any(|step| step.contains("until the mistake")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_reach_the_mistake_fails_the_drill() {
    let base = reports();
    let drill = drill_of(base.path(), |config| {
        let method = config.methods.iter_mut().find(|method| method.name == "base-backup");
        method.expect("configured").salvage[0].run = vec!["true".to_owned()];
    });
    let finished = rehearse(&drill).await;
    let check = "restore.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "for all there is");
}
