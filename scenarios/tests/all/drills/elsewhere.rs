//! A stack is drilled in an engine that has neither this host's files nor its networks: everything
//! that a service mounts is brought there, everything that is asked goes through a relay.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use scenarios::engine::Elsewhere;
use scenarios::stacks::{self, Project};
use scenarios::turn::{self, Fixture};
use scenarios::xtask::{Answer, answer, program, xtask};
use serde_json::Value;

/// How long a drill may go on without its engine: what it asks for is answered at once.
const GONE: Duration = Duration::from_secs(60);

fn words<'a>(project: &'a Project, base: &'a Path) -> Vec<&'a str> {
    let (folder, base) = (project.folder.to_str().expect("UTF-8"), base.to_str().expect("UTF-8"));
    vec!["dr-drill", "--stack", folder, "--report", base, "--format", "json", "--data", "empty"]
}

fn drilled(engine: &Elsewhere, project: &Project, base: &Path, exit_code: i32) -> (Answer, Value) {
    let mut command = xtask(&words(project, base));
    command.env("DOCKER_HOST", engine.host());
    let answer = answer(command, exit_code);
    let report = answer.verdict()["report"].as_str().expect("a report").to_owned();
    let record = fs::read_to_string(report).expect("the report");
    (answer, serde_json::from_str(&record).expect("a record"))
}

/// Folders beside the compose file that are written to, one that is only read, and a file.
fn project() -> Project {
    let project = stacks::project("binds");
    let file = project.folder.join("docker-compose.yml");
    let text = fs::read_to_string(&file).expect("a compose file");
    let folder = "      - ./initdb:/docker-entrypoint-initdb.d:ro\n";
    let data = "      - ./pgdata:/var/lib/postgresql/data\n";
    assert!(text.contains(data), "{text}");
    fs::write(&file, text.replace(data, &format!("{data}{folder}"))).expect("written");
    fs::create_dir(project.folder.join("initdb")).expect("made");
    let script = "create table brought (id int primary key); insert into brought values (1);";
    fs::write(project.folder.join("initdb/1.sql"), script).expect("written");
    project
}

/// The detail of a check with an outcome.
fn detail(record: &Value, id: &str, outcome: &str) -> String {
    let checks = record["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == id).expect("it was planned");
    assert_eq!(check["outcome"], outcome, "{check:#}");
    check["detail"].as_str().expect("a detail").to_owned()
}

#[test]
fn a_stack_is_drilled_in_an_engine_that_shares_nothing_with_this_host() {
    let (engine, project, base) = (Elsewhere::start(), project(), crate::reports());
    let _turn = turn::take(Fixture::Drill);
    passes(&engine, &project, base.path());
    fails_by_name(&engine, &project, base.path());
    is_undecided_without_its_engine(&engine, &project, base.path());
}

fn passes(engine: &Elsewhere, project: &Project, base: &Path) {
    let (answer, record) = drilled(engine, project, base, 0);
    answer.names(&["the engine is elsewhere (unix://", "relay, and files are carried to it"]);
    for check in ["service.alike", "compare.database", "compare.volumes", "egress.expected"] {
        detail(&record, check, "passed");
    }
    let integrity = &record["integrity"];
    // One more than the application has: the script of the folder that is only read made it.
    assert!(integrity["tables_compared"].as_u64() >= Some(6), "{integrity:#}");
    assert!(integrity["files_compared"].as_u64() >= Some(1), "{integrity:#}");
    let commands = record["commands"].as_array().expect("commands").iter();
    let commands = commands.filter_map(|it| it["command"].as_str());
    let relayed = commands.filter(|it| it.ends_with(" connections")).collect::<Vec<_>>();
    assert!(relayed.iter().any(|it| it.contains(" 5432 # ")), "{relayed:?}");
    assert!(relayed.iter().any(|it| it.contains(" 8000 # ")), "{relayed:?}");
    assert_eq!(engine.holds(), Vec::<String>::new());
    assert!(!project.folder.join("pgdata").exists(), "the copy wrote beside the original");
}

/// What the method would lose is seen through the relay, too.
fn fails_by_name(engine: &Elsewhere, project: &Project, base: &Path) {
    let script = "create database forgotten;\n\\connect forgotten\ncreate table t (id int);";
    fs::write(project.folder.join("initdb/2.sql"), script).expect("written");
    let (_, record) = drilled(engine, project, base, 1);
    let detail = detail(&record, "method.covers", "failed");
    assert!(detail.contains("forgotten"), "{detail}");
    assert_eq!(engine.holds(), Vec::<String>::new());
    fs::remove_file(project.folder.join("initdb/2.sql")).expect("removed");
}

fn is_undecided_without_its_engine(engine: &Elsewhere, project: &Project, base: &Path) {
    let mut drill = std::process::Command::new(program());
    drill.args(words(project, base)).env("DOCKER_HOST", engine.host());
    let mut drill = drill.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let lines = BufReader::new(drill.stdout.take().expect("standard output")).lines();
    let mut lines = lines.map(|line| serde_json::from_str(&line.expect("text")).expect("JSON"));
    let is_baseline = |it: &Value| it["event"] == "phase-started" && it["phase"] == "baseline";
    assert!(lines.any(|it| is_baseline(&it)), "it ended before the baseline");
    engine.kill();
    let killed = Instant::now();
    let last = lines.last().expect("a verdict");
    assert_eq!(drill.wait().expect("it ends").code(), Some(3), "{last:#}");
    assert!(killed.elapsed() < GONE, "{:?}", killed.elapsed());
    let error = last["error"].as_str().expect("an error");
    assert!(error.contains("docker"), "{error}");
    assert!(last["hint"].as_str().is_some_and(|hint| hint.contains("clean")), "{last:#}");
}
