//! `[[method]]`: a way to back up and restore, as data: the commands that an operator would
//! run, where they run, and what they leave.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::artefact::{PartKind, Store};

/// Names of the methods that need no configuration.
pub const BUILT_IN: [&str; 2] = ["pg-dump", "cold"];

/// Commands move as much data as there is; this bounds a hanging one.
const TIMEOUT_S: u64 = 12 * 3600;

/// Stands in a restore for the moment that it shall reach.
pub const TARGET: &str = "{{target}}";

/// A way to back up and restore by commands.
#[derive(Debug, Clone, Deserialize)]
pub struct MethodConfig {
    /// What `--method` calls it.
    pub name: String,
    /// What it is, in one line.
    #[serde(default)]
    pub title: String,
    /// Compose files that it needs beside those of `[stack]`.
    #[serde(default)]
    pub files: Vec<PathBuf>,
    /// The stores that it brings back.
    pub promises: BTreeSet<Store>,
    /// The files that a backup leaves: a pattern for each part.
    pub leaves: BTreeMap<PartKind, String>,
    /// Where a restore goes.
    #[serde(default)]
    pub into: RestoreInto,
    /// What comes first and may be taken under load: a base backup.
    #[serde(default)]
    pub begin: Vec<Step>,
    /// Takes the backup, or completes it: from here on nothing is written.
    pub backup: Vec<Step>,
    /// Verifies an artefact without restoring it.
    #[serde(default)]
    pub verify: Vec<Step>,
    /// After a mistake, with the server still there: adds to the artefact what was written until
    /// then.
    #[serde(default)]
    pub salvage: Vec<Step>,
    /// Restores an artefact, the application being stopped.
    pub restore: Vec<Step>,
    /// What `{{target}}` stands for in `restore`: the point of the backup. Once something was
    /// salvaged it is the last moment before the mistake, as a time.
    pub target: Option<String>,
}

/// Where a restore goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreInto {
    /// Into a database server that runs and is empty.
    #[default]
    Server,
    /// Into volumes that are empty; the server starts on what is restored.
    Volumes,
}

/// One command of a method.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// The program and its arguments. `{{database}}` and the like stand for the path of that
    /// part, `{{artefact}}` for the folder of all parts; both for commands on the host.
    pub run: Vec<String>,
    /// The service in which it runs; on the host, in the stack's folder, if not given.
    pub service: Option<String>,
    /// Whether it runs in a new container of the service instead of the one that is there.
    #[serde(default)]
    pub fresh: bool,
    /// User inside the service, if not the image's own.
    pub user: Option<String>,
    /// Variables. No secrets: they are for everyone to see.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The part that its standard output becomes.
    pub output: Option<PartKind>,
    /// The part that is its standard input.
    pub input: Option<PartKind>,
    /// How long it may take, in seconds.
    #[serde(default = "timeout_s")]
    pub timeout_s: u64,
}

fn timeout_s() -> u64 {
    TIMEOUT_S
}

/// Refuses methods that could not run, and names that are taken.
pub(super) fn validate(methods: &[MethodConfig]) -> Result<()> {
    // "all" stands for every one of them.
    let mut names = BUILT_IN.into_iter().chain(["all"]).collect::<BTreeSet<_>>();
    for method in methods {
        if !names.insert(&method.name) {
            let name = &method.name;
            return Err(Error::usage(format!("two methods have the name {name:?}"))
                .hint(format!("built in are: {}", BUILT_IN.join(", "))));
        }
        method.validate()?;
    }
    Ok(())
}

impl MethodConfig {
    fn validate(&self) -> Result<()> {
        let wrong = |what: String| Error::usage(format!("method {:?} {what}", self.name));
        if self.name.is_empty() || self.name.contains(|c: char| c.is_whitespace() || c == ',') {
            return Err(wrong("needs a name of one word".to_owned()));
        }
        if self.promises.is_empty() || self.leaves.is_empty() {
            return Err(wrong("promises or leaves nothing".to_owned())
                .hint("say what it brings back (promises) and which files it leaves (leaves)"));
        }
        if let Some(pattern) = self.leaves.values().find(|pattern| !is_plain(pattern)) {
            return Err(wrong(format!("leaves {pattern:?}, which is not a plain file name"))
                .hint("parts lie in the artefact's folder itself; * and ? stand for any text"));
        }
        if self.backup.is_empty() || self.restore.is_empty() {
            return Err(wrong("lacks its backup or its restore".to_owned()));
        }
        let aims = self.restore.iter().flat_map(|step| &step.run).any(|it| it.contains(TARGET));
        if aims != self.target.is_some() || (!aims && !self.salvage.is_empty()) {
            return Err(wrong(format!("lacks its target, or {TARGET} in its restore"))
                .hint("a restore to a chosen moment is told which; salvage needs such a one"));
        }
        let steps = [&self.begin, &self.backup, &self.verify, &self.salvage, &self.restore];
        for step in steps.into_iter().flatten() {
            self.validate_step(step)?;
        }
        Ok(())
    }

    fn validate_step(&self, step: &Step) -> Result<()> {
        let name = &self.name;
        let wrong = |what: String| Error::usage(format!("method {name:?}: {what}"));
        if step.run.first().is_none_or(String::is_empty) {
            return Err(wrong("a step runs nothing".to_owned()));
        }
        if step.service.is_none() && (step.fresh || step.user.is_some()) {
            return Err(wrong(format!("{:?} has fresh or user, but no service", step.run[0])));
        }
        for kind in step.output.iter().chain(&step.input) {
            let pattern = self.leaves.get(kind);
            let pattern = pattern.ok_or_else(|| {
                wrong(format!("{:?} is given {} and leaves has none", step.run[0], kind.name()))
            })?;
            if step.output.is_some() && pattern.contains(['*', '?']) {
                return Err(wrong(format!("the output of {:?} needs a file name", step.run[0]))
                    .hint(format!("leaves.{} = {pattern:?} is a pattern", kind.name())));
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &str = r#"
        name = "plain"
        promises = ["database"]
        leaves = { database = "all.sql" }
        backup = [{ run = ["dump"], service = "db", output = "database" }]
        restore = [{ run = ["load"], service = "db", input = "database" }]
    "#;

    fn method(change: impl FnOnce(&mut MethodConfig)) -> Result<()> {
        let mut method = toml::from_str::<MethodConfig>(METHOD).expect("it parses");
        change(&mut method);
        validate(&[method])
    }

    #[test]
    fn a_complete_method_is_accepted() {
        method(|_| {}).expect("it is complete");
    }

    #[test]
    fn a_method_that_could_not_run_is_refused_by_name() {
        type Change = fn(&mut MethodConfig);
        let cases: [(Change, &str); 9] = [
            (|it| it.target = Some("drill".to_owned()), "lacks its target"),
            (|it| it.salvage = it.backup.clone(), "lacks its target"),
            (|it| it.name = "pg-dump".to_owned(), "two methods"),
            (|it| it.promises.clear(), "promises or leaves nothing"),
            (|it| it.restore.clear(), "lacks its backup or its restore"),
            (|it| it.backup[0].run.clear(), "runs nothing"),
            (|it| it.backup[0].output = Some(PartKind::Media), "leaves has none"),
            (|it| it.restore[0].service = None, ""),
            (
                |it| drop(it.leaves.insert(PartKind::Database, "../all.sql".to_owned())),
                "not a plain file name",
            ),
        ];
        for (change, named) in cases {
            match method(change) {
                Err(error) => assert!(error.to_string().contains(named), "{error}"),
                Ok(()) => assert!(named.is_empty(), "{named} was accepted"),
            }
        }
    }

    #[test]
    fn an_output_needs_one_file_name() {
        let error = method(|it| drop(it.leaves.insert(PartKind::Database, "*.sql".to_owned())));
        assert!(error.expect_err("a pattern").to_string().contains("needs a file name"));
    }
}
