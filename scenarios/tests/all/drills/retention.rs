//! `cargo xtask retention` on an artefact that a real drill took and that names another one: what
//! is needed stays, whatever the policy says, and what needs something that is gone is no backup.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use harness::backup::Method;
use harness::model::artefact::PartKind;
use harness::model::record::Verdict;
use harness::plan::Request;
use scenarios::rehearsal::{config, planned, rehearse, request};
use serde_json::Value;

use scenarios::xtask::{answer, xtask};

/// Takes an artefact in a drill that passes. The method is the reference stack's `shell`, but its
/// commands say that the artefact needs another one. Gives back the name of its dump.
async fn take(artefact: &Path, needs: &str, base: &Path) -> String {
    let mut config = config();
    let method = config.methods.iter_mut().find(|method| method.name == "shell");
    let steps = &mut method.expect("configured").backup;
    let saying = ["sh", "-c", &format!("echo {needs} > \"$BACKUP_DIR/needs\"")].map(str::to_owned);
    steps.push(harness::config::Step { run: saying.to_vec(), ..steps[0].clone() });
    let method = Method::of("shell", &config).expect("configured");
    let artefact = Some(artefact.to_owned());
    let request = Request { method, artefact, ..request(&base.join("reports")) };
    let record = rehearse(&planned(request, config)).await.record;
    assert_eq!(record.verdict, Verdict::Passed, "{:?}", record.reasons);
    let manifest = record.artefact.expect("a manifest");
    assert_eq!(manifest.needs, [needs]);
    manifest.part(PartKind::Database).expect("a dump").file.clone()
}

/// A copy that needs nothing, taken at another time if one is given.
fn copied(from: &Path, name: &str, taken_at: Option<&str>) -> PathBuf {
    let copy = from.with_file_name(name);
    fs::create_dir(&copy).expect("created");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        if entry.file_name() != "needs" {
            fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
        }
    }
    let manifest = copy.join("manifest.json");
    let text = fs::read(&manifest).expect("a manifest");
    let mut value = serde_json::from_slice::<Value>(&text).expect("JSON");
    let fields = value.as_object_mut().expect("an object");
    fields.remove("needs");
    fields["parts"].as_array_mut().expect("parts").retain(|part| part["file"] != "needs");
    if let Some(taken_at) = taken_at {
        fields["taken_at"] = taken_at.into();
    }
    fs::write(&manifest, value.to_string()).expect("written");
    copy
}

/// Applies a policy that keeps one. Gives back why each artefact stays, and what is wrong with it.
fn applied(shelf: &Path, more: &[&str]) -> BTreeMap<String, (String, String)> {
    let shelf = shelf.to_str().expect("UTF-8");
    let args = ["retention", "--policy", "last=1", "--format", "json", shelf];
    let said = answer(xtask(&[&args[..], more].concat()), 0).said;
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let judged = lines.filter(|it| it["event"] != "verdict");
    let judged = judged.map(|it| (text(&it["name"]), (text(&it["stays"]), text(&it["damage"][0]))));
    judged.collect()
}

fn names(shelf: &Path) -> Vec<String> {
    let entries = fs::read_dir(shelf).expect("a folder").flatten();
    let mut names =
        entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    names
}

#[track_caller]
fn demand(judged: &BTreeMap<String, (String, String)>, expected: &[(&str, &str, &str)]) {
    let seen = judged.iter().map(|(name, (stays, damage))| (&**name, &**stays, &**damage));
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_artefact_needs_stays_until_nothing_needs_it() {
    let base = crate::reports();
    let shelf = base.path().join("shelf");
    let increment = shelf.join("increment");
    let dump = Box::pin(take(&increment, "full", base.path())).await;
    let full = copied(&increment, "full", Some("2026-01-01T00:00:00Z"));
    copied(&increment, "other", Some("2026-01-02T00:00:00Z"));

    // One that needs another which is not there whole is not the newest that verifies.
    let gap = "it needs full, which is not there whole";
    let newer = ("increment", "newer than any that verifies", gap);
    let kept = ("other", "newest that verifies", "-");
    let whole = fs::read(full.join(&dump)).expect("a file");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(full.join(&dump), &flipped).expect("written");
    let damage = format!("{dump} does not have the hash of the manifest");
    let damaged = ("full", "another one needs it", damage.as_str());
    demand(&applied(&shelf, &["--delete"]), &[damaged, newer, kept]);
    fs::write(full.join(&dump), whole).expect("written");

    let away = base.path().join("away");
    fs::rename(&full, &away).expect("moved");
    demand(&applied(&shelf, &["--delete"]), &[newer, kept]);
    fs::rename(&away, &full).expect("moved back");

    // Whole again: the policy would keep the newest alone, or an older one before what it needs.
    let expected = [
        ("full", "another one needs it", "-"),
        ("increment", "newest that verifies", "-"),
        ("other", "-", "-"),
    ];
    demand(&applied(&shelf, &[]), &expected);
    assert_eq!(names(&shelf), ["full", "increment", "other"]);
    demand(&applied(&shelf, &["--delete"]), &expected);
    assert_eq!(names(&shelf), ["full", "increment"]);

    // Of two taken at once the later name counts as newer: the increment goes, and what it needs.
    copied(&increment, "next", None);
    let expected =
        [("full", "-", "-"), ("increment", "-", "-"), ("next", "newest that verifies", "-")];
    demand(&applied(&shelf, &["--delete"]), &expected);
    assert_eq!(names(&shelf), ["next"]);
}
