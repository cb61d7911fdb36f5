//! The container engine, through its command line. Lists, inspects and removes by label;
//! knows nothing of compose files.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::error::{Attempt, Error, Result};
use crate::process::{Command, Runner};

/// Where the engine listens unless `DOCKER_HOST` or a context says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// Label by which compose, in all its versions, names the service of a container.
pub const LABEL_SERVICE: &str = "com.docker.compose.service";

/// Labels by which it knows what it made, a network's name in the stack among them.
pub(super) const LABEL_PROJECT: &str = "com.docker.compose.project";
pub(super) const LABEL_NETWORK: &str = "com.docker.compose.network";

/// Label by which it marks the containers of `compose run`.
const LABEL_ONE_OFF: &str = "com.docker.compose.oneoff";

/// What an engine keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// Containers, running or not.
    Container,
    /// Volumes.
    Volume,
    /// Networks.
    Network,
}

impl ResourceKind {
    /// In the order in which they can be removed.
    pub const ALL: [Self; 3] = [Self::Container, Self::Network, Self::Volume];

    /// The word of the command line.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Volume => "volume",
            Self::Network => "network",
        }
    }
}

/// Something that a container has mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The volume's name in the engine; absent for what is no volume.
    pub volume: Option<String>,
    /// Where it is mounted.
    pub path: String,
    /// The folder or file of the engine's own host that is seen there.
    pub source: Option<PathBuf>,
    /// Whether the container may write there.
    pub is_writable: bool,
}

/// Where a container is on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its address there.
    pub ip: IpAddr,
    /// The network's id.
    pub network: String,
}

/// A container as the engine describes it.
#[derive(Debug, Clone)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Id of its image.
    pub image: String,
    /// Compose service, empty when compose did not make it.
    pub service: String,
    /// When it was started last.
    pub started_at: String,
    /// `created`, `running`, `exited` ….
    pub status: String,
    /// `starting`, `healthy`, `unhealthy`; absent without a health check.
    pub health: Option<String>,
    /// The health check, as the engine keeps it: `CMD` or `CMD-SHELL`, and its words.
    pub check: Vec<String>,
    /// Output of the last health check that ran.
    pub last_probe: Option<String>,
    /// Exit code, meaningful once it exited.
    pub exit_code: i64,
    /// Names of the networks that it is on.
    pub networks: Vec<String>,
    /// Where it is on one of its networks.
    pub attached: Option<Attached>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What is mounted, and at which paths.
    pub mounts: Vec<Mounted>,
    /// Where the engine keeps what it wrote outside of these, on its own host.
    pub upper: Option<PathBuf>,
}

impl Container {
    /// Whether `compose run` made it, for one command. Version 1 leaves it if it is killed.
    #[must_use]
    pub fn is_one_off(&self) -> bool {
        self.labels.get(LABEL_ONE_OFF).is_some_and(|value| value == "True")
    }

    /// Whether it is the container in which a service runs.
    #[must_use]
    pub fn is_of(&self, service: &str) -> bool {
        self.service == service && !self.is_one_off()
    }
}

/// The container engine.
#[derive(Debug, Clone)]
pub struct Engine {
    runner: Runner,
    version: String,
}

impl Engine {
    /// Finds the engine, or says why it cannot be used.
    pub async fn find(runner: &Runner) -> Result<Self> {
        let asked = runner
            .command("docker")
            .args(["version", "--format", "{{.Server.Version}}"])
            .timeout(Duration::from_secs(20))
            .run()
            .await;
        let output = asked.map_err(|cause| match cause.kind() {
            crate::ErrorKind::Interrupted => cause,
            _ => Error::undecided("no container engine: the docker command cannot be started")
                .because(cause)
                .hint("install one (`cargo xtask doctor --fix`, or `apt-get install docker.io`)"),
        })?;
        if !output.succeeded() {
            return Err(unreachable_engine(&output.complaint()));
        }
        Ok(Self { runner: runner.clone(), version: output.text() })
    }

    /// The engine's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The runner of its commands.
    #[must_use]
    pub fn runner(&self) -> &Runner {
        &self.runner
    }

    /// The same engine, deaf to cancellation.
    #[must_use]
    pub fn for_cleanup(&self) -> Self {
        Self { runner: self.runner.for_cleanup(), version: self.version.clone() }
    }

    /// A `docker` command to be completed.
    pub fn docker<A: Into<std::ffi::OsString>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        self.runner.command("docker").args(args)
    }

    /// Names (ids for containers) of everything of a kind under a label, `name` or `name=value`.
    pub async fn list(&self, kind: ResourceKind, label: &str) -> Result<Vec<String>> {
        let filter = format!("label={label}");
        let mut args = vec![kind.noun(), "ls", "--filter", &filter];
        args.extend(match kind {
            ResourceKind::Container => ["--all", "--no-trunc", "--quiet"].as_slice(),
            ResourceKind::Volume => ["--quiet"].as_slice(),
            ResourceKind::Network => ["--format", "{{.Name}}"].as_slice(),
        });
        let output = self.docker(args).run().await?;
        let output = output.require(|| format!("cannot list {}s", kind.noun()))?;
        Ok(output.text().lines().map(str::to_owned).collect())
    }

    /// Labels of things of one kind, by name. Things that are gone are left out.
    pub async fn labels(
        &self,
        kind: ResourceKind,
        names: &[String],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        let mut found = BTreeMap::new();
        for value in self.inspect(kind, names).await? {
            let (key, labels) = match kind {
                ResourceKind::Container => (&value["Id"], &value["Config"]["Labels"]),
                ResourceKind::Volume | ResourceKind::Network => (&value["Name"], &value["Labels"]),
            };
            let labels =
                Option::<BTreeMap<String, String>>::deserialize(labels).unwrap_or_default();
            found.insert(key.as_str().unwrap_or_default().to_owned(), labels.unwrap_or_default());
        }
        Ok(found)
    }

    /// All containers under a label, with their state.
    pub async fn containers(&self, label: &str) -> Result<Vec<Container>> {
        let ids = self.list(ResourceKind::Container, label).await?;
        let found = self.inspect(ResourceKind::Container, &ids).await?;
        Ok(found.iter().map(container).collect())
    }

    /// The same containers as they are now; those that are gone are left out.
    pub(crate) async fn look_at(&self, known: &[Container]) -> Result<Vec<Container>> {
        let ids = known.iter().map(|container| container.id.clone()).collect::<Vec<_>>();
        let found = self.inspect(ResourceKind::Container, &ids).await?;
        Ok(found.iter().map(container).collect())
    }

    /// The variables of a container. Secrets are among them.
    pub async fn environment(&self, container: &str) -> Result<Vec<(String, String)>> {
        let found = self.inspect(ResourceKind::Container, &[container.to_owned()]).await?;
        let lines = found.first().and_then(|value| value["Config"]["Env"].as_array());
        let pairs = lines.into_iter().flatten().filter_map(|line| line.as_str()?.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Where the engine keeps a volume on its own host.
    pub async fn mountpoint(&self, volume: &str) -> Result<Option<String>> {
        let found = self.inspect(ResourceKind::Volume, &[volume.to_owned()]).await?;
        Ok(found.first().and_then(|value| value["Mountpoint"].as_str()).map(str::to_owned))
    }

    /// Removes things of one kind, however alive. That some are gone already is no failure.
    pub async fn remove(&self, kind: ResourceKind, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let words: &[&str] = match kind {
            ResourceKind::Container => &["container", "rm", "--force", "--volumes"],
            ResourceKind::Volume => &["volume", "rm", "--force"],
            ResourceKind::Network => &["network", "rm"],
        };
        let output = self.docker(words.iter().copied()).args(names.iter().cloned()).run().await?;
        if output.succeeded() {
            return Ok(());
        }
        let left = self.labels(kind, names).await?.into_keys().collect::<Vec<_>>().join(", ");
        if left.is_empty() {
            return Ok(());
        }
        output.require(|| format!("cannot remove {} {left}", kind.noun())).map(drop)
    }

    /// The last lines that a container wrote.
    pub async fn logs(&self, container: &str, lines: u32) -> Result<Vec<String>> {
        let lines = lines.to_string();
        // Both streams, in the order in which they were written.
        let script = "exec docker logs --tail \"$1\" \"$2\" 2>&1";
        let output = self.runner.command("sh").args(["-c", script, "sh", &lines, container]);
        let output = output.run().await?.require(|| format!("cannot read logs of {container}"))?;
        Ok(self.runner.redact(&output.text()).lines().map(str::to_owned).collect())
    }

    async fn inspect(
        &self,
        kind: ResourceKind,
        names: &[String],
    ) -> Result<Vec<serde_json::Value>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let command = self.docker([kind.noun(), "inspect"]).args(names.iter().cloned());
        // The exit code tells only that some are gone; the others are described all the same.
        let output = command.run().await?;
        serde_json::from_slice(&output.stdout)
            .attempt(|| format!("cannot read the engine's description of a {}", kind.noun()))
    }
}

fn container(value: &serde_json::Value) -> Container {
    let labels = Option::<BTreeMap<String, String>>::deserialize(&value["Config"]["Labels"])
        .unwrap_or_default();
    let labels = labels.unwrap_or_default();
    let state = &value["State"];
    let probes = state["Health"]["Log"].as_array();
    let networks = value["NetworkSettings"]["Networks"].as_object();
    let attached = networks.and_then(|networks| networks.values().find_map(attached));
    let networks = networks.into_iter().flat_map(serde_json::Map::keys).cloned().collect();
    let mounts = value["Mounts"].as_array().into_iter().flatten();
    Container {
        networks,
        id: text(&value["Id"]),
        image: text(&value["Image"]),
        started_at: text(&state["StartedAt"]),
        service: labels.get(LABEL_SERVICE).cloned().unwrap_or_default(),
        status: text(&state["Status"]),
        health: state["Health"]["Status"].as_str().map(str::to_owned),
        check: Deserialize::deserialize(&value["Config"]["Healthcheck"]["Test"])
            .unwrap_or_default(),
        last_probe: probes.and_then(|log| log.last()).map(|probe| text(&probe["Output"])),
        exit_code: state["ExitCode"].as_i64().unwrap_or_default(),
        attached,
        mounts: mounts.map(mounted).collect(),
        upper: value["GraphDriver"]["Data"]["UpperDir"].as_str().map(PathBuf::from),
        labels,
    }
}

fn attached(network: &serde_json::Value) -> Option<Attached> {
    let ip = network["IPAddress"].as_str()?.parse().ok()?;
    Some(Attached { ip, network: text(&network["NetworkID"]) })
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn mounted(value: &serde_json::Value) -> Mounted {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let volume = text("Name").filter(|_| value["Type"] == "volume");
    let source = text("Source").filter(|it| !it.is_empty()).map(PathBuf::from);
    let path = text("Destination").unwrap_or_default();
    Mounted { volume, path, source, is_writable: value["RW"] == true }
}

/// Why the engine does not answer, read from its socket rather than from words of the client.
fn unreachable_engine(complaint: &str) -> Error {
    let error =
        Error::undecided("the container engine does not answer").because(complaint.to_owned());
    if std::env::var_os("DOCKER_HOST").is_some() {
        return error.hint("DOCKER_HOST is set: check that the engine it names is up");
    }
    match UnixStream::connect(SOCKET).map_err(|cause| cause.kind()) {
        Err(io::ErrorKind::PermissionDenied) => error.hint(format!(
            "no permission on {SOCKET}: `sudo usermod -aG docker $USER`, then log in again"
        )),
        Err(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            error.hint("it is not running: `sudo systemctl start docker`")
        }
        _ => error.hint("`docker info` says more; `cargo xtask doctor` checks the whole machine"),
    }
}
