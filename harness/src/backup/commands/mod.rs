//! The methods of `drill.toml`: an operator's own commands, run as they would run them. What
//! they say and how they end is never evidence that a backup is good.

mod bound;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glob::Pattern;

pub(crate) use self::bound::Bound;
use super::artefact::Artefact;
use super::durability::VARIABLE;
use super::{Examined, Reading, timed};
use crate::config::{MethodConfig, RestoreInto, Step, TARGET};
use crate::error::{Attempt, Error, Result};
use crate::model::artefact::{Part, PartKind, Store};
use crate::model::check::id;
use crate::model::profile::Profile;
use crate::model::record::StepTiming;
use crate::process::{Command, Output};
use crate::stack::Site;
use crate::stack::database::blocking;

/// A method of `drill.toml`.
#[derive(Debug, Clone)]
pub struct Commands {
    config: Box<MethodConfig>,
}

impl Commands {
    pub(super) fn new(config: MethodConfig) -> Self {
        Self { config: Box::new(config) }
    }

    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.config.files
    }

    pub(super) fn promises(&self) -> &BTreeSet<Store> {
        &self.config.promises
    }

    pub(super) fn verifies(&self) -> bool {
        !self.config.verify.is_empty()
    }

    pub(super) fn describe_backup(&self) -> String {
        described(self.config.begin.iter().chain(&self.config.backup))
    }

    pub(super) fn describe_restore(&self) -> String {
        described(&self.config.restore)
    }

    pub(super) fn into(&self) -> RestoreInto {
        self.config.into
    }

    pub(super) fn takes_under_load(&self) -> bool {
        !self.config.begin.is_empty()
    }

    /// Runs the commands that come first.
    pub(super) async fn begin(&self, site: &Site<'_>, artefact: &Artefact) -> Result<()> {
        self.run_all(site, artefact, &self.config.begin).await
    }

    /// Runs the commands that take the backup, and lists what they left.
    pub(super) async fn take(&self, site: &Site<'_>, artefact: &Artefact) -> Result<Vec<Part>> {
        self.run_all(site, artefact, &self.config.backup).await?;
        self.left(artefact).await
    }

    pub(super) fn salvages(&self) -> bool {
        !self.config.salvage.is_empty()
    }

    /// Runs the commands that bring the backup up to a mistake, and lists what they left.
    pub(super) async fn salvage(&self, site: &Site<'_>, artefact: &Artefact) -> Result<Vec<Part>> {
        self.run_all(site, artefact, &self.config.salvage).await?;
        self.left(artefact).await
    }

    /// The files of the artefact, of which none that the method promises may be missing.
    async fn left(&self, artefact: &Artefact) -> Result<Vec<Part>> {
        let (artefact, leaves) = (artefact.clone(), self.config.leaves.clone());
        let parts = blocking(move || {
            artefact.adopt(|name| {
                let is = |pattern: &&String| Pattern::new(pattern).is_ok_and(|it| it.matches(name));
                let kind = leaves.iter().find(|(_, pattern)| is(pattern)).map(|(kind, _)| *kind);
                kind.unwrap_or(PartKind::Companion)
            })
        })
        .await?;
        for (kind, pattern) in &self.config.leaves {
            let left = parts.iter().filter(|part| part.kind == *kind);
            if left.map(|part| part.size).sum::<u64>() == 0 {
                let name = self.name();
                return Err(Error::undecided(format!("method {name:?} left no {pattern}"))
                    .hint("its commands ended without a complaint: see evidence/commands.sh"));
            }
        }
        Ok(parts)
    }

    /// Has the method verify its own artefact.
    pub(super) async fn examine(&self, site: &Site<'_>, artefact: &Artefact) -> Result<Examined> {
        let mut examined = Examined::default();
        if self.verifies() {
            let mut wrong = Vec::new();
            for step in &self.config.verify {
                let output = self.run(site, artefact, step).await?;
                if !output.succeeded() {
                    wrong.push(format!("{}: {}", step.run[0], output.complaint()));
                }
            }
            let seen = "accepted, whatever that proves".to_owned();
            let reading = Reading { seen, wrong, ..Reading::of(id::ARTEFACT_VERIFIED) };
            examined.readings.push(reading);
        }
        Ok(examined)
    }

    /// Runs the commands that restore.
    pub(super) async fn restore(
        &self,
        site: &Site<'_>,
        artefact: &Artefact,
        profile: Profile,
    ) -> Result<Vec<StepTiming>> {
        let mut timings = Vec::new();
        for step in &self.config.restore {
            let mut step = self.aimed(step, artefact);
            if step.service.is_none() {
                step.environment.insert(VARIABLE.to_owned(), profile.name().to_owned());
            }
            let steps = std::slice::from_ref(&step);
            let work = self.run_all(site, artefact, steps);
            let done = timed(named(&step), store(&step), work).await?;
            timings.push(done);
        }
        Ok(timings)
    }

    /// A step of a restore that is told which moment it shall reach.
    fn aimed(&self, step: &Step, artefact: &Artefact) -> Step {
        let target = artefact.manifest.target.as_ref().or(self.config.target.as_ref());
        let mut step = step.clone();
        if let Some(target) = target {
            step.run.iter_mut().for_each(|word| *word = word.replace(TARGET, target));
        }
        step
    }

    async fn run_all(&self, site: &Site<'_>, artefact: &Artefact, steps: &[Step]) -> Result<()> {
        for step in steps {
            let output = self.run(site, artefact, step).await?;
            output.require(|| format!("{} failed", step.run[0]))?;
        }
        Ok(())
    }

    async fn run(&self, site: &Site<'_>, artefact: &Artefact, step: &Step) -> Result<Output> {
        let command = command(site, artefact, step).await?;
        let command = command.timeout(Duration::from_secs(step.timeout_s));
        match (step.input, step.output) {
            (None, None) => command.run().await,
            (Some(kind), _) => {
                let path = artefact.path(artefact.part(kind)?)?;
                let sink = |mut pipe| {
                    io::copy(&mut pipe, &mut io::sink()).attempt(|| "cannot read its output")
                };
                let (output, read) = command.fed_from(path, sink).await?;
                read.map(|_| output)
            }
            (None, Some(kind)) => {
                let path = artefact.dir().join(&self.config.leaves[&kind]);
                let (output, written) = command
                    .read_by(move |mut pipe| {
                        let mut file = Artefact::create_file(&path)?;
                        let copied = io::copy(&mut pipe, &mut file).and_then(|_| file.sync_all());
                        copied.attempt(|| format!("cannot write {}", path.display()))
                    })
                    .await?;
                written.map(|()| output)
            }
        }
    }
}

/// The command of a step, on the host or in a service.
async fn command(site: &Site<'_>, artefact: &Artefact, step: &Step) -> Result<Command> {
    let Some(service) = &step.service else {
        let words = step.run.iter().map(|word| expanded(word, artefact));
        let words = words.collect::<Result<Vec<_>>>()?;
        let mut command = Bound::new(site)?.command(site, artefact.dir(), &words);
        for (name, value) in &step.environment {
            command = command.env(name, value);
        }
        return Ok(command);
    };
    let user = step.user.as_deref();
    if step.fresh {
        return Ok(site.stack.run_fresh(service, user, &step.environment, &step.run));
    }
    let variables = step.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let env = variables.collect::<Vec<_>>();
    let env = if env.is_empty() { env } else { [vec!["env".to_owned()], env].concat() };
    site.stack.exec(service, user, env.into_iter().chain(step.run.iter().cloned())).await
}

/// `word` with the paths that its templates stand for.
fn expanded(word: &str, artefact: &Artefact) -> Result<String> {
    let mut text = word.replace("{{artefact}}", &shown(artefact.dir())?);
    let kinds = [PartKind::Database, PartKind::Globals, PartKind::Media, PartKind::Bundle];
    for kind in kinds {
        let template = format!("{{{{{}}}}}", kind.name());
        if text.contains(&template) {
            let path = artefact.path(artefact.part(kind)?)?;
            text = text.replace(&template, &shown(&path)?);
        }
    }
    Ok(text)
}

fn shown(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::usage(format!("{} is not UTF-8", path.display())))
}

/// A step in a word or two: its program, and where that runs.
fn named(step: &Step) -> String {
    let program = step.run[0].rsplit('/').next().unwrap_or(&step.run[0]);
    step.service.as_ref().map_or_else(|| program.to_owned(), |it| format!("{program} in {it}"))
}

/// The store that a step brings back: the one whose part it is given.
fn store(step: &Step) -> Option<Store> {
    let is_given = |kind: PartKind| {
        let marked = format!("{{{{{}}}}}", kind.name());
        step.input == Some(kind) || step.run.iter().any(|word| word.contains(&marked))
    };
    match (is_given(PartKind::Database), is_given(PartKind::Media)) {
        (true, false) => Some(Store::Database),
        (false, true) => Some(Store::Media),
        _ => None,
    }
}

/// The commands as one would type them, services named.
fn described<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let step = |step: &Step| {
        let words = step.run.join(" ");
        match &step.service {
            Some(service) => format!("{words} (in service {service})"),
            None => words,
        }
    };
    steps.into_iter().map(step).collect::<Vec<_>>().join("; ")
}
