//! With `--format json`, every command ends standard output with the same line, whatever happened.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::console::{Answer, Console, commands, root};

/// Command lines that are refused or cannot find out, one for each command at least.
pub(crate) const REFUSED: [(&str, i32); 24] = [
    ("init --stack DIR/absent", 2),
    ("dr-drill --scales", 2),
    ("dr-drill --method pgdump", 2),
    ("dr-drill --report DIR/runs", 3),
    ("verify", 2),
    ("verify DIR/absent", 2),
    ("bench --method pgdump", 2),
    ("bench --runs 1 --method pg-dump --profile tuned --report DIR/runs", 3),
    ("smoke --report DIR/runs", 3),
    ("smoke --url korrigo.test", 2),
    ("audit --policy owas", 2),
    ("audit --report DIR/runs", 3),
    ("up", 3),
    ("down", 3),
    ("clean", 3),
    ("fingerprint --media DIR/absent", 2),
    ("compare DIR/absent.json DIR", 2),
    ("runbook check --file DIR/absent.md", 2),
    ("report absent --report DIR", 2),
    ("retention DIR/absent --policy last=1", 2),
    ("volumes --scale 5000", 3),
    ("doctor", 3),
    ("dist --executable DIR/absent", 2),
    ("doctr", 2),
];

/// Runs a command for a program, on a machine without an engine.
fn run(console: &Console, line: &str) -> Answer {
    let nowhere = [("DOCKER_HOST", "unix:///nonexistent.sock")];
    console.run_with(&format!("{line} --format json"), &nowhere)
}

#[track_caller]
fn assert_ends(answer: &Answer, verdict: &str, exit_code: i32) -> Value {
    let last = answer.verdict();
    assert_eq!(answer.exit_code, exit_code, "{answer:#?}");
    assert_eq!((&last["verdict"], &last["exit_code"]), (&verdict.into(), &exit_code.into()));
    assert!(last.get("report").is_some(), "{last}");
    last
}

#[test]
fn every_command_that_is_refused_or_cannot_find_out_says_so_last() {
    let console = Console::new();
    for (line, exit_code) in REFUSED {
        let last = assert_ends(&run(&console, line), "undecided", exit_code);
        assert_eq!(last["report"], Value::Null, "{line}");
        let is_text = |key: &str| last[key].as_str().is_some_and(|text| !text.is_empty());
        let has_reasons = last["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty());
        assert!(is_text("error") && is_text("hint") || has_reasons, "{line}: {last}");
    }
    let tried = REFUSED.map(|(line, _)| line);
    let untried = commands();
    let untried = untried.iter().filter(|name| !tried.iter().any(|it| it.starts_with(*name)));
    assert_eq!(untried.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn a_word_in_another_place_is_not_the_format() {
    let refused = Console::new().run("docter --format human json");
    assert_eq!((refused.exit_code, refused.said.as_str()), (2, ""));
}

#[test]
fn help_is_a_line_too() {
    let help = Console::new().run("compare --help --format json");
    assert_ends(&help, "passed", 0);
    assert!(help.lines()[0]["text"].as_str().is_some_and(|text| text.contains("Usage:")));
}

#[test]
fn what_differs_fails_compare_and_what_is_equal_passes() {
    let console = Console::new();
    console.write("store/file", "content");
    let taken = run(&console, "fingerprint --media DIR/store --out DIR/taken.json");
    let taken = assert_ends(&taken, "passed", 0);
    assert_eq!(taken["report"].as_str(), console.path("taken.json").to_str());
    assert_ends(&run(&console, "compare DIR/taken.json DIR/store"), "passed", 0);
    fs::write(console.path("store/file"), "CONTENT").expect("written");
    let compared = run(&console, "compare DIR/taken.json DIR/store");
    let last = assert_ends(&compared, "failed", 1);
    assert_eq!(last["integrity"]["divergences"][0]["subject"], "file");
    assert!(compared.lines().iter().any(|line| line["event"] == "divergence"), "{compared:#?}");
}

/// A service that answers everything with an error, until the test ends.
fn broken_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn a_service_that_is_broken_fails_smoke() {
    let console = Console::new();
    let asked = run(&console, &format!("smoke --url {}", broken_service()));
    let last = assert_ends(&asked, "failed", 1);
    let reasons = last["reasons"].as_array().expect("reasons");
    assert!(reasons.iter().any(|it| it.as_str().is_some_and(|it| it.contains("health"))), "{last}");
}

#[test]
fn what_was_asked_for_and_is_done_has_passed() {
    let console = Console::new();
    fs::create_dir(console.path("shelf")).expect("a folder");
    for line in [
        "dr-drill --dry-run",
        "runbook check --list",
        "retention DIR/shelf --policy last=1",
        "report harness/tests/records/passed.json",
    ] {
        assert_ends(&run(&console, line), "passed", 0);
    }
}

#[test]
fn a_drill_without_a_record_leaves_junit_that_is_no_pass() {
    let console = Console::new();
    console.write("checks.xml", "<testsuites failures=\"0\" errors=\"0\"/>");
    run(&console, "dr-drill --report DIR/runs --junit DIR/checks.xml");
    let text = fs::read_to_string(console.path("checks.xml")).expect("a file");
    assert!(text.contains("errors=\"1\"") && text.contains("engine does not answer"), "{text}");
}

#[test]
fn every_event_is_explained() {
    let text = fs::read_to_string(root().join("docs/command-line.md")).expect("the document");
    let events = sources().into_iter().flat_map(|source| {
        let named = source.split("\"event\": \"").skip(1).map(|rest| rest.split('"').next());
        named.flatten().map(str::to_owned).collect::<Vec<_>>()
    });
    let events = events.collect::<BTreeSet<_>>();
    assert!(events.len() > 8, "{events:?}");
    let is_explained = |event: &&String| text.contains(&format!("`{event}{{"));
    let unexplained = events.iter().filter(|event| !is_explained(event));
    assert_eq!(unexplained.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The program's own source files.
fn sources() -> Vec<String> {
    let files = walkdir::WalkDir::new(root().join("xtask/src")).into_iter().flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|it| it == "rs"));
    files.map(|file| fs::read_to_string(file.path()).expect("a source")).collect()
}
