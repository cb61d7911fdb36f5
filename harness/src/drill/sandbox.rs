//! From a stack's folder to a sealed copy that is ready to start: the prepare phase.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Drill;
use super::origin::{Secrets, Seeded};
use crate::config::{Config, Generator, TlsConfig, Variable};
use crate::dataset::Dataset;
use crate::disk;
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::model::mode::Mode;
use crate::probe::{Exec, ExecFuture, Target, Variables, facts};
use crate::process::Runner;
use crate::stack::authority;
use crate::stack::compose::{Compose, StackSource};
use crate::stack::database::{self, Database};
use crate::stack::engine::Engine;
use crate::stack::images::{BaseSpec, Images, SUITE};
use crate::stack::isolation::{Seal, SealedStack, seal};
use crate::stack::{OwnedStack, OwnedVolume, RunId, RunLabels, Site};

/// A sealed copy with all that is known of it.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// The copy.
    pub stack: OwnedStack,
    /// Its database.
    pub database: Database,
    /// Its media store.
    pub media: Option<OwnedVolume>,
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
    /// The machine and its tools, by name.
    pub environment: BTreeMap<String, String>,
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
        let Self { stack, database, media, dir, work, .. } = self;
        Site { stack, database, media: media.as_ref(), dir, work }
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
        let engine = Engine::find(runner).await?;
        let compose = Compose::find(runner, drill.request.compose.as_deref()).await?;
        if config.dataset.generator != Generator::None {
            // An engine on another host says nothing about its disk.
            let root = engine.root().await.ok().filter(|root| root.exists());
            disk::require_room(request.scale, root.as_deref(), &drill.request.report_base)?;
        }
        events.note(format!("engine {}, {compose}", engine.version()));
        let secrets = secrets(drill);
        for (name, value) in &secrets.0 {
            runner.keep_secret(name, value);
        }
        let mut source = source(drill, &secrets)?;
        let ca_pem = match tls(drill)? {
            Some(tls) => Some(over_tls(&mut source, tls, &config.service.host, work, &secrets)?),
            None => None,
        };
        let resolved = compose.config(&source).await?;
        for (name, value) in database::secrets(&resolved) {
            runner.keep_secret(&name, &value);
        }
        let database = Database::of(&config.database, &resolved)?;

        let images = Images::new(&engine, events);
        let debian = images.base(SUITE).await?;
        let sealed = seal_for(run, drill, &resolved, &images, &debian).await?;
        let stack = OwnedStack::new(&engine, &compose, run, sealed, work, &debian)?;
        stack.volume(&database.volume)?;
        let media = config.media.as_ref().map(|media| stack.volume(&media.volume)).transpose()?;
        if !stack.services().contains(&config.service.entry) {
            let entry = &config.service.entry;
            return Err(Error::usage(format!("the stack has no service {entry:?}"))
                .hint("name the service that answers requests in drill.toml: [service] entry"));
        }
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
        let (dir, work) = (absolute(&request.stack_dir)?, work.to_owned());
        let mode = drill.request.mode;
        Ok(Self {
            stack,
            database,
            media,
            dataset,
            variables,
            mode,
            ca_pem,
            secrets,
            environment,
            dir,
            work,
        })
    }

    /// The same copy as another project, on which nothing exists yet.
    pub(super) fn elsewhere(&self) -> Result<Self> {
        let stack = self.stack.elsewhere()?;
        let media = self.media.as_ref().map(|media| stack.volume(&media.name)).transpose()?;
        Ok(Self { stack, media, ..self.clone() })
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
        let images = Images::new(self.stack.engine(), events);
        let debian = images.base(SUITE).await?;
        let sealed = seal_for(self.stack.run(), drill, &resolved, &images, &debian).await?;
        self.stack.keep_variant(files, &sealed)
    }

    /// How its probes reach it: by address, under its public name.
    pub async fn target(&self, config: &Config, read_only: bool) -> Result<Target> {
        let service = &config.service;
        let address = self.stack.address(&service.entry).await?;
        let port = match (self.mode, &config.tls) {
            (Mode::Tls, Some(tls)) => tls.port,
            _ => service.port,
        };
        Ok(Target {
            base_url: format!("{}://{}", self.mode.scheme(), service.host),
            resolve: Some((address, port).into()),
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

/// Builds the images of a stack and seals it under the names of a run.
async fn seal_for(
    run: &RunId,
    drill: &Drill,
    resolved: &Value,
    images: &Images,
    debian: &str,
) -> Result<SealedStack> {
    let base = match &drill.config.stack.base {
        Some(base) => Some(BaseSpec { context: absolute(&drill.request.stack_dir.join(base))? }),
        None => None,
    };
    let built = images.build_all(resolved, base.as_ref(), debian).await?;
    let labels = RunLabels::of(run).pairs();
    seal(resolved, &Seal { project: run.project(), labels, images: built })
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().attempt(|| format!("cannot find {}", path.display()))
}

/// The random variables of `drill.toml`: those of the artefact, or new ones.
fn secrets(drill: &Drill) -> Secrets {
    let over_tls = drill.config.tls.iter().flat_map(|tls| &tls.environment);
    let random = drill.config.environment.iter().chain(over_tls);
    let random = random.filter_map(|(name, variable)| match variable {
        Variable::Given(_) => None,
        Variable::Random { random } => Some((name.clone(), letters(*random))),
    });
    let mut secrets = random.collect::<BTreeMap<_, _>>();
    secrets.extend(drill.secrets.0.clone());
    Secrets(secrets)
}

/// The stack with the variables of `drill.toml`.
fn source(drill: &Drill, secrets: &Secrets) -> Result<StackSource> {
    Ok(StackSource {
        dir: absolute(&drill.request.stack_dir)?,
        files: drill
            .config
            .stack
            .files
            .iter()
            .chain(drill.request.method.files())
            .cloned()
            .collect(),
        variables: values(&drill.config.environment, secrets).collect(),
    })
}

fn values(
    variables: &BTreeMap<String, Variable>,
    secrets: &Secrets,
) -> impl Iterator<Item = (String, String)> {
    variables.iter().map(|(name, variable)| {
        let value = match variable {
            Variable::Given(value) => value.clone(),
            Variable::Random { .. } => secrets.0[name].clone(),
        };
        (name.clone(), value)
    })
}

/// What the stack says of its HTTPS mode, if that is the one asked for.
fn tls(drill: &Drill) -> Result<Option<&TlsConfig>> {
    match (drill.request.mode, &drill.config.tls) {
        (Mode::Http, _) => Ok(None),
        (Mode::Tls, Some(tls)) => Ok(Some(tls)),
        (Mode::Tls, None) => Err(Error::usage("the stack has no HTTPS mode")
            .hint("say in drill.toml what it takes, under [tls]; docs/drill-toml.md has the keys")),
    }
}

/// Adds what the HTTPS mode takes, with a certificate of this run. Gives back its authority.
fn over_tls(
    source: &mut StackSource,
    tls: &TlsConfig,
    host: &str,
    work: &Path,
    secrets: &Secrets,
) -> Result<String> {
    let folder = work.join("tls");
    let ca_pem = authority::issue(&folder, host)?;
    source.files.extend(tls.files.iter().cloned());
    source.variables.extend(values(&tls.environment, secrets));
    source.variables.insert(tls.certificates.clone(), folder.display().to_string());
    Ok(ca_pem)
}

/// Letters and digits from the system's random source.
fn letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let random = std::iter::repeat_with(|| uuid::Uuid::new_v4().into_bytes());
    // Version and variant bits are fixed: bytes 6 and 8 are left out.
    let bytes = random.flat_map(|bytes| [&bytes[..6], &bytes[9..]].concat());
    // Whatever would make some letters likelier than others is drawn again.
    let fair = 256 / ALPHABET.len() * ALPHABET.len();
    let fitting = bytes.map(usize::from).filter(|byte| *byte < fair);
    fitting.take(count).map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_have_the_length_asked_for_and_differ() {
        assert_eq!(letters(50).len(), 50);
        assert_ne!(letters(32), letters(32));
        assert!(letters(500).chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
