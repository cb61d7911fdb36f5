//! What cannot be drilled as it is, with the reason and the next step; and what nobody could find
//! out. Nothing is left behind.

use std::path::Path;

use harness::process::Runner;
use harness::stack::LABEL_RUN;
use harness::stack::engine::{Engine, ResourceKind};
use scenarios::stacks;
use scenarios::turn::{self, Fixture};
use scenarios::xtask::{Answer, answer, xtask};
use tokio_util::sync::CancellationToken;

/// Drills what is in a folder, and demands how it exits and that nothing of it is left.
fn drilled(folder: &Path, exit_code: i32, more: &[&str]) -> Answer {
    let _turn = turn::take(Fixture::Drill);
    let base = crate::reports();
    let (at, reports) = (folder.to_str().expect("UTF-8"), base.path().to_str().expect("UTF-8"));
    let words = ["dr-drill", "--stack", at, "--report", reports, "--data", "empty"];
    let answer = answer(xtask(&[&words[..], more].concat()), exit_code);
    let mut runs = std::fs::read_dir(base.path()).expect("reports").flatten();
    let run = runs.find(|run| run.file_name() != "latest");
    if let Some(run) = run {
        let run = run.file_name().into_string().expect("UTF-8");
        assert_eq!(left(&run), Vec::<String>::new());
    }
    answer
}

fn left(run: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let engine = Engine::find(&Runner::new(CancellationToken::new())).await.expect("an engine");
        let mut found = Vec::new();
        for kind in ResourceKind::ALL {
            let label = format!("{LABEL_RUN}={run}");
            found.extend(engine.list(kind, &label).await.expect("the engine lists"));
        }
        found
    })
}

/// A project of one file.
fn written(compose: &str) -> tempfile::TempDir {
    stacks::images();
    let folder = crate::reports();
    std::fs::write(folder.path().join("compose.yaml"), compose).expect("written");
    folder
}

#[test]
fn a_proxy_that_commands_the_engine_is_refused_by_its_line() {
    let project = stacks::project("socket-proxy");
    let answer = drilled(&project.folder, 2, &[]);
    answer.names(&["service \"proxy\" cannot be sealed", "docker.sock", "--without proxy"]);
}

#[test]
fn a_service_that_never_gets_healthy_is_undecided_and_says_its_last_words() {
    let folder = written(
        "services:\n  app:\n    image: dr-drill-test/app:1\n    entrypoint: [sh, -c, \"echo my last words; sleep 600\"]\n    init: true\n    volumes: [data:/data]\n    healthcheck: {test: [CMD, \"false\"], interval: 1s, retries: 2}\nvolumes: {data: {}}\n",
    );
    let answer = drilled(folder.path(), 3, &[]);
    answer.names(&["\"app\" did not become ready", "my last words", "undecided"]);
}

#[test]
fn an_image_that_cannot_be_had_is_undecided_and_named() {
    let folder = written(
        "services:\n  app:\n    image: registry.invalid/nobody/has-it:1\n    volumes: [data:/data]\nvolumes: {data: {}}\n",
    );
    let answer = drilled(folder.path(), 3, &[]);
    answer.names(&["registry.invalid/nobody/has-it:1", "app"]);
}

#[test]
fn a_stack_in_which_nothing_could_be_lost_is_refused_and_explained() {
    let folder = written("services:\n  app:\n    image: dr-drill-test/app:1\n");
    drilled(folder.path(), 2, &[]).names(&["no volume and no database", "hint"]);
}

#[test]
fn two_servers_of_which_nothing_says_which_is_meant_ask_for_one_line() {
    let server = "image: dr-drill-test/postgres:15\n    environment: {POSTGRES_PASSWORD: x}";
    let folder = written(&format!(
        "services:\n  one:\n    {server}\n    volumes: [one:/var/lib/postgresql/data]\n  two:\n    {server}\n    volumes: [two:/var/lib/postgresql/data]\nvolumes: {{one: {{}}, two: {{}}}}\n"
    ));
    drilled(folder.path(), 2, &[]).names(&["several PostgreSQL servers: one, two", "[database]"]);
}

#[test]
fn a_database_that_no_volume_holds_fails_and_is_named() {
    let folder = written(
        "services:\n  app:\n    image: dr-drill-test/app:1\n    environment: {DATABASE_URL: \"sqlite:////srv/shop.db\", WRITABLE: /srv}\n    volumes: [uploads:/app/media]\nvolumes: {uploads: {}}\n",
    );
    drilled(folder.path(), 1, &[]).names(&["method.covers", "service app keeps /srv/shop.db"]);
}

#[test]
fn a_volume_without_a_name_of_a_service_that_runs_twice_fails_and_is_named() {
    let folder = written(
        "services:\n  app:\n    image: dr-drill-test/redis:7\n    deploy: {replicas: 2}\n    volumes: [kept:/kept]\nvolumes: {kept: {}}\n",
    );
    drilled(folder.path(), 1, &[]).names(&["method.covers", "volume app:/data would be lost"]);
}

#[test]
fn an_accepted_loss_is_listed_as_not_proved() {
    let project = stacks::project("init-job");
    let settings = "[database]\nservice = \"postgres\"\nvolume = \"pg\"\n\
                    [[accept]]\nkind = \"table\"\nsubject = \"public.*\"\nreason = \"later\"\n\
                    [[method]]\nname = \"schema\"\npromises = [\"database\"]\n\
                    leaves = { database = \"schema.sql\" }\n\
                    backup = [{ service = \"postgres\", output = \"database\", run = [\"pg_dump\", \"-U\", \"app\", \"--schema-only\", \"app\"] }]\n\
                    restore = [{ service = \"postgres\", input = \"database\", run = [\"psql\", \"-q\", \"-U\", \"app\", \"app\"] }]\n\
                    [[volume]]\nname = \"uploads\"\nclass = \"cache\"\nloss = \"nothing\"\n";
    std::fs::write(project.folder.join("drill.toml"), settings).expect("written");
    let answer = drilled(&project.folder, 1, &["--method", "schema"]);
    answer.names(&["accepted: public.item"]);
}

#[test]
fn a_variable_that_only_its_owner_knows_is_asked_for() {
    let folder = written(
        "services:\n  app:\n    image: dr-drill-test/app:1\n    environment:\n      DOMAIN: ${DOMAIN:?where it is reached}\n    volumes: [data:/data]\nvolumes: {data: {}}\n",
    );
    drilled(folder.path(), 2, &[]).names(&["DOMAIN", "[environment]"]);
}

#[test]
fn a_compose_file_with_errors_is_said_in_the_words_of_compose() {
    let folder = written("services:\n  app:\n    imag: x\n");
    drilled(folder.path(), 2, &[]).names(&["imag"]);
}
