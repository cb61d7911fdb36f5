//! Only the executable that `dist` packs, on a host where docker is all that there is: no Rust, no
//! repository, no other program on its path.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use assert_cmd::Command;
use scenarios::stacks;
use scenarios::turn::{self, Fixture};
use scenarios::xtask::{answer, program, xtask};

/// A host with the executable and a user's folders.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = crate::reports();
        for name in ["path", "without-docker", "empty"] {
            fs::create_dir(folder.path().join(name)).expect("created");
        }
        let places = std::env::var_os("PATH").expect("a path");
        for tool in ["docker", "docker-compose"] {
            let found = std::env::split_paths(&places).map(|place| place.join(tool));
            if let Some(found) = found.into_iter().find(|file| file.is_file()) {
                symlink(found, folder.path().join("path").join(tool)).expect("linked");
            }
        }
        let host = Self { folder };
        let (built, out) = (program().to_str().expect("UTF-8"), host.path("dist"));
        let packed = xtask(&["dist", "--executable", built, "--out", &out]);
        answer(packed, 0).names(&["dr-drill", "SHA256SUMS"]);
        host
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A command in a folder, as this host's user types it.
    fn dr_drill(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("dist/dr-drill"));
        let built_with = |name: &str| name.starts_with("CARGO") || name.starts_with("RUST");
        for (name, _) in std::env::vars().filter(|(name, _)| built_with(name)) {
            command.env_remove(name);
        }
        command.env("PATH", self.path("path")).current_dir(folder).args(args);
        command.env("XDG_STATE_HOME", self.path("state")).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }
}

#[test]
fn the_executable_alone_drills_a_stack_in_its_own_folder() {
    let (host, project) = (Host::new(), stacks::project("init-job"));
    let _turn = turn::take(Fixture::Drill);
    let (stack, empty) = (project.folder.as_path(), host.folder.path().join("empty"));
    let found = answer(host.dr_drill(stack, &["init"]), 0);
    found.names(&["dr-drill run --stack .", "dr-drill init --stack . --write"]);

    let drilled = answer(
        host.dr_drill(stack, &["run", "--stack", ".", "--data", "empty", "--format", "json"]),
        0,
    );
    let verdict = drilled.verdict();
    assert_eq!(verdict["verdict"], "passed");
    let report = verdict["report"].as_str().expect("a report");
    assert!(report.starts_with(&host.path("state/dr-drill/runs")), "{report}");
    let record = fs::read_to_string(report).expect("the report");
    let record = serde_json::from_str::<serde_json::Value>(&record).expect("a record");
    assert!(record["integrity"]["rows_compared"].as_u64() >= Some(15), "{}", record["integrity"]);

    // From any folder, and without the reference stack, which nobody asked for.
    let run = record["run_id"].as_str().expect("a run");
    answer(host.dr_drill(&empty, &["report"]), 0).names(&[run, "verdict    passed"]);
    assert!(!Path::new(&host.path("cache")).exists());

    let nothing = answer(host.dr_drill(&empty, &["run", "--stack", "."]), 2);
    nothing.names(&["has no compose file", "hint"]);
    let mut without_docker = host.dr_drill(stack, &["run", "--stack", "."]);
    without_docker.env("PATH", host.path("without-docker"));
    answer(without_docker, 3).names(&["docker", "`dr-drill doctor --fix`"]);
}
