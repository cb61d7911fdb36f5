//! An engine in a container of its own: its networks are not this host's, its files are others, and
//! whatever a drill needs there has to be brought.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::images::{Images, SUITE};
use harness::stack::{engine, sink};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::stacks;

const IMAGE: &str = "dr-drill-test/engine:1";

/// How long it may take to answer.
const READY: Duration = Duration::from_secs(60);

/// What an engine needs to do, beyond what any container may. Nobody may give `SYS_RESOURCE` who does not
/// have it, so a privileged container is not asked for.
const POWERS: [&str; 10] = [
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--cap-add=SYS_PTRACE",
    "--cap-add=DAC_READ_SEARCH",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device=/dev/fuse",
    "--device-cgroup-rule=a *:* rwm",
    "--cgroupns=host",
];

/// An engine that runs. Dropping it removes it, with all that it keeps.
#[derive(Debug)]
pub struct Elsewhere {
    container: String,
    /// The folder of its socket.
    folder: TempDir,
}

impl Elsewhere {
    /// Starts one, with the images of the projects and what a drill of them takes.
    ///
    /// # Panics
    /// When it does not start, or an image cannot be built or brought.
    #[must_use]
    pub fn start() -> Self {
        let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/engine");
        stacks::built(vec![(context, IMAGE)]);
        stacks::images();
        // The path of a socket must be short.
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        let group = folder.path().metadata().expect("it is there").gid();
        let shared = format!("{}:/shared", folder.path().display());
        let mut run = Command::new("docker");
        run.args(["run", "--detach", "--volume", &shared]).args(POWERS);
        run.args(["--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", IMAGE]);
        run.args(["--host=unix:///shared/docker.sock", &format!("--group={group}")]);
        let container = said(&mut run);
        let engine = Self { container, folder };
        engine.wait();
        engine.bring();
        engine
    }

    /// Where it is reached, as `DOCKER_HOST` has it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    /// What a command of it prints.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn docker(&self, args: &[&str]) -> String {
        said(Command::new("docker").env("DOCKER_HOST", self.host()).args(args))
    }

    /// Everything in it that a run may have left.
    #[must_use]
    pub fn holds(&self) -> Vec<String> {
        let own = "label=dr-drill.run";
        let containers = self.docker(&["container", "ls", "--all", "--quiet"]);
        let volumes = self.docker(&["volume", "ls", "--quiet"]);
        let networks = self.docker(&["network", "ls", "--quiet", "--filter", own]);
        let all = [containers, volumes, networks];
        all.iter().flat_map(|it| it.lines()).map(str::to_owned).collect()
    }

    /// Ends it at once, as a host that loses its power.
    ///
    /// # Panics
    /// When it does not run any more.
    pub fn kill(&self) {
        said(Command::new("docker").args(["kill", &self.container]));
    }

    fn wait(&self) {
        let begun = Instant::now();
        let mut asked = Command::new("docker");
        asked.env("DOCKER_HOST", self.host()).arg("version");
        asked.stdout(Stdio::null()).stderr(Stdio::null());
        while !asked.status().expect("docker runs").success() {
            if begun.elapsed() > READY {
                let logs = Command::new("docker").args(["logs", &self.container]).output();
                panic!("the engine does not answer: {logs:#?}");
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Brings the images: nothing is built there.
    fn bring(&self) {
        let needed = thread::spawn(needed).join().expect("the images are there or built");
        let mut save = Command::new("docker");
        save.arg("save").args(needed).stdout(Stdio::piped());
        let mut saved = save.spawn().expect("docker runs");
        let mut load = Command::new("docker");
        load.env("DOCKER_HOST", self.host()).args(["load", "--quiet"]);
        load.stdin(saved.stdout.take().expect("its output"));
        said(&mut load);
        assert!(saved.wait().expect("it ends").success(), "the images cannot be read");
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let mut remove = Command::new("docker");
        let _ = remove.args(["rm", "--force", "--volumes", &self.container]).output();
    }
}

/// The images that a drill of the projects takes.
fn needed() -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let needed = runtime.expect("a runtime starts").block_on(async {
        let engine = engine::Engine::find(&Runner::new(CancellationToken::new())).await?;
        let images = Images::new(&engine, &Events::ignored());
        Ok::<_, harness::Error>(vec![images.base(SUITE).await?, sink::image(&images).await?])
    });
    let needed = needed.expect("the images are there or built").into_iter();
    let own = ["dr-drill-test/app:1", "dr-drill-test/postgres:15"].map(str::to_owned);
    needed.chain(own).collect()
}

/// What a command prints that succeeds.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("docker runs");
    assert!(output.status.success(), "{command:?}: {output:#?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
