//! What a backup is restored in, whatever its engine: one container of the run with one volume, and
//! no network at all. Nothing runs in it until it is asked for.

use std::ffi::OsString;
use std::time::Duration;

use crate::error::Result;
use crate::process::Command;
use crate::stack::engine::Engine;
use crate::stack::isolation::Limits;
use crate::stack::{RunId, RunLabels};

/// Bounds starting, stopping and everything else that is not the restore itself.
pub(super) const LIMIT: Duration = Duration::from_secs(900);

/// Memory of the container, where nothing else is asked for.
const MEMORY: &str = "4g";

/// What it may use and do besides.
const BOUNDS: [&str; 8] = [
    "--network=none",
    "--init",
    "--shm-size=1g",
    "--pids-limit=512",
    "--security-opt=no-new-privileges",
    "--log-driver=none",
    "--restart=no",
    "--tmpfs=/tmp:size=64m",
];

/// Somebody who owns no file in the container.
pub(super) const NOBODY: &str = "--user=65534:65534";

/// A container of this run, its volume at `/data`.
#[derive(Debug, Clone)]
pub(super) struct Sandbox {
    engine: Engine,
    container: String,
}

impl Sandbox {
    /// Starts the container of an image, in which no server runs yet.
    pub(super) async fn start(
        engine: &Engine,
        run: &RunId,
        image: &str,
        limits: &Limits,
    ) -> Result<Self> {
        let labels = RunLabels::of(run).arguments();
        let project = run.project();
        let volume = engine.docker(["volume", "create"]).args(labels.iter().cloned());
        let volume = volume.arg(format!("{project}_data")).run().await?;
        let volume = volume.require(|| "cannot make a volume")?.text();
        let memory = limits.memory.clone().unwrap_or_else(|| MEMORY.to_owned());
        let create = engine.docker(["run", "--detach"]).args(BOUNDS).args(labels);
        let create = create.arg(format!("--memory={memory}"));
        let create = create.args(limits.cpus.iter().map(|it| format!("--cpus={it}")));
        let create = create.arg(format!("--volume={volume}:/data"));
        let create = create.arg(format!("--name={project}-server"));
        // Whatever the image would start, nothing does until it is asked for.
        let create = create.args(["--entrypoint", "sleep"]).arg(image).arg("infinity");
        let started = create.timeout(LIMIT).run().await?;
        let container = started.require(|| "cannot start the sandbox's server")?.text();
        Ok(Self { engine: engine.clone(), container })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A command inside. `options` are those of `docker exec`: as whom it is run, and with which
    /// variables of this command's own environment.
    pub(super) fn exec<A: Into<OsString>>(
        &self,
        options: &[&str],
        words: impl IntoIterator<Item = A>,
    ) -> Command {
        let exec = self.engine.docker(["exec", "--interactive"]).args(options.iter().copied());
        exec.arg(&self.container).args(words)
    }
}
