//! Each shape passes as it is cloned. What the drill saw is demanded, too: nothing is less than what
//! a fault could hide behind.

use std::path::Path;

use scenarios::rehearsal::compose_v1;
use scenarios::stacks::{self, Project};
use scenarios::turn::{self, Fixture};
use scenarios::xtask::{Answer, answer, xtask};
use serde_json::Value;

/// Drills a project from the folder of its files, as its owner would.
pub(super) fn drilled(project: &Project, base: &Path, more: &[&str]) -> (Answer, Value) {
    let _turn = turn::take(Fixture::Drill);
    let (folder, base) = (project.folder.to_str().expect("UTF-8"), base.to_str().expect("UTF-8"));
    let words =
        ["dr-drill", "--stack", folder, "--report", base, "--format", "json", "--data", "empty"];
    let mut command = xtask(&[&words[..], more].concat());
    command.current_dir(&project.folder);
    let answer = answer(command, 0);
    let verdict = answer.verdict();
    assert_eq!((&verdict["verdict"], &verdict["origin"]), (&"passed".into(), &"empty".into()));
    let report = verdict["report"].as_str().expect("a report");
    let record = std::fs::read_to_string(report).expect("the report");
    (answer, serde_json::from_str(&record).expect("a record"))
}

fn gaps(record: &Value) -> Vec<String> {
    let gaps = record["not_proved"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    gaps.map(|gap| format!("{} {}", text(&gap["gap"]), text(&gap["subject"]))).collect()
}

/// What was compared of a stack with a PostgreSQL: rows, and the uploads beside it.
fn demand_rows_and_files(record: &Value) {
    let integrity = &record["integrity"];
    let count = |key: &str| integrity[key].as_u64().unwrap_or_default();
    assert!(count("tables_compared") >= 4 && count("rows_compared") >= 15, "{integrity:#}");
    assert!(count("volumes_compared") >= 1 && count("files_compared") >= 1, "{integrity:#}");
    let asked = record["checks"].as_array().expect("checks").iter();
    let outcome = |id: &str| asked.clone().find(|check| check["id"] == id).map(|it| &it["outcome"]);
    for check in [
        "service.alike",
        "service.not-empty",
        "compare.database",
        "compare.volumes",
        "egress.expected",
    ] {
        assert_eq!(outcome(check), Some(&"passed".into()), "{check}");
    }
    assert!(record["ledger"]["acknowledged"].as_u64() >= Some(10), "{}", record["ledger"]);
}

fn passes(name: &str, more: &[&str]) -> Value {
    let (project, base) = (stacks::project(name), crate::reports());
    let (_, record) = drilled(&project, base.path(), more);
    demand_rows_and_files(&record);
    record
}

#[test]
fn folders_beside_the_compose_file_are_copied_and_stay_as_they_are() {
    let (project, base) = (stacks::project("binds"), crate::reports());
    let upload = project.folder.join("media/README.txt");
    let before = std::fs::metadata(&upload).expect("a file").modified().expect("a time");
    let (_, record) = drilled(&project, base.path(), &[]);
    demand_rows_and_files(&record);
    let after = std::fs::metadata(&upload).expect("a file").modified().expect("a time");
    assert_eq!(before, after);
    assert!(!project.folder.join("pgdata").exists(), "the copy wrote beside the original");
}

#[test]
fn anchors_and_extends_with_a_worker_and_a_cache() {
    passes("anchors", &[]);
}

#[test]
fn the_second_of_two_servers_is_compared_as_files_and_said_to_be() {
    let record = passes("two-databases", &[]);
    assert!(gaps(&record).contains(&"rows analytics-db".to_owned()), "{:?}", gaps(&record));
    assert!(record["integrity"]["files_compared"].as_u64() > Some(500), "its data directory");
}

#[test]
fn a_data_directory_that_was_moved_and_a_password_in_a_secret() {
    passes("moved-pgdata", &[]);
}

#[test]
fn an_external_network_and_volume_are_replaced_by_sealed_ones() {
    passes("external", &[]);
}

#[test]
fn a_job_that_migrates_is_waited_for() {
    passes("init-job", &[]);
}

#[test]
fn two_compose_files_and_a_file_of_variables_that_need_not_be_there() {
    let files = ["--file", "docker-compose.yml", "--file", "docker-compose.prod.yml"];
    passes("overrides", &files);
}

#[test]
fn included_files_and_services_of_a_profile() {
    passes("profiles-include", &["--compose-profile", "jobs"]);
}

#[test]
fn files_and_sqlite_without_any_server_are_drilled_cold() {
    let (project, base) = (stacks::project("files-sqlite"), crate::reports());
    let (_, record) = drilled(&project, base.path(), &[]);
    let integrity = &record["integrity"];
    assert_eq!(record["method"], "cold");
    assert_eq!(
        (&integrity["sqlite_compared"], &integrity["volumes_compared"]),
        (&1.into(), &2.into())
    );
    assert!(integrity["rows_compared"].as_u64() >= Some(6), "{integrity:#}");
    assert!(gaps(&record).contains(&"data-loss ".to_owned()), "{:?}", gaps(&record));
}

#[test]
fn without_its_proxy_a_stack_passes_and_the_proxy_is_not_proved() {
    let record = passes("socket-proxy", &["--without", "proxy"]);
    assert!(gaps(&record).contains(&"service proxy".to_owned()), "{:?}", gaps(&record));
}

#[test]
fn a_postgresql_is_drilled_cold_by_files_and_by_rows() {
    let record = passes("init-job", &["--method", "cold"]);
    assert!(record["integrity"]["files_compared"].as_u64() > Some(500), "its data directory");
}

#[test]
fn a_volume_without_a_name_is_backed_up_like_any_other() {
    let (project, base) = (stacks::project("init-job"), crate::reports());
    let file = project.folder.join("docker-compose.yml");
    let text = std::fs::read_to_string(&file).expect("a compose file");
    // What the image declares is all that is left, as where somebody forgot the mount.
    let text = text.replace("      - pg:/var/lib/postgresql/data\n", "").replace("  pg:\n", "");
    std::fs::write(&file, text).expect("written");
    let (_, record) = drilled(&project, base.path(), &["--method", "cold"]);
    demand_rows_and_files(&record);
    let parts = record["artefact"]["parts"].as_array().expect("parts").iter();
    let files = parts.filter_map(|part| part["file"].as_str()).collect::<Vec<_>>();
    assert!(
        files.contains(&"volume-unnamed-postgres-var-lib-postgresql-data.tar.zst"),
        "{files:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_1_29_drills_them_too() {
    let compose = compose_v1().await;
    let asked = compose.as_str();
    tokio::task::block_in_place(|| {
        passes("init-job", &["--compose", asked]);
        let (project, base) = (stacks::project("files-sqlite"), crate::reports());
        drilled(&project, base.path(), &["--compose", asked]);
    });
}

#[test]
fn volumes_of_a_service_that_is_left_out_are_not_proved() {
    let record = passes("two-databases", &["--without", "analytics-db", "--without", "analytics"]);
    let gaps = gaps(&record);
    assert!(gaps.contains(&"volume analytics-db".to_owned()), "{gaps:?}");
}
