//! Methods of `drill.toml`: an operator's own commands, rehearsed as they are.

use std::fs;
use std::path::Path;

use harness::backup::Method;
use harness::config::{Config, MethodConfig};
use harness::drill::Drill;
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use harness::plan::Request;
use scenarios::kept::kept;
use scenarios::rehearsal::{config, demand, phases, planned, rehearse, request};

use crate::{TMP, reports};

/// A backup as short as it can be and still bring everything back.
const PLAIN: &str = r#"
name = "plain"
promises = ["database", "globals", "media"]
leaves = { globals = "globals.sql", database = "database.dump", media = "media.tar" }
backup = [
    { service = "db", output = "globals", run = ["sh", "-c", "pg_dumpall --globals-only -h 127.0.0.1 -U $POSTGRES_USER -l $POSTGRES_DB | grep -vE \"^CREATE ROLE (postgres|$POSTGRES_USER);\""] },
    { service = "db", output = "database", run = ["sh", "-c", "pg_dump -Fc -h 127.0.0.1 -U $POSTGRES_USER $POSTGRES_DB"] },
    { service = "backend", output = "media", run = ["tar", "--create", "--format=posix", "--directory=/srv/media", "--file=-", "."] },
]
verify = [{ service = "db", input = "database", run = ["pg_restore", "--list"] }]
restore = [
    { service = "db", input = "globals", run = ["sh", "-c", "psql -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -U $POSTGRES_USER postgres"] },
    { service = "db", input = "database", run = ["sh", "-c", "pg_restore --exit-on-error --clean --if-exists --create -h 127.0.0.1 -U $POSTGRES_USER -d postgres"] },
    { service = "backend", fresh = true, input = "media", environment = { RUN_MIGRATIONS = "0" }, run = ["tar", "--extract", "--same-permissions", "--directory=/srv/media", "--file=-"] },
]
"#;

/// A drill of a method that is the plain one but for a change.
fn drill_of(base: &Path, change: impl FnOnce(&mut MethodConfig)) -> Drill {
    let (request, config) = of(base, change);
    planned(request, config)
}

fn of(base: &Path, change: impl FnOnce(&mut MethodConfig)) -> (Request, Config) {
    let mut method = toml::from_str::<MethodConfig>(PLAIN).expect("the method is configured");
    for step in method.backup.iter_mut().chain(&mut method.restore) {
        // As the official image has it: the password is in the service's own environment.
        if let [shell, _, script] = step.run.as_mut_slice()
            && shell == "sh"
        {
            *script = format!("export PGPASSWORD=$POSTGRES_PASSWORD; {script}");
        }
    }
    change(&mut method);
    let mut config = config();
    let name = method.name.clone();
    config.methods = vec![method];
    let method = Method::of(&name, &config).expect("configured");
    (Request { method, ..request(base) }, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_services_bring_everything_back() {
    let base = reports();
    let finished = rehearse(&drill_of(base.path(), |_| {})).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    assert_eq!(record.method, "plain");
    demand(&finished, Verdict::Passed, "artefact.verified", Outcome::Passed, "accepted");
    // The writer went on after the backup: what it wrote then is gone, and known to be.
    assert!(record.ledger.lost_after_recovery_point > 0, "{:?}", record.ledger);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_forgets_the_media_store_is_stopped_before_anything_is_destroyed() {
    let base = reports();
    let drill = drill_of(base.path(), |method| {
        method.promises.remove(&harness::model::artefact::Store::Media);
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "method.covers", Outcome::Failed, "media_volume");
    assert!(!phases(&finished).contains(&"disaster"), "{:?}", phases(&finished));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_which_nothing_is_said_stops_the_drill_before_anything_is_restored() {
    let base = reports();
    let artefact = kept(TMP.as_ref()).await.copy(base.path());
    let mut config = config();
    config.volumes.retain(|volume| volume.name != "redis_data");
    let judging = Drill::of_artefact(request(base.path()), config, &artefact).expect("planned");
    let finished = rehearse(&judging).await;
    demand(&finished, Verdict::Failed, "method.covers", Outcome::Failed, "redis_data");
    assert!(!phases(&finished).contains(&"restore"), "{:?}", phases(&finished));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_leaves_nothing_and_says_nothing_fails() {
    let base = reports();
    let drill = drill_of(base.path(), |method| {
        method.backup[1].run = ["true".to_owned()].to_vec();
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "backup.completed", Outcome::Failed, "database.dump");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_swallows_its_errors_fails_and_names_the_loss() {
    let base = reports();
    let drill = drill_of(base.path(), |method| {
        let script = "export PGPASSWORD=$POSTGRES_PASSWORD; \
                      pg_restore --create --exclude-schema=reporting -h 127.0.0.1 \
                      -U $POSTGRES_USER -d postgres 2>/dev/null || true; echo restored";
        method.restore[1].run = ["sh", "-c", script].map(str::to_owned).to_vec();
        // An existing database is neither dropped nor created: its properties stay as they are.
        method.restore.swap(0, 1);
    });
    let finished = rehearse(&drill).await;
    let check = "restore.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Passed, "without a complaint");
    demand(&finished, Verdict::Failed, "compare.catalogue", Outcome::Failed, "reporting");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_a_method_backs_up_makes_it_undecided() {
    let base = reports();
    let drill = drill_of(base.path(), |method| {
        let script = "export PGPASSWORD=$POSTGRES_PASSWORD; psql -q -h 127.0.0.1 -U $POSTGRES_USER \
                      $POSTGRES_DB -c 'update grading_exam set title = title || chr(33)'; \
                      pg_dump -Fc -h 127.0.0.1 -U $POSTGRES_USER $POSTGRES_DB";
        method.backup[1].run = ["sh", "-c", script].map(str::to_owned).to_vec();
    });
    let finished = rehearse(&drill).await;
    assert_eq!(finished.record.verdict, Verdict::Undecided, "{:?}", finished.record.reasons);
    let stopped = finished.stopped.expect("it stopped").chain();
    assert!(stopped.contains("changed while") && stopped.contains("grading_exam"), "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_the_host_that_reaches_for_another_stack_is_refused() {
    let base = reports();
    let script = base.path().join("backup.sh");
    let text = "#!/bin/sh\nexec docker compose --project-name production exec -T db true\n";
    fs::write(&script, text).expect("a script");
    let drill = drill_of(base.path(), |method| {
        let shell = ["sh".to_owned(), script.display().to_string()].to_vec();
        method.backup[0] = harness::config::Step { run: shell, ..method.verify[0].clone() };
        method.backup[0].service = None;
        method.backup[0].input = None;
    });
    let finished = rehearse(&drill).await;
    let check = "backup.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "production");
}
