//! From a stack's folder to a sealed copy that is ready to start: the prepare phase.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Drill;
use super::origin::{Secrets, Seeded};
use super::resolved::{Resolved, absolute, source};
use crate::config::{Config, Generator};
use crate::dataset::Dataset;
use crate::detect::{self, DatabaseFound};
use crate::disk;
use crate::error::Result;
use crate::model::event::Events;
use crate::model::mode::Mode;
use crate::model::not_proved::{Gap, NotProved};
use crate::model::origin::Origin;
use crate::probe::{Endpoint, Exec, ExecFuture, Target, Variables, facts};
use crate::process::Runner;
use crate::running::Running;
use crate::stack::compose::Compose;
use crate::stack::database::Database;
use crate::stack::engine::Engine;
use crate::stack::images::{BaseSpec, Images, SUITE};
use crate::stack::isolation::{Allowed, Seal, SealedStack, Terms};
use crate::stack::reach::Whereabouts;
use crate::stack::{OwnedStack, OwnedVolume, RunId, RunLabels, Site};
use crate::volumes;

/// A sealed copy with all that is known of it.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// The copy.
    pub stack: OwnedStack,
    /// Its database, where there is one whose rows are compared.
    pub database: Option<Database>,
    /// The volumes that are backed up and compared as files, while nothing runs on them.
    pub cold: Vec<OwnedVolume>,
    /// Its media store.
    pub media: Option<OwnedVolume>,
    /// The project whose data it is filled with.
    pub(super) running: Option<Running>,
    /// Services that are database servers of which nothing but files is read.
    pub(super) servers: Vec<String>,
    /// What it is filled with.
    pub dataset: Option<Dataset>,
    /// What probes may refer to.
    pub variables: Variables,
    /// How it is reached.
    pub mode: Mode,
    /// The authority of its certificate, in PEM, over TLS.
    pub ca_pem: Option<String>,
    /// Its random variables.
    pub(super) secrets: Secrets,
    /// What nothing of the copy reads: rows of databases, volumes of services that were left out.
    pub(super) unread: Vec<NotProved>,
    /// The machine and its tools, by name.
    pub environment: BTreeMap<String, String>,
    /// Where the engine keeps everything, if that is on this host.
    pub(super) engine_root: Option<PathBuf>,
    /// Folder of the stack's files.
    dir: PathBuf,
    /// Folder for files that go with the run.
    work: PathBuf,
}

impl Sandbox {
    /// Folder of the stack's files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a method works.
    pub(crate) fn site(&self) -> Site<'_> {
        let Self { stack, database, media, cold, dir, work, .. } = self;
        Site { stack, database: database.as_ref(), media: media.as_ref(), cold, dir, work }
    }

    /// Its database, for what is not done without one.
    pub fn database(&self) -> Result<&Database> {
        self.site().database()
    }

    /// Where and how this host signs in to its database.
    pub async fn connection(&self) -> Result<postgres::Config> {
        self.database()?.connection(&self.stack).await
    }

    /// The volumes that are compared as files and nothing else.
    pub(super) fn files(&self) -> impl Iterator<Item = &OwnedVolume> {
        let is_media = |volume: &OwnedVolume| {
            self.media.as_ref().is_some_and(|media| media.name == volume.name)
        };
        self.cold.iter().filter(move |volume| !is_media(volume))
    }

    /// Finds the tools, builds the images and seals the stack. Creates nothing that runs.
    pub(super) async fn prepare(
        drill: &Drill,
        run: &RunId,
        work: &Path,
        runner: &Runner,
        events: &Events,
    ) -> Result<Self> {
        let (config, request) = (&drill.config, &drill.request);
        let origin = drill.origin();
        let dir = absolute(&request.stack_dir)?;
        let (engine, compose) = tokio::try_join!(
            Engine::find(runner),
            Compose::find(runner, drill.request.compose.as_deref())
        )?;
        let running = match origin {
            Origin::Live => Some(Running::find(&engine, drill.asked(&dir)).await?),
            _ => None,
        };
        // An engine on another host says nothing about its disk.
        let place = Whereabouts::of(&engine).await?;
        let engine_root = place.root_here().map(Path::to_owned);
        if origin == Origin::Sample {
            disk::require_room(request.scale, engine_root.as_deref(), &request.report_base)?;
        }
        events.note(format!("engine {}, {compose}", engine.version()));
        // Nothing is built for a stack that cannot be sealed.
        let Resolved { allowed, database, ca_pem, secrets, dropped } =
            Resolved::of(drill, &compose, runner, work).await?;
        let images = Images::new(&engine, events);
        images.pull_all(allowed.config()).await?;
        let debian = images.base(SUITE).await?;
        let sealed = seal_for(run, drill, &allowed, &images, &debian, work).await?;
        let stack = OwnedStack::new(&engine, &compose, run, sealed, work, &debian)?;
        let stack = stack.carrying(place.is_here).await?;
        if let Some(told) = place.told(stack.has_files()) {
            events.note(told);
        }
        let media = config.media.as_ref().map(|media| stack.volume(&media.volume)).transpose()?;
        let names = stack.volumes().map(|volume| volume.name).collect::<Vec<_>>();
        let cold = request.method.archives(&volumes::classified(&names, config));
        let cold = cold.iter().map(|name| stack.volume(name)).collect::<Result<Vec<_>>>()?;
        let dataset = drill.seeded.map(Seeded::dataset);
        let variables = match (&dataset, config.dataset.generator) {
            (Some(dataset), _) => facts::of_dataset(dataset),
            (None, Generator::None) => Variables::new(),
            // Nobody knows what it was filled with: probes that ask for it are skipped.
            (None, Generator::Korrigo) => facts::names(),
        };
        let environment = BTreeMap::from([
            ("engine".to_owned(), engine.version().to_owned()),
            ("compose".to_owned(), compose.to_string()),
            ("harness".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("cores".to_owned(), cores().to_string()),
        ]);
        let work = work.to_owned();
        let servers = detect::servers(allowed.config(), &dir.display().to_string());
        let known = database.as_ref().map(|database| &database.service);
        let unread = servers.iter().filter(|server| Some(&server.service) != known);
        let servers = unread.clone().map(|server| server.service.clone()).collect();
        let dropped = dropped
            .into_iter()
            .map(|name| NotProved::new(Gap::Volume, name, "no service of the copy has it"));
        let unread = unread.map(DatabaseFound::unread).chain(dropped).collect();
        let mode = drill.request.mode;
        Ok(Self {
            stack,
            database,
            cold,
            media,
            running,
            servers,
            dataset,
            variables,
            mode,
            ca_pem,
            secrets,
            unread,
            environment,
            engine_root,
            dir,
            work,
        })
    }

    /// The same copy as another project, on which nothing exists yet.
    pub(super) fn elsewhere(&self) -> Result<Self> {
        let stack = self.stack.elsewhere()?;
        let media = self.media.as_ref().map(|media| stack.volume(&media.name)).transpose()?;
        let cold = self.cold.iter().map(|volume| stack.volume(&volume.name));
        let cold = cold.collect::<Result<Vec<_>>>()?;
        Ok(Self { stack, cold, media, ..self.clone() })
    }

    /// Seals the stack with further files of its folder under the names of this copy, as its
    /// operator has it by a longer `COMPOSE_FILE`, for commands that are bound to it. Starts
    /// nothing.
    pub(crate) async fn seal_with(
        &self,
        drill: &Drill,
        files: &[PathBuf],
        events: &Events,
    ) -> Result<()> {
        let mut source = source(drill, &self.secrets)?;
        source.files.extend(files.iter().cloned());
        let resolved = self.stack.compose().config(&source).await?;
        let terms = Terms {
            without: &drill.request.selection.without,
            host_network: drill.config.stack.host_network,
        };
        let allowed = Allowed::under(&resolved, &source.dir, terms)?;
        let images = Images::new(self.stack.engine(), events);
        images.pull_all(allowed.config()).await?;
        let debian = images.base(SUITE).await?;
        let run = self.stack.run();
        let sealed = seal_for(run, drill, &allowed, &images, &debian, &self.work).await?;
        self.stack.keep_variant(files, &sealed).await
    }

    /// How its probes reach it: by address, under its public name.
    pub async fn target(&self, config: &Config, read_only: bool) -> Result<Target> {
        let service = &config.service;
        let address = self.stack.address(service.entry()?).await?;
        let port = match (self.mode, &config.tls) {
            (Mode::Tls, Some(tls)) => tls.port,
            _ => service.port,
        };
        Ok(Target {
            base_url: format!("{}://{}", self.mode.scheme(), service.host),
            resolve: Some(Endpoint::new(address, port)),
            ca_pem: self.ca_pem.clone().map(String::into_bytes),
            insecure: false,
            read_only,
        })
    }
}

/// Probes may run commands in the services of the sandbox.
impl Exec for Sandbox {
    fn exec<'a>(&'a self, service: &'a str, argv: &'a [String]) -> ExecFuture<'a> {
        Box::pin(async move {
            let output = self.stack.exec(service, None, argv.iter().cloned()).await?.run().await?;
            Ok((output.exit_code, format!("{}\n{}", output.text(), output.stderr)))
        })
    }
}

/// Builds the images of a stack and seals it under the names of a run, which works in `work`.
async fn seal_for(
    run: &RunId,
    drill: &Drill,
    allowed: &Allowed,
    images: &Images,
    debian: &str,
    work: &Path,
) -> Result<SealedStack> {
    let base = match &drill.config.stack.base {
        Some(base) => Some(BaseSpec { context: absolute(&drill.request.stack_dir.join(base))? }),
        None => None,
    };
    let built = images.build_all(allowed.config(), base.as_ref(), debian).await?;
    let declared = images.declared_volumes(allowed.config(), &built).await?;
    let labels = RunLabels::of(run).pairs();
    let (project, files) = (run.project(), work.join("files"));
    let limits = drill.request.limits.clone();
    allowed.seal(&Seal { project, labels, images: built, declared, files, limits })
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
