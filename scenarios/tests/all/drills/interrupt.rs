//! A drill that is interrupted cleans up after itself; one that is killed leaves what
//! `clean` finds by label. Run as a process, since signals are for processes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use scenarios::rehearsal::leftovers;
use scenarios::turn::{self, Fixture, Turn};
use scenarios::xtask::program;

/// A drill that runs, with the id of its run.
struct Running {
    child: Child,
    run: String,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    reports: tempfile::TempDir,
    _turn: Turn,
}

impl Running {
    fn start() -> Self {
        let turn = turn::take(Fixture::Drill);
        let reports = crate::reports();
        let mut child = Command::new(program())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .args(["dr-drill", "--scale", "5000", "--format", "json", "--report"])
            .arg(reports.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("standard output");
        let mut lines = BufReader::new(out).lines();
        let first = lines.next().expect("a line").expect("readable");
        let first = serde_json::from_str::<serde_json::Value>(&first).expect("JSON");
        let run = first["run_id"].as_str().expect("the run's id").to_owned();
        Self { child, run, lines, reports, _turn: turn }
    }

    /// Reads on until an event says so.
    fn until(&mut self, event: &str, phase: &str) {
        let found = self.lines.by_ref().map_while(Result::ok).any(|line| {
            let line = serde_json::from_str::<serde_json::Value>(&line).expect("JSON");
            line["event"] == event && line["phase"] == phase
        });
        assert!(found, "the drill ended before {event} {phase}");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &pid]).status().expect("kill runs");
        assert!(kill.success());
    }

    fn end(&mut self) -> ExitStatus {
        // Whatever it still says must be read, or it could not end.
        self.lines.by_ref().for_each(drop);
        self.child.wait().expect("it ends")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_a_random_moment_leaves_nothing_and_exits_130() {
    let mut drill = Running::start();
    drill.until("phase-started", "start");
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let moment = Duration::from_millis(u64::from(clock.subsec_nanos()) % 20_000);
    println!("interrupted {moment:?} after the start");
    tokio::time::sleep(moment).await;
    drill.signal("-INT");
    assert_eq!(drill.end().code(), Some(130));
    assert_eq!(leftovers(&drill.run).await, Vec::<String>::new());
    let folder = drill.reports.path().join(&drill.run);
    assert!(!folder.join("work").exists(), "working files were left");
    assert!(folder.join("report.json").is_file(), "there is no report of the interrupted run");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_drill_leaves_is_removed_by_clean() {
    let mut drill = Running::start();
    drill.until("phase-started", "restore");
    drill.signal("-KILL");
    assert_eq!(drill.end().code(), None);
    assert!(!leftovers(&drill.run).await.is_empty(), "a killed run cannot clean up");
    let clean =
        Command::new(program()).args(["clean", "--report"]).arg(drill.reports.path()).output();
    let clean = clean.expect("clean runs");
    assert_eq!(leftovers(&drill.run).await, Vec::<String>::new());
    // Of what others left, the engine may refuse to let go.
    let said = String::from_utf8_lossy(&clean.stderr).into_owned();
    assert!(clean.status.success() || !said.contains(&drill.run), "{said}");
    assert!(!drill.reports.path().join(&drill.run).join("work").exists());
}
