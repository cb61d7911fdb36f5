//! Where an engine is, seen from this host, and whether this host's files are its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Attempt, Result};
use crate::stack::engine::Engine;
use crate::stack::run::{RunId, RunLabels};

/// Where an engine of this host listens.
const OWN: [&str; 2] = ["unix:///var/run/docker.sock", "unix:///run/docker.sock"];

/// Bounds the container that looks for a file.
const LIMIT: Duration = Duration::from_secs(60);

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// How its client reaches it: `unix:///var/run/docker.sock`, `ssh://backup`.
    pub endpoint: String,
    /// Where it keeps everything, on its own host.
    pub root: PathBuf,
    /// Whether it is this host's own beyond doubt.
    pub is_here: bool,
}

impl Whereabouts {
    /// Asks the engine and its client.
    ///
    /// # Errors
    /// Undecided when the client cannot be started.
    pub async fn of(engine: &Engine) -> Result<Self> {
        let context = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
        let information = ["info", "--format", "{{.Name}}\n{{.DockerRootDir}}"];
        let (context, information) =
            tokio::try_join!(engine.docker(context).run(), engine.docker(information).run())?;
        // A client of another house may say neither: then nothing is beyond doubt.
        let information = information.text();
        let (name, root) = information.split_once('\n').unwrap_or_default();
        let endpoint = match (context.succeeded(), std::env::var("DOCKER_HOST")) {
            (true, _) => context.text(),
            // A client without contexts.
            (false, Ok(host)) => host,
            (false, Err(_)) => "an endpoint that its client does not tell".to_owned(),
        };
        let is_here = OWN.contains(&endpoint.as_str()) && name == own_name();
        Ok(Self { endpoint, root: PathBuf::from(root), is_here })
    }

    /// The folder in which it keeps everything, where this host can see to it.
    #[must_use]
    pub fn root_here(&self) -> Option<&Path> {
        Some(self.root.as_path()).filter(|root| self.is_here && root.exists())
    }

    /// What of it matters to people, if it does.
    #[must_use]
    pub fn told(&self, has_files: bool) -> Option<String> {
        if self.is_here {
            return None;
        }
        let files = if has_files { "" } else { ", and files are carried to it" };
        let endpoint = &self.endpoint;
        Some(format!(
            "the engine is elsewhere ({endpoint}): containers that this host has no way to are \
             reached through a relay{files}"
        ))
    }
}

/// Whether what lies in a folder of this host is there for the engine, too: it is shown a file with a
/// word in it that nobody can guess. The folder is not made where it is not.
///
/// # Errors
/// Undecided when the file cannot be written, or the engine's client not be started.
pub(in crate::stack) async fn has_files_of(
    engine: &Engine,
    run: &RunId,
    image: &str,
    folder: &Path,
) -> Result<bool> {
    let word = uuid::Uuid::new_v4().simple().to_string();
    let file = tempfile::NamedTempFile::new_in(folder).attempt(|| "cannot write a file")?;
    fs::write(file.path(), &word).attempt(|| "cannot write a file")?;
    let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = folder.to_string_lossy().replace('"', "\"\"");
    let mount = format!("type=bind,\"source={source}\",target=/here,readonly");
    let look = engine.docker(["run", "--rm", "--network", "none", "--log-driver", "none"]);
    let look = look.args(RunLabels::of(run).arguments()).args(["--mount", &mount]);
    let look = look.args(["--entrypoint", "", image, "cat", &format!("/here/{name}")]);
    Ok(look.timeout(LIMIT).run().await?.text() == word)
}

fn own_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
