//! A backup command as they are often written: it says that all is well, and the drill names
//! each thing that it lost.

use harness::backup::Method;
use harness::config::MethodConfig;
use harness::model::check::Outcome;
use harness::model::divergence::{DamageClass, Divergence, DivergenceKind};
use harness::model::record::Verdict;
use harness::plan::Request;
use scenarios::rehearsal::{config, demand, planned, rehearse, request};

const SCRIPT: &str = include_str!("../../../fixtures/naive_backup.py");

const METHOD: &str = r#"
name = "naive"
promises = ["database", "globals", "media"]
leaves = { database = "all.json", media = "media-*.tar.*[a-z]" }
backup = [
    { service = "backend", output = "database", environment = { NAIVE = "backup" }, run = ["python", "manage.py", "shell", "-c", "SCRIPT"] },
    { run = ["scripts/backup_media.sh"] },
]
restore = [
    { service = "backend", fresh = true, input = "database", environment = { NAIVE = "restore" }, run = ["python", "manage.py", "shell", "-c", "SCRIPT"] },
    { run = ["scripts/restore_media.sh", "--yes", "{{media}}"] },
]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_serializer_that_reports_success_fails_and_each_loss_is_named() {
    let base = crate::reports();
    let mut method = toml::from_str::<MethodConfig>(METHOD).expect("the method is configured");
    for step in method.backup.iter_mut().chain(&mut method.restore) {
        if let Some(word) = step.run.iter_mut().find(|word| *word == "SCRIPT") {
            SCRIPT.clone_into(word);
        }
    }
    let mut config = config();
    config.methods = vec![method];
    let method = Method::of("naive", &config).expect("configured");
    let request = Request { method, ..request(base.path()) };
    let finished = rehearse(&planned(request, config)).await;

    let check = "restore.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Passed, "without a complaint");
    demand(&finished, Verdict::Failed, "compare.database", Outcome::Failed, "");
    let divergences = &finished.record.integrity.divergences;
    let has = |what: &str, is: &dyn Fn(&Divergence) -> bool| {
        assert!(divergences.iter().any(is), "{what} is not named: {divergences:#?}");
    };
    has("the loss of microseconds", &|it| {
        it.class == Some(DamageClass::PrecisionLoss) && it.detail.contains("microseconds lost")
    });
    has("the loss of memberships", &|it| {
        it.subject.contains("auth_user_groups")
            && it.rows.as_ref().is_some_and(|rows| rows.missing > 0)
    });
    has("a sequence that stands behind", &|it| it.class == Some(DamageClass::SequenceBehind));
    has("what is no model", &|it| it.kind == DivergenceKind::Catalogue);
}
