//! From a stack's folder to a sealed copy that is ready to start: the prepare phase.

use std::collections::BTreeMap;
use std::path::Path;

use super::Drill;
use crate::config::{Generator, Variable};
use crate::dataset::Dataset;
use crate::disk;
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::probe::{Exec, ExecFuture, Variables, facts};
use crate::process::Runner;
use crate::stack::compose::{Compose, StackSource};
use crate::stack::database::{self, Database};
use crate::stack::engine::Engine;
use crate::stack::images::{BaseSpec, Images, SUITE};
use crate::stack::isolation::{Seal, seal};
use crate::stack::{OwnedStack, OwnedVolume, RunId, RunLabels};

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
    /// The machine and its tools, by name.
    pub environment: BTreeMap<String, String>,
}

impl Sandbox {
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
        let compose = Compose::find(runner, drill.compose.as_deref()).await?;
        if config.dataset.generator != Generator::None {
            // An engine on another host says nothing about its disk.
            let root = engine.root().await.ok().filter(|root| root.exists());
            disk::require_room(request.scale, root.as_deref(), &drill.report_base)?;
        }
        events.note(format!("engine {}, {compose}", engine.version()));
        let resolved = compose.config(&source(drill, runner)?).await?;
        for (name, value) in database::secrets(&resolved) {
            runner.keep_secret(&name, &value);
        }
        let database = Database::of(&config.database, &resolved)?;

        let images = Images::new(&engine, events);
        let debian = images.base(SUITE).await?;
        let base = match &config.stack.base {
            Some(base) => Some(BaseSpec { context: absolute(&request.stack_dir.join(base))? }),
            None => None,
        };
        let built = images.build_all(&resolved, base.as_ref(), &debian).await?;
        let labels = RunLabels::of(run).pairs();
        let sealed = seal(&resolved, &Seal { project: run.project(), labels, images: built })?;
        let stack = OwnedStack::new(&engine, &compose, run, sealed, work, &debian)?;
        stack.volume(&database.volume)?;
        let media = config.media.as_ref().map(|media| stack.volume(&media.volume)).transpose()?;
        if !stack.services().contains(&config.service.entry) {
            let entry = &config.service.entry;
            return Err(Error::usage(format!("the stack has no service {entry:?}"))
                .hint("name the service that answers requests in drill.toml: [service] entry"));
        }
        let dataset = match config.dataset.generator {
            Generator::None => None,
            Generator::Korrigo => Some(Dataset::new(request.scale, request.seed)),
        };
        let variables = dataset.as_ref().map(facts::of_dataset).unwrap_or_default();
        let environment = BTreeMap::from([
            ("engine".to_owned(), engine.version().to_owned()),
            ("compose".to_owned(), compose.to_string()),
            ("harness".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("cores".to_owned(), cores().to_string()),
        ]);
        Ok(Self { stack, database, media, dataset, variables, environment })
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

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn absolute(path: &Path) -> Result<std::path::PathBuf> {
    path.canonicalize().attempt(|| format!("cannot find {}", path.display()))
}

/// The stack with the variables of `drill.toml`; random ones are secrets of this run.
fn source(drill: &Drill, runner: &Runner) -> Result<StackSource> {
    let variables = drill.config.environment.iter().map(|(name, variable)| {
        let value = match variable {
            Variable::Given(value) => value.clone(),
            Variable::Random { random } => {
                let value = letters(*random);
                runner.keep_secret(name, &value);
                value
            }
        };
        (name.clone(), value)
    });
    Ok(StackSource {
        dir: absolute(&drill.request.stack_dir)?,
        files: drill.config.stack.files.clone(),
        variables: variables.collect(),
    })
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
