//! A stack that this run created, and the only place that stops, starts or destroys one.
//!
//! Every container, volume and network is checked for this run's label immediately before
//! it is removed. There is no way to make an [`OwnedStack`] of anything that exists already.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::compose::Compose;
use super::engine::{Container, Engine, ResourceKind};
use super::isolation::SealedStack;
use super::private_files;
use super::readiness::{self, Unready, Wanted};
use super::run::{LABEL_RUN, RunId, RunLabels};
use super::watch::Watch;
use crate::error::{Attempt, Error, Result};
use crate::process::{Command, Runner};

/// How long removing a stack may take, removals that the engine does not complete included.
const TEAR_DOWN_LIMIT: Duration = Duration::from_secs(600);

/// A volume of an owned stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedVolume {
    /// Its name in the stack: `media_volume`.
    pub name: String,
    /// Its name in the engine.
    actual: String,
}

/// A stack that this run created.
#[derive(Debug, Clone)]
pub struct OwnedStack {
    engine: Engine,
    compose: Compose,
    run: RunId,
    file: PathBuf,
    sealed: SealedStack,
    tool_image: String,
    /// Its containers as they were last seen, until something may have changed them.
    seen: Arc<Mutex<Option<Vec<Container>>>>,
}

impl OwnedStack {
    /// A stack that will be created from a sealed configuration, kept in `work_dir`.
    /// `tool_image` is run beside the stack to read and write volumes; it has tar.
    pub fn new(
        engine: &Engine,
        compose: &Compose,
        run: &RunId,
        sealed: SealedStack,
        work_dir: &Path,
        tool_image: &str,
    ) -> Result<Self> {
        let file = work_dir.join("compose.json");
        private_files::make(&sealed)?;
        write_sealed(&file, &sealed)?;
        Ok(Self {
            engine: engine.clone(),
            compose: compose.clone(),
            run: run.clone(),
            file,
            sealed,
            tool_image: tool_image.to_owned(),
            seen: Arc::default(),
        })
    }

    /// The same stack as another project of this run: under new names, with nothing in it yet.
    pub fn elsewhere(&self) -> Result<Self> {
        let sealed = self.sealed.renamed(format!("{}-elsewhere", self.sealed.project));
        let file = self.file.with_file_name("compose-elsewhere.json");
        write_sealed(&file, &sealed)?;
        Ok(Self { file, sealed, seen: Arc::default(), ..self.clone() })
    }

    /// The same stack, deaf to cancellation.
    #[must_use]
    pub fn for_cleanup(&self) -> Self {
        Self {
            engine: self.engine.for_cleanup(),
            compose: self.compose.for_cleanup(),
            ..self.clone()
        }
    }

    /// The engine it lives in.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The runner of its commands.
    #[must_use]
    pub fn runner(&self) -> &Runner {
        self.engine.runner()
    }

    /// The run that it belongs to.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Its compose project.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.sealed.project
    }

    /// Its sealed compose file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What it was sealed to.
    pub(super) fn sealed(&self) -> &SealedStack {
        &self.sealed
    }

    /// The compose tool that drives it.
    #[must_use]
    pub fn compose(&self) -> &Compose {
        &self.compose
    }

    /// Keeps the same stack sealed with further files, for commands that are [bound](Self::bind) to
    /// this one and name those files behind its own in `COMPOSE_FILE`.
    pub fn keep_variant(&self, files: &[PathBuf], sealed: &SealedStack) -> Result<()> {
        let mut file = self.file.clone().into_os_string();
        for further in files {
            file.push(":");
            file.push(further);
        }
        private_files::make(sealed)?;
        write_sealed(Path::new(&file), sealed)
    }

    /// Its services, in the order of the configuration.
    #[must_use]
    pub fn services(&self) -> &[String] {
        &self.sealed.services
    }

    /// Its volumes.
    pub fn volumes(&self) -> impl Iterator<Item = OwnedVolume> {
        let volumes = self.sealed.volumes.iter();
        volumes.map(|(name, actual)| OwnedVolume { name: name.clone(), actual: actual.clone() })
    }

    /// A volume by its name in the stack.
    pub fn volume(&self, name: &str) -> Result<OwnedVolume> {
        self.volumes().find(|volume| volume.name == name).ok_or_else(|| {
            let known = self.sealed.volumes.keys().cloned().collect::<Vec<_>>().join(", ");
            Error::usage(format!("the stack has no volume {name:?}"))
                .hint(format!("its volumes are: {known}; correct drill.toml"))
        })
    }

    /// Creates every container, volume and network, and starts nothing.
    pub async fn create(&self) -> Result<()> {
        self.forget();
        self.compose.create(self.project(), &self.file).await
    }

    /// Creates and starts services (all if none is named) and waits until they are ready.
    /// Gives back the first that does not become so.
    pub async fn up(&self, services: &[&str], limit: Duration) -> Result<Option<Unready>> {
        self.forget();
        let mut watch = Watch::begin(&self.engine, &self.label())?;
        let started = self.compose.up(self.project(), &self.file, services).await;
        let (limit, failed) = match started {
            Ok(()) => (limit, None),
            Err(cause) if cause.kind() == crate::ErrorKind::Interrupted => return Err(cause),
            // Compose gave up on a dependency: say which one, in what state, with its log.
            Err(cause) => (Duration::ZERO, Some(cause)),
        };
        let running = self.sealed.running();
        let wanted = running.filter(|name| services.is_empty() || services.contains(name));
        let (jobs, label) = (self.sealed.jobs(), self.label());
        let wanted =
            wanted.map(|name| Wanted { name: name.to_owned(), is_job: jobs.contains(name) });
        let wanted = wanted.collect::<Vec<_>>();
        let ready = readiness::wait(&self.engine, &label, &wanted, limit, &mut watch);
        let awaited = self.runner().waiting(ready).await;
        watch.end().await;
        let awaited = awaited?;
        match (awaited.unready, failed) {
            (None, Some(cause)) => Err(cause),
            (unready, _) => {
                self.remember(Some(awaited.containers));
                Ok(unready)
            }
        }
    }

    /// Looks at its containers.
    pub async fn containers(&self) -> Result<Vec<Container>> {
        let containers = self.engine.containers(&self.label()).await?;
        self.remember(Some(containers.clone()));
        Ok(containers)
    }

    /// Says that its containers may have been changed by somebody else: whoever asks for one
    /// has them looked at again.
    pub fn forget(&self) {
        self.remember(None);
    }

    /// The container of a service, one of them if it has several. Its state may be older than its identity and its address.
    pub async fn container(&self, service: &str) -> Result<Container> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let containers = match seen {
            Some(containers) => containers,
            None => self.containers().await?,
        };
        containers.into_iter().find(|container| container.is_of(service)).ok_or_else(|| {
            Error::undecided(format!("service {service:?} has no container"))
                .hint(format!("the services of the stack are: {}", self.sealed.services.join(", ")))
        })
    }

    fn remember(&self, containers: Option<Vec<Container>>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = containers;
    }

    /// Where the host reaches a service of the sealed networks.
    pub async fn address(&self, service: &str) -> Result<IpAddr> {
        // Who lives in another's network has its address.
        let container = self.container(self.sealed.network_of(service)).await?;
        container.address.ok_or_else(|| {
            Error::undecided(format!(
                "service {service:?} has no address on a network of the sandbox"
            ))
        })
    }

    /// A command inside a running service, as a user of it.
    pub async fn exec<A: Into<OsString>>(
        &self,
        service: &str,
        user: Option<&str>,
        words: impl IntoIterator<Item = A>,
    ) -> Result<Command> {
        let container = self.container(service).await?;
        let user = user.into_iter().flat_map(|user| ["--user", user]);
        let command = self.engine.docker(["exec", "--interactive"]);
        Ok(command.args(user).arg(container.id).args(words))
    }

    /// A command in a new container of a service, which goes when the command ends. Services
    /// that it depends on are not started.
    pub fn run_fresh(
        &self,
        service: &str,
        user: Option<&str>,
        environment: &BTreeMap<String, String>,
        words: &[String],
    ) -> Command {
        let command = self.compose.run(self.project(), &self.file);
        let user = user.into_iter().flat_map(|user| ["--user".to_owned(), user.to_owned()]);
        let environment = environment.iter().map(|(name, value)| format!("{name}={value}"));
        let environment = environment.flat_map(|variable| ["-e".to_owned(), variable]);
        command.args(user).args(environment).arg(service).args(words.iter().cloned())
    }

    /// Tells a command on the host which compose project is meant: this one.
    pub fn bind(&self, command: Command) -> Command {
        // It may recreate what it likes.
        self.forget();
        self.compose.bind(command, self.project(), &self.file)
    }

    /// A short-lived container beside the stack with one volume at `/store`, and no network.
    pub fn beside<A: Into<OsString>>(
        &self,
        volume: &OwnedVolume,
        read_only: bool,
        words: impl IntoIterator<Item = A>,
    ) -> Command {
        let access = if read_only { "ro" } else { "rw" };
        let mount = format!("{}:/store:{access}", volume.actual);
        self.tool(["--volume".into(), mount.into()]).args(words)
    }

    /// The same, to write to the volume, with a folder of the host to be read at `/from`.
    pub(super) fn beside_from(
        &self,
        volume: &OwnedVolume,
        from: &Path,
        words: impl IntoIterator<Item = OsString>,
    ) -> Command {
        // The engine reads a line of comma-separated values.
        let from = from.to_string_lossy().replace('"', "\"\"");
        let from = format!("type=bind,\"source={from}\",target=/from,readonly");
        let store = format!("type=volume,source={},target=/store,volume-nocopy", volume.actual);
        self.tool(["--mount".into(), from.into(), "--mount".into(), store.into()]).args(words)
    }

    /// A short-lived container of the tool image with these mounts.
    fn tool(&self, mounts: impl IntoIterator<Item = OsString>) -> Command {
        let command = self.engine.docker(["run", "--rm", "--interactive", "--network", "none"]);
        // The engine would keep the whole stream as a log, many times slower than the stream.
        let command = command.args(["--log-driver", "none"]);
        let command = command.args(RunLabels::of(&self.run).arguments()).args(mounts);
        command.args(["--entrypoint", ""]).arg(&self.tool_image)
    }

    /// Where this host can read a volume's files directly: only with a local engine, and as root.
    pub async fn mountpoint(&self, volume: &OwnedVolume) -> Result<Option<PathBuf>> {
        let mountpoint = self.engine.mountpoint(&volume.actual).await?.map(PathBuf::from);
        Ok(mountpoint.filter(|path| path.read_dir().is_ok()))
    }

    /// Removes the containers of services, all if none is named. As abrupt as a power cut.
    pub async fn destroy_containers(&self, services: &[&str]) -> Result<()> {
        let containers = self.containers().await?;
        self.forget();
        let is_meant =
            |it: &&Container| services.is_empty() || services.contains(&it.service.as_str());
        let meant = containers.iter().filter(is_meant).collect::<Vec<_>>();
        if let Some(foreign) = meant.iter().find(|container| !self.owns(&container.labels)) {
            return Err(self.refused(ResourceKind::Container, &foreign.id));
        }
        let ids = meant.into_iter().map(|container| container.id.clone()).collect::<Vec<_>>();
        self.engine.remove(ResourceKind::Container, &ids).await
    }

    /// Removes volumes and all that is in them.
    pub async fn destroy_volumes(&self, volumes: &[OwnedVolume]) -> Result<()> {
        self.remove_owned(ResourceKind::Volume, &actual(volumes)).await
    }

    /// Which of these volumes the engine still has.
    pub async fn left_of(&self, volumes: &[OwnedVolume]) -> Result<Vec<OwnedVolume>> {
        let labels = self.engine.labels(ResourceKind::Volume, &actual(volumes)).await?;
        let left = volumes.iter().filter(|volume| labels.contains_key(&volume.actual));
        Ok(left.cloned().collect())
    }

    /// Everything that carries this run's label.
    pub async fn resources(&self) -> Result<Vec<String>> {
        let found = self.list().await?;
        let names = found
            .iter()
            .flat_map(|(kind, names)| names.iter().map(|name| format!("{} {name}", kind.noun())));
        Ok(names.collect())
    }

    /// Removes everything that carries this run's label, until nothing new has appeared for
    /// `settle`: an engine finishes what a command that was ended had asked of it. Idempotent.
    ///
    /// # Errors
    /// Undecided when the engine still lists something of it after ten minutes.
    pub async fn tear_down(&self, settle: Duration) -> Result<()> {
        self.forget();
        let began = Instant::now();
        let mut quiet_since = began;
        loop {
            let mut removed = None;
            for (kind, names) in self.list().await? {
                self.remove_owned(kind, &names).await?;
                removed = names.last().map(|name| format!("{} {name}", kind.noun())).or(removed);
            }
            if let Some(last) = removed {
                if began.elapsed() > TEAR_DOWN_LIMIT {
                    let limit_s = TEAR_DOWN_LIMIT.as_secs();
                    return Err(Error::undecided(format!(
                        "after {limit_s} s the engine still lists what was removed: {last}"
                    ))
                    .hint("look at the engine's log, then: cargo xtask clean"));
                }
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() >= settle {
                return Ok(());
            } else {
                tokio::time::sleep(settle / 5).await;
            }
        }
    }

    /// What carries this run's label, by kind, in the order in which it can be removed.
    async fn list(&self) -> Result<Vec<(ResourceKind, Vec<String>)>> {
        let label = self.label();
        let lists = ResourceKind::ALL.map(|kind| {
            let label = &label;
            async move { Ok((kind, self.engine.list(kind, label).await?)) }
        });
        try_join_all(lists).await
    }

    async fn remove_owned(&self, kind: ResourceKind, names: &[String]) -> Result<()> {
        let labels = self.engine.labels(kind, names).await?;
        let foreign = labels.iter().find(|(_, labels)| !self.owns(labels));
        if let Some((name, _)) = foreign {
            return Err(self.refused(kind, name));
        }
        self.engine.remove(kind, &labels.into_keys().collect::<Vec<_>>()).await
    }

    fn owns(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(LABEL_RUN).map(String::as_str) == Some(self.run.as_str())
    }

    fn refused(&self, kind: ResourceKind, name: &str) -> Error {
        let (noun, run) = (kind.noun(), &self.run);
        Error::undecided(format!(
            "refused to remove {noun} {name}: it does not belong to run {run}"
        ))
    }

    fn label(&self) -> String {
        format!("{LABEL_RUN}={}", self.run)
    }
}

/// Their names in the engine.
fn actual(volumes: &[OwnedVolume]) -> Vec<String> {
    volumes.iter().map(|volume| volume.actual.clone()).collect()
}

/// Writes what holds the stack's secrets: for its owner alone.
fn write_sealed(file: &Path, sealed: &SealedStack) -> Result<()> {
    let mut options = OpenOptions::new();
    let created = options.create(true).truncate(true).write(true).mode(0o600).open(file);
    created
        .and_then(|mut out| out.write_all(sealed.file.to_string().as_bytes()))
        .attempt(|| format!("cannot write {}", file.display()))
}
