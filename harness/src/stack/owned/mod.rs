//! A stack that this run created, and the only place that stops, starts or destroys one.
//!
//! Every container, volume and network is checked for this run's label immediately before
//! it is removed. There is no way to make an [`OwnedStack`] of anything that exists already.

mod carry;
mod commands;
pub(crate) mod layer;
mod outside;
mod reach;
mod removal;
mod sink;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use self::carry::Freight;
use self::sink::Sink;
use super::compose::Compose;
use super::engine::{Container, Engine};
use super::isolation::{Fill, SealedStack};
use super::private_files;
use super::reach::{LABEL_RELAY, Relays};
use super::readiness::{self, Unready, Wanted};
use super::run::{LABEL_RUN, RunId};
use super::sink::LABEL_SINK;
use super::watch::Watch;
use crate::error::{Attempt, Error, Result};
use crate::process::Runner;

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
    sink: Arc<Mutex<Sink>>,
    relays: Relays,
    /// What is carried to an engine that does not have this host's files.
    freight: Option<Arc<Freight>>,
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
            sink: Arc::default(),
            relays: Relays::of(engine, run, tool_image),
            freight: None,
        })
    }

    /// The same stack as another project of this run: under new names, with nothing in it yet.
    pub fn elsewhere(&self) -> Result<Self> {
        let sealed = self.sealed.renamed(format!("{}-elsewhere", self.sealed.project));
        let file = self.file.with_file_name("compose-elsewhere.json");
        write_sealed(&file, &sealed)?;
        let sink = Arc::new(Mutex::new(self.sink()));
        let relays = Relays::of(&self.engine, &self.run, &self.tool_image);
        let freight = self.freight.as_ref().map(|_| Arc::default());
        Ok(Self { file, sealed, seen: Arc::default(), sink, relays, freight, ..self.clone() })
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

    /// Its compose file.
    pub(crate) fn definition(&self) -> &Value {
        &self.sealed.file
    }

    /// What fills a volume that stands for a folder of the host.
    pub(crate) fn fill_of(&self, volume: &str) -> Option<&Fill> {
        self.sealed.fills.iter().find(|fill| fill.volume == volume)
    }

    /// The compose tool that drives it.
    #[must_use]
    pub fn compose(&self) -> &Compose {
        &self.compose
    }

    /// Keeps the same stack sealed with further files, for commands that are [bound](Self::bind) to
    /// this one and name those files behind its own in `COMPOSE_FILE`.
    pub async fn keep_variant(&self, files: &[PathBuf], sealed: &SealedStack) -> Result<()> {
        let mut file = self.file.clone().into_os_string();
        for further in files {
            file.push(":");
            file.push(further);
        }
        private_files::make(sealed)?;
        write_sealed(Path::new(&file), &self.carried(sealed.clone()).await?)
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

    /// Services that may write to a volume.
    #[must_use]
    pub fn users_of(&self, volume: &str) -> Vec<&str> {
        let writes = |mount: &Value| {
            mount["source"] == volume && mount["read_only"] != Value::Bool(true)
                || mount.as_str().is_some_and(|short| {
                    short.split(':').next() == Some(volume) && !short.ends_with(":ro")
                })
        };
        let services = self.sealed.file["services"].as_object().into_iter().flatten();
        let users = services
            .filter(|(_, service)| service["volumes"].as_array().into_iter().flatten().any(writes));
        users.map(|(name, _)| name.as_str()).collect()
    }

    /// A service that has ended and should not have, if there is one.
    pub async fn ended(&self) -> Result<Option<Unready>> {
        let containers = self.containers().await?;
        let wanted = self.wanted().collect::<Vec<_>>();
        readiness::ended(&self.engine, &containers, &wanted).await
    }

    /// The services of which containers are to run.
    fn wanted(&self) -> impl Iterator<Item = Wanted> {
        let jobs = self.sealed.jobs();
        let running = self.sealed.running();
        running.map(move |name| Wanted { name: name.to_owned(), is_job: jobs.contains(name) })
    }

    /// Its services that are not as they should be, and in what state they are.
    pub async fn down(&self) -> Result<Vec<String>> {
        let containers = self.containers().await?;
        Ok(readiness::failed(&containers, &self.wanted().collect::<Vec<_>>()))
    }

    /// A volume by its name in the stack.
    pub fn volume(&self, name: &str) -> Result<OwnedVolume> {
        self.volumes().find(|volume| volume.name == name).ok_or_else(|| {
            let known = self.sealed.volumes.keys().cloned().collect::<Vec<_>>().join(", ");
            Error::usage(format!("the stack has no volume {name:?}"))
                .hint(format!("its volumes are: {known}; correct drill.toml"))
        })
    }

    /// Makes what has to be there before anything is created. Gives back the file as it is then.
    async fn provide(&self) -> Result<SealedStack> {
        self.relays.reopen().await;
        let is_new = self.open_sink().await?;
        let sealed = self.carried(self.resolving()).await?;
        if is_new || self.freight.is_some() {
            write_sealed(&self.file, &sealed)?;
        }
        Ok(sealed)
    }

    /// Creates every container, volume and network, and starts nothing.
    pub async fn create(&self) -> Result<()> {
        self.forget();
        let sealed = self.provide().await?;
        let is_first = self.compose.version().starts_with("1.");
        let Some(startless) = sealed.startless().filter(|_| is_first) else {
            return self.compose.create(self.project(), &self.file).await;
        };
        let file = self.file.with_extension("startless.json");
        write_sealed(&file, &startless)?;
        self.compose.create(self.project(), &file).await
    }

    /// Creates and starts services (all if none is named) and waits until they are ready.
    /// Gives back the first that does not become so.
    pub async fn up(&self, services: &[&str], limit: Duration) -> Result<Option<Unready>> {
        self.forget();
        self.provide().await?;
        let mut watch = Watch::begin(&self.engine, &self.label())?;
        let started = self.compose.up(self.project(), &self.file, services).await;
        let (limit, failed) = match started {
            Ok(()) => (limit, None),
            Err(cause) if cause.kind() == crate::ErrorKind::Interrupted => return Err(cause),
            // Compose gave up on a dependency: say which one, in what state, with its log.
            Err(cause) => (Duration::ZERO, Some(cause)),
        };
        let is_meant = |it: &Wanted| services.is_empty() || services.contains(&it.name.as_str());
        let wanted = self.wanted().filter(is_meant).collect::<Vec<_>>();
        let label = self.label();
        let ready = readiness::wait(&self.engine, &label, &wanted, limit, &mut watch);
        let awaited = self.runner().waiting(ready).await;
        watch.end().await;
        let awaited = awaited?;
        self.require_sealed(&awaited.containers)?;
        match (awaited.unready, failed) {
            (None, Some(cause)) => Err(cause),
            // It did not come to any container: compose says why.
            (Some(unready), Some(cause)) if !unready.is_there => Err(cause),
            (unready, _) => {
                self.remember(Some(awaited.containers));
                Ok(unready)
            }
        }
    }

    /// Demands that nothing of it is on a network that is not its own, whatever compose made.
    fn require_sealed(&self, containers: &[Container]) -> Result<()> {
        // Of this run, in this place or elsewhere.
        let own = self.run.project();
        let is_foreign = |name: &&String| *name != "none" && !name.starts_with(&own);
        let foreign = containers.iter().find_map(|container| {
            let foreign = container.networks.iter().find(is_foreign)?;
            Some((&container.service, foreign))
        });
        foreign.map_or(Ok(()), |(service, network)| {
            Err(Error::undecided(format!(
                "service {service:?} is on network {network}, which is none of the sandbox's"
            ))
            .hint(format!(
                "compose has not done as the sealed file says; leave it out: --without {service}"
            )))
        })
    }

    /// Looks at its containers. The sink and relays are none of them.
    pub async fn containers(&self) -> Result<Vec<Container>> {
        let mut containers = self.engine.containers(&self.label()).await?;
        let is_own = |label: &str| [LABEL_SINK, LABEL_RELAY].contains(&label);
        containers.retain(|container| !container.labels.keys().any(|label| is_own(label)));
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
