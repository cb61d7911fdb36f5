//! Records of real runs, rendered again; and records that must not be rendered. The commands that
//! they ran are taken out of them.

use std::fs;

use serde_json::{Value, json};

use crate::console::{Console, root, too_wide};

const RECORDS: [(&str, i32); 3] = [("passed", 0), ("failed", 1), ("undecided", 3)];

fn path(name: &str) -> String {
    format!("harness/tests/records/{name}.json")
}

fn record(name: &str) -> Value {
    let text = fs::read_to_string(root().join(path(name))).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_summary_is_rendered_from_the_record_alone_and_ends_as_the_run_did() {
    let console = Console::new();
    for (name, exit_code) in RECORDS {
        let shown = console.run(&format!("report {}", path(name)));
        assert_eq!((shown.exit_code, shown.told.as_str()), (exit_code, ""), "{name}");
        assert_eq!(too_wide(&shown.said), Vec::<&str>::new(), "{name}");
        // A pipe is no terminal: without colours, the verdict is still a word.
        assert!(!shown.said.contains('\u{1b}'), "{name}");
        assert!(shown.said.contains(&format!("verdict    {name}, on ")), "{name}");
        console.assert_snapshot(&format!("summary-{name}"), &shown.said);
    }
}

#[test]
fn a_verdict_has_a_colour_unless_none_is_wanted() {
    let console = Console::new();
    let line = format!("report {}", path("failed"));
    let shown = |variables: &[(&str, &str)]| console.run_with(&line, variables).said;
    assert!(shown(&[("CLICOLOR_FORCE", "1")]).contains("\u{1b}[31mfailed"));
    assert!(!shown(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).contains('\u{1b}'));
}

#[test]
fn junit_has_a_case_for_each_check_and_one_for_the_verdict() {
    let console = Console::new();
    for (name, exit_code) in RECORDS {
        let shown = console.run(&format!("report {} --as junit", path(name)));
        assert_eq!(shown.exit_code, exit_code, "{name}");
        let checks = record(name)["checks"].as_array().expect("checks").len();
        assert_eq!(shown.said.matches("<testcase ").count(), checks + 1, "{name}");
        console.assert_snapshot(&format!("junit-{name}"), &shown.said);
    }
}

#[test]
fn a_record_as_json_is_the_record() {
    let console = Console::new();
    for (name, exit_code) in RECORDS {
        let shown = console.run(&format!("report {} --as json", path(name)));
        let again = serde_json::from_str::<Value>(&shown.said).expect("JSON");
        assert_eq!((again, shown.exit_code), (record(name), exit_code), "{name}");
    }
}

#[test]
fn a_program_is_given_the_same_and_the_verdict_of_the_run() {
    let console = Console::new();
    let shown = console.run(&format!("report {} --as json --format json", path("failed")));
    let (lines, verdict) = (shown.lines(), shown.verdict());
    assert_eq!(lines[0]["record"], record("failed"));
    assert_eq!((&verdict["verdict"], &verdict["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(verdict["reasons"], record("failed")["reasons"]);
    let shown = console.run(&format!("report {} --format json", path("failed")));
    let text = shown.lines()[0]["text"].as_str().expect("a text").to_owned();
    assert!(text.contains("verdict    failed") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_newest_run_is_found_and_any_by_its_id_or_its_folder() {
    let console = Console::new();
    for (name, run) in [("passed", "20260101t000000-aaaaaa"), ("failed", "20260102t000000-bbbbbb")]
    {
        console.write(&format!("runs/{run}/report.json"), &record(name).to_string());
        let latest = console.path("runs/latest");
        let _ = fs::remove_file(&latest);
        std::os::unix::fs::symlink(run, latest).expect("a link");
    }
    assert_eq!(console.run("report --report DIR/runs").exit_code, 1);
    assert_eq!(console.run("report 20260101t000000-aaaaaa --report DIR/runs").exit_code, 0);
    assert_eq!(console.run("report DIR/runs/20260101t000000-aaaaaa").exit_code, 0);
}

#[test]
fn names_from_the_data_cannot_move_the_cursor() {
    let console = Console::new();
    let mut forged = record("failed");
    forged["integrity"]["divergences"][0]["detail"] = json!("gone\u{1b}[2K\rverdict    passed");
    console.write("forged.json", &forged.to_string());
    let shown = console.run("report DIR/forged.json").said;
    assert!(shown.contains(r"gone\u{1b}[2K\rverdict"), "{shown}");
}

/// A record with one key changed, or without it.
fn changed(pointer: &str, value: Option<Value>) -> String {
    let mut record = record("passed");
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = record.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    match value {
        Some(value) => drop(parent.insert(key.to_owned(), value)),
        None => drop(parent.remove(key)),
    }
    record.to_string()
}

#[test]
fn a_record_that_cannot_be_trusted_is_refused_with_the_next_step() {
    let console = Console::new();
    let whole = record("passed").to_string();
    console
        .write("whole.json", &whole)
        .write("older.json", &changed("/schema_version", Some(json!(0))))
        .write("newer.json", &changed("/schema_version", Some(json!(99))))
        .write("newer-shape.json", &json!({ "schema_version": 2, "runs": [] }).to_string())
        .write("no-phases.json", &changed("/timings/phases", Some(json!([]))))
        .write("no-checks.json", &changed("/checks", Some(json!([]))))
        .write("no-verdict.json", &changed("/verdict", None))
        .write("another-word.json", &changed("/verdict", Some(json!("fine"))))
        .write("refuted.json", &changed("/checks/0/outcome", Some(json!("failed"))))
        .write("cut.json", &whole[..whole.len() / 2])
        .write("other.json", "{\"name\": \"package\"}")
        .write("empty.json", "")
        .write("killed/evidence/commands.sh", "");
    assert_eq!(console.run("report DIR/whole.json").exit_code, 0);
    let transcript = console.transcript(&[
        "report DIR/older.json",
        "report DIR/newer.json",
        "report DIR/newer-shape.json",
        "report DIR/no-phases.json",
        "report DIR/no-checks.json",
        "report DIR/no-verdict.json",
        "report DIR/another-word.json",
        "report DIR/refuted.json",
        "report DIR/cut.json",
        "report DIR/other.json",
        "report DIR/empty.json",
        "report DIR/killed",
        "report --report DIR/nowhere",
        "report newest --report DIR",
        "report kiled --report DIR",
        "report --as html",
    ]);
    console.assert_snapshot("errors-records", &transcript);
}
