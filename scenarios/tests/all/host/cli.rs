//! The command line as an operator meets it: help, plans, and one clear error with a hint
//! for each kind of bad input. Nothing here needs a stack that runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::engine::Engine;
use harness::stack::images::Images;
use tokio_util::sync::CancellationToken;

use scenarios::turn::{self, Fixture};
use scenarios::xtask::xtask;

const COMPOSE: &str = "services:\n  db:\n    image: scratch\n    environment:\n      \
                       POSTGRES_PASSWORD: not-a-secret\nvolumes:\n  postgres_data: {}\n";
const PROBE: &str = "[[probe]]\nid = \"up\"\nrequirement = \"FR-5\"\ntitle = \"up\"\nhealth = true\n\
                     step = [{ request = \"GET /\", expect = { status = 200 } }]\n";

/// A stack's folder with a compose file and a `drill.toml`.
fn stack(compose: &str, drill: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("compose.yaml"), compose).expect("written");
    fs::write(dir.path().join("drill.toml"), drill).expect("written");
    dir
}

/// Runs a drill of a stack, its reports in the same folder.
fn drill(stack: &Path, more: &[&str]) -> Assert {
    let reports = stack.join("reports");
    let mut args = vec!["dr-drill", "--data", "empty", "--stack"];
    args.extend([stack.to_str().expect("UTF-8"), "--report", reports.to_str().expect("UTF-8")]);
    args.extend(more);
    let assert = xtask(&args).assert();
    let left = fs::read_dir(&reports).map(Iterator::count).unwrap_or_default();
    assert_eq!(left, 0, "something was left in {}", reports.display());
    assert
}

/// Text without its line breaks, which are where 80 columns end.
fn unwrapped(text: &[u8]) -> String {
    String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn complains(assert: Assert, exit_code: i32, needles: &[&str]) {
    let output = assert.code(exit_code).get_output().clone();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for needle in needles {
        assert!(said.contains(needle), "{needle:?} is not in:\n{said}");
    }
    assert!(output.stdout.is_empty(), "standard output is for results");
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let output = xtask(&["--help"]).assert().success().get_output().clone();
    let said = unwrapped(&output.stdout);
    for word in ["dr-drill", "up", "down", "clean", "doctor", "3 undecided", "130 interrupted"] {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    complains(xtask(&["dr-drill", "--scales"]).assert(), 2, &["--scales", "--scale"]);
}

#[test]
fn an_unknown_method_disaster_or_scale_names_the_known_ones() {
    complains(xtask(&["dr-drill", "--method", "pg_dump"]).assert(), 2, &["pg_dump", "\"pg-dump\""]);
    complains(xtask(&["dr-drill", "--disaster", "volume"]).assert(), 2, &["\"volumes\""]);
    complains(xtask(&["dr-drill", "--scale", "tiny"]).assert(), 2, &["tiny", "small"]);
}

#[test]
fn a_dry_run_prints_the_plan_and_needs_no_engine() {
    let output = xtask(&["dr-drill", "--dry-run"])
        .env("DOCKER_HOST", "unix:///nonexistent.sock")
        .assert()
        .success()
        .get_output()
        .clone();
    let said = unwrapped(&output.stdout);
    for word in [
        "prepare",
        "disaster",
        "teardown",
        "compare.database",
        "probe.health.live",
        "dropped services.*.ports: the copy opens no port of the host (proxy)",
        "changed services.*.image: the drill builds it",
    ] {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
}

#[test]
fn a_folder_that_is_not_there_or_has_no_compose_file_is_named() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let absent = empty.path().join("absent");
    complains(drill(&absent, &[]), 2, &["absent", "does not exist", "hint"]);
    complains(drill(empty.path(), &[]), 2, &["has no compose file", "compose.yaml"]);
}

#[test]
fn an_unknown_key_of_drill_toml_names_the_nearest() {
    let stack = stack(COMPOSE, "[database]\nservce = \"db\"\n");
    complains(drill(stack.path(), &[]), 2, &["database.servce", "did you mean \"service\"?"]);
}

#[test]
fn a_drill_toml_that_is_no_toml_shows_the_line() {
    let stack = stack(COMPOSE, "[database\nservice = 1\n");
    complains(drill(stack.path(), &[]), 2, &["drill.toml is not valid", "[database"]);
}

#[test]
fn a_stack_of_which_nothing_could_be_lost_is_refused() {
    complains(drill(stack(COMPOSE, "").path(), &[]), 2, &["no volume and no database"]);
}

#[test]
fn no_engine_is_undecided_with_a_hint() {
    let stack = stack(COMPOSE, PROBE);
    let path = stack.path().to_str().expect("UTF-8");
    let mut command = xtask(&["dr-drill", "--stack", path]);
    // It is asked what runs before anything else.
    command.env("DOCKER_HOST", "unix:///nonexistent.sock");
    complains(command.assert(), 3, &["engine does not answer", "DOCKER_HOST"]);
}

#[test]
fn a_json_run_that_cannot_begin_still_ends_with_a_verdict() {
    let mut command = xtask(&["dr-drill", "--format", "json"]);
    command.env("DOCKER_HOST", "unix:///nonexistent.sock");
    let output = command.assert().code(3).get_output().clone();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = said.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines = lines.collect::<Result<Vec<_>, _>>().expect("one JSON object a line");
    let last = lines.last().expect("a line");
    assert_eq!((&last["event"], &last["verdict"]), (&"verdict".into(), &"undecided".into()));
    assert_eq!(last["exit_code"], 3);
}

#[test]
fn a_compose_command_that_is_none_is_named() {
    let stack = stack(COMPOSE, PROBE);
    complains(drill(stack.path(), &["--compose", "false"]), 2, &["\"false\"", "hint"]);
}

#[test]
fn a_disk_that_is_too_small_is_found_before_anything_is_created() {
    let args = ["dr-drill", "--scale", "1000000000"];
    complains(xtask(&args).assert(), 3, &["the disk is too small", "--scale"]);
}

#[test]
fn a_compose_file_that_compose_cannot_read_shows_what_compose_said() {
    let stack = stack("services:\n  db: [\n", PROBE);
    complains(drill(stack.path(), &[]), 2, &["compose cannot read", "hint"]);
}

#[test]
fn a_stack_that_cannot_be_sealed_is_refused_by_name() {
    let compose =
        format!("{COMPOSE}\n").replace("image: scratch", "image: scratch\n    privileged: true");
    complains(
        drill(stack(&compose, PROBE).path(), &[]),
        2,
        &["\"db\" cannot be sealed", "privileged"],
    );
}

/// What a stack is told whose database's service has a further line, by a plan that has no engine
/// to create anything in, and by a drill; with each compose tool. Neither leaves a file behind.
fn refused(line: &str, needles: &[&str]) {
    let compose = COMPOSE.replace("image: scratch", &format!("image: scratch\n    {line}"));
    let stack = stack(&compose, PROBE);
    symlink("/var/run/docker.sock", stack.path().join("engine")).expect("linked");
    let path = stack.path().to_str().expect("UTF-8");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    for tool in ["docker compose", "docker-compose"] {
        let mut plan = xtask(&["dr-drill", "--dry-run", "--stack", path, "--compose", tool]);
        plan.env("DOCKER_HOST", "unix:///nonexistent.sock").env("TMPDIR", scratch.path());
        complains(plan.assert(), 2, needles);
        complains(drill(stack.path(), &["--compose", tool]), 2, needles);
    }
    assert_eq!(fs::read_dir(scratch.path()).expect("read").count(), 0, "something was left");
}

#[test]
fn a_key_that_no_specification_has_is_named_with_its_service_and_the_nearest() {
    let why = "service \"db\" cannot be sealed: restrat: the Compose Specification";
    refused("restrat: always", &[why, "hint", "did you mean \"restart\"?"]);
}

#[test]
fn a_key_of_a_newer_specification_is_named_with_its_service() {
    let why = "service \"db\" cannot be sealed: quantum_link: the Compose Specification of ";
    refused("quantum_link: {qubits: 8}", &[why, "has no such key", "hint", "override file"]);
}

#[test]
fn a_mount_through_a_symbolic_link_to_the_engines_socket_is_refused() {
    let why = "\"db\" cannot be sealed: volumes";
    let needles = [why, "/engine -> ", "docker.sock: through it the copy could command", "hint"];
    refused("volumes: [\"./engine:/engine:ro\"]", &needles);
    refused("volumes: [{type: bind, source: ./engine, target: /e, read_only: true}]", &needles);
}

#[test]
fn a_plan_refuses_what_a_drill_would() {
    refused("privileged: true", &["\"db\" cannot be sealed: privileged: ", "hint"]);
    refused("cap_add: [SYS_ADMIN]", &["\"db\" cannot be sealed: cap_add SYS_ADMIN: ", "hint"]);
}

#[test]
fn what_comes_from_outside_the_stacks_folder_is_judged_all_the_same() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| outside.path().join(name).display().to_string();
    let included = "services: { more: { image: scratch, volumes: [\"./absent:/m:ro\"] } }\n";
    fs::write(at("more.yaml"), included).expect("written");
    fs::write(at("db.env"), "SOCKET=/run\n").expect("written");
    let compose = COMPOSE.replace(
        "image: scratch",
        &format!("image: scratch\n    env_file: {}\n    uts: host", at("db.env")),
    );
    let stack = stack(&format!("include: [{}]\n{compose}", at("more.yaml")), PROBE);
    let path = stack.path().to_str().expect("UTF-8");
    let mut plan =
        xtask(&["dr-drill", "--dry-run", "--stack", path, "--compose", "docker compose"]);
    let mount = format!("\"more\" cannot be sealed: volumes {}: nothing is there", at("absent"));
    complains(plan.assert(), 2, &["\"db\" cannot be sealed: uts: ", &mount]);
}

#[test]
fn a_stack_as_it_is_before_a_fault_is_planned_with_what_its_copy_would_not_have() {
    let further = "image: scratch\n    restart: always\n    volumes: [\"postgres_data:/data\"]";
    let compose = COMPOSE.replace("image: scratch", further);
    let stack = stack(&compose, &format!("[service]\nentry = \"db\"\n{PROBE}"));
    let path = stack.path().to_str().expect("UTF-8");
    for tool in ["docker compose", "docker-compose"] {
        let args =
            ["dr-drill", "--dry-run", "--stack", path, "--compose", tool, "--format", "json"];
        let output = xtask(&args).assert().success().get_output().clone();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = said.lines().map(serde_json::from_str::<serde_json::Value>);
        let lines = lines.collect::<Result<Vec<_>, _>>().expect("one JSON object a line");
        let [plan, verdict] = &lines[..] else { panic!("{said}") };
        assert_eq!((&verdict["event"], &verdict["dry_run"]), (&"verdict".into(), &true.into()));
        let sealing = plan["sealing"].as_array().expect("a list");
        let restart = sealing.iter().find(|change| change["key"] == "restart").expect("said");
        assert_eq!(
            (&restart["section"], &restart["name"], &restart["what"]),
            (&"services".into(), &"db".into(), &"dropped".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_never_becomes_healthy_shows_its_state_and_its_log() {
    let _turn = turn::take(Fixture::Server);
    let engine = Engine::find(&Runner::new(CancellationToken::new())).await.expect("an engine");
    let image = Images::new(&engine, &Events::ignored()).base("bookworm").await.expect("an image");
    let compose = "services:\n  db:\n    image: IMAGE\n    environment:\n      \
                   POSTGRES_PASSWORD: not-a-secret\n    command: [\"sh\", \"-c\", \
                   \"echo cannot find my teapot; exec sleep 600\"]\n    healthcheck:\n      \
                   test: [\"CMD\", \"sh\", \"-c\", \"echo no tea; exit 1\"]\n      \
                   interval: 1s\n      retries: 2\n    volumes: [\"postgres_data:/data\"]\nvolumes:\n  postgres_data: {}\n";
    let compose = compose.replace("IMAGE", &image);
    let stack = stack(&compose, &format!("[service]\nentry = \"db\"\n{PROBE}"));
    let path = stack.path().to_str().expect("UTF-8");
    let reports = stack.path().join("reports");
    let args = ["dr-drill", "--data", "empty", "--stack", path, "--report"];
    let args = [&args[..], &[reports.to_str().expect("UTF-8")]].concat();
    let output = xtask(&args).assert().code(3).get_output().clone();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for needle in ["\"db\" did not become ready", "no tea", "| cannot find my teapot"] {
        assert!(said.contains(needle), "{needle:?} is not in:\n{said}");
    }
    let report = fs::read_to_string(reports.join("latest/report.json")).expect("a report");
    let report = serde_json::from_str::<serde_json::Value>(&report).expect("JSON");
    assert_eq!(report["verdict"], "undecided");
    let run = report["run_id"].as_str().expect("a run");
    let label = format!("label=dr-drill.run={run}");
    for kind in ["container", "volume", "network"] {
        let list =
            Command::new("docker").args([kind, "ls", "--quiet", "--filter", &label]).assert();
        assert!(list.success().get_output().stdout.is_empty(), "a {kind} was left");
    }
}
