//! A project that runs is rehearsed with its own data, under load, and is not touched: not by two
//! drills at once, not by one that is killed, not by what cannot be read.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use scenarios::rehearsal::leftovers;
use scenarios::turn::{self, Fixture};
use scenarios::victim::{SECRET, Victim};
use scenarios::xtask::{Answer, answer, program, xtask};
use serde_json::Value;
use walkdir::WalkDir;

fn words<'a>(folder: &'a Path, base: &'a Path) -> Vec<&'a str> {
    let (folder, base) = (folder.to_str().expect("UTF-8"), base.to_str().expect("UTF-8"));
    vec!["dr-drill", "--stack", folder, "--report", base, "--format", "json"]
}

/// Drills it with the data that it has now, and demands how that ends.
fn drilled(folder: &Path, base: &Path, exit_code: i32, more: &[&str]) -> Answer {
    answer(xtask(&[&words(folder, base), more].concat()), exit_code)
}

fn record(answer: &Answer) -> Value {
    let report = answer.verdict()["report"].as_str().expect("a report").to_owned();
    serde_json::from_str(&std::fs::read_to_string(report).expect("the report")).expect("a record")
}

fn outcome(record: &Value, id: &str) -> String {
    let mut checks = record["checks"].as_array().expect("checks").iter();
    let check = checks.find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}"));
    format!("{}: {}", check["outcome"].as_str().unwrap_or_default(), check["detail"])
}

fn left(run: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(leftovers(run))
}

/// The files of a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let files = WalkDir::new(folder).into_iter().flatten().filter(|it| it.file_type().is_file());
    let holds = |bytes: Vec<u8>| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    let found = files.filter(|it| std::fs::read(it.path()).is_ok_and(holds));
    found.map(|it| it.path().display().to_string()).collect()
}

/// Whether any command line on this machine shows a text, apart from the project's own.
fn shown(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).any(|line| line.contains(text))
}

#[test]
fn a_project_under_load_is_rehearsed_twice_at_once_and_is_not_touched() {
    let _turn = turn::take(Fixture::Sweep);
    let mut victim = Victim::up();
    let (state, before) = (victim.state(), victim.counters());
    victim.under_load();
    let bases = [crate::reports(), crate::reports()];
    let folder = victim.folder.clone();
    let (ended, leaks) = std::thread::scope(|scope| {
        let drills = bases
            .each_ref()
            .map(|base| scope.spawn(|| drilled(&folder, base.path(), 0, &["--max-rate", "50MB"])));
        let mut leaks = 0;
        while drills.iter().any(|drill| !drill.is_finished()) {
            leaks += i32::from(shown(SECRET));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        (drills.map(|drill| drill.join().expect("it ended")), leaks)
    });
    let written = victim.at_rest();
    assert!(written > 10, "{written} rows are no load");
    for (answer, base) in ended.iter().zip(&bases) {
        let record = record(answer);
        assert_eq!((&record["verdict"], &record["origin"]), (&"passed".into(), &"live".into()));
        for check in ["source.equal", "source.untouched", "compare.database", "compare.volumes"] {
            assert!(outcome(&record, check).starts_with("passed"), "{}", outcome(&record, check));
        }
        let gaps = record["not_proved"].to_string();
        assert!(!gaps.contains("real-data"), "{gaps}");
        let removed = &record["removed"];
        assert!(removed["volumes"].as_array().is_some_and(|it| it.len() >= 2), "{removed}");
        let secrets = holding(base.path(), SECRET);
        assert!(secrets.is_empty(), "{secrets:?}");
        assert!(!answer.said.contains(SECRET) && !answer.told.contains(SECRET));
    }
    assert_eq!(leaks, 0, "a command line showed the password");
    assert_eq!(victim.state(), state);
    let after = victim.counters();
    assert_eq!(after[0] - before[0], written, "rows that nobody but the load inserted");
    assert_eq!(after[1..], before[1..]);
}

#[test]
fn what_cannot_be_read_is_undecided_and_a_killed_drill_leaves_the_project_alone() {
    let _turn = turn::take(Fixture::Sweep);
    let (victim, base) = (Victim::up(), crate::reports());
    let drill = |more: &[&str]| drilled(&victim.folder, base.path(), 3, more);
    // Long enough that it is killed in the middle of the reading.
    victim.sql(
        "insert into load (said) select repeat(md5(i::text), 32) from generate_series(1, 20000) i",
    );
    let state = victim.state();
    let mut killed = Command::new(program());
    killed.args([&words(&victim.folder, base.path())[..], &["--max-rate", "100kB"]].concat());
    let mut killed =
        killed.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(killed.stdout.take().expect("its output")).lines();
    let first = lines.next().expect("a line").expect("readable");
    let run = serde_json::from_str::<Value>(&first).expect("JSON")["run_id"].to_string();
    let filling = lines.map_while(Result::ok).any(|line| line.contains("\"fill\""));
    assert!(filling, "it ended before it read anything");
    std::thread::sleep(std::time::Duration::from_secs(6));
    killed.kill().expect("killed");
    killed.wait().expect("it ended");
    let _ = answer(xtask(&["clean"]), 0);
    let run = run.trim_matches('"');
    assert_eq!(left(run), Vec::<String>::new());
    assert_eq!(victim.state(), state);

    let write = "mkdir /srv/shop && echo rows > /srv/shop/orders.db";
    victim.compose(&["exec", "-T", "app", "sh", "-c", write]);
    let lost = drilled(&victim.folder, base.path(), 1, &[]);
    lost.names(&["method.covers", "service app keeps /srv/shop/orders.db in its container"]);
    victim.sql(
        "grant all on all tables in schema public to reader; grant all on all sequences in schema public to reader; \
         alter table load enable row level security; create policy first_rows on load using (id < 3)",
    );
    std::fs::write(
        victim.folder.join("drill.toml"),
        "[stack]\nfiles = [\"compose.yaml\"]\n[database]\nservice = \"postgres\"\nvolume = \"pg\"\nuser = \"reader\"\nname = \"app\"\n",
    )
    .expect("written");
    drill(&[]).names(&["row-level security", "load", "BYPASSRLS"]);
    victim.sql("alter role reader connection limit 0");
    drill(&[]).names(&["too many connections"]);
    std::fs::remove_file(victim.folder.join("drill.toml")).expect("removed");
    assert_eq!(victim.state(), state);

    // The files as they were when nobody kept the uploads.
    let file = victim.folder.join("compose.yaml");
    let whole = std::fs::read_to_string(&file).expect("the file");
    let less = whole.replace("    volumes: [\"uploads:/app/media\"]\n", "");
    std::fs::write(&file, &less).expect("written");
    drill(&[]).names(&["the project keeps data at app:/app/media"]);
    std::fs::write(&file, whole).expect("written");

    victim.compose(&["stop", "--timeout", "5", "postgres"]);
    drill(&[]).names(&["service postgres exited", "start it"]);
    victim.compose(&["down", "--timeout", "1"]);
    let answer = drilled(&victim.folder, base.path(), 2, &[]);
    answer.names(&["no project runs from", "--data empty"]);
}
