//! The compose tool, through its command line: version 2 as a plugin or standalone, and
//! version 1. Reads a stack's resolved configuration and drives a sealed one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::isolation::unknown_key;
use super::unset;
use crate::error::{Error, ErrorKind, Result};
use crate::process::{Command, Runner};

/// Bringing containers up, health checks of dependencies included.
const UP_TIMEOUT: Duration = Duration::from_secs(600);

/// A compose tool that was found.
#[derive(Debug, Clone)]
pub struct Compose {
    runner: Runner,
    words: Vec<String>,
    version: String,
}

/// A stack as its author wrote it: files, and the variables they are resolved with.
#[derive(Debug, Clone, Default)]
pub struct StackSource {
    /// Folder of the stack.
    pub dir: PathBuf,
    /// Compose files, later ones override.
    pub files: Vec<PathBuf>,
    /// Variables, which win over the stack's `.env`.
    pub variables: BTreeMap<String, String>,
    /// Files of variables that are read instead of the stack's `.env`, later ones override.
    pub env_files: Vec<PathBuf>,
    /// Profiles whose services belong to the stack.
    pub profiles: Vec<String>,
    /// The project's name instead of the one that compose would find.
    pub project_name: Option<String>,
}

impl Compose {
    /// The compose tool to use: the one asked for, or the first that answers.
    pub async fn find(runner: &Runner, asked: Option<&str>) -> Result<Self> {
        let candidates = match asked {
            Some(command) => {
                vec![shlex::split(command).filter(|words| !words.is_empty()).ok_or_else(|| {
                    Error::usage(format!("cannot read --compose {command:?} as a command"))
                })?]
            }
            None => vec![
                vec!["docker".to_owned(), "compose".to_owned()],
                vec!["docker-compose".to_owned()],
            ],
        };
        for words in candidates {
            if let Some(version) = version_of(runner, &words).await? {
                return Ok(Self { runner: runner.clone(), words, version });
            }
        }
        let error = match asked {
            Some(command) => {
                Error::usage(format!("{command:?} is not a compose tool that answers"))
            }
            None => Error::undecided(
                "no compose tool: neither `docker compose` nor `docker-compose` answers",
            ),
        };
        Err(error.hint(
            "install the compose plugin (`cargo xtask doctor --fix`), or name one with --compose CMD",
        ))
    }

    /// Its version, such as `2.40.3`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same tool, deaf to cancellation.
    #[must_use]
    pub fn for_cleanup(&self) -> Self {
        Self { runner: self.runner.for_cleanup(), ..self.clone() }
    }

    /// The stack's configuration, resolved and merged by compose itself.
    pub async fn config(&self, source: &StackSource) -> Result<Value> {
        let mut command = self.command().dir(&source.dir);
        for file in &source.files {
            command = command.arg("--file").arg(file);
        }
        for file in &source.env_files {
            command = command.arg("--env-file").arg(file);
        }
        for profile in &source.profiles {
            command = command.args(["--profile", profile]);
        }
        if let Some(name) = &source.project_name {
            command = command.args(["--project-name", name]);
        }
        for (name, value) in &source.variables {
            command = command.env(name, value);
        }
        command = command.arg("config");
        if self.is_v2() {
            command = command.args(["--format", "json"]);
        }
        let output = command.run().await?;
        // Version 1 prints YAML; JSON is YAML too. Some packagings of version 2 end with exit
        // code 0 whatever happens: only a configuration with services counts.
        let config = serde_yaml_ng::from_slice::<Value>(&output.stdout);
        match config.ok().filter(|config| output.succeeded() && config["services"].is_object()) {
            Some(config) if self.is_v2() => Ok(config),
            Some(config) => Ok(of_profiles(config, &source.profiles)),
            None => {
                let error = unknown_key(&source.dir, &source.files).unwrap_or_else(|| {
                    let dir = source.dir.display();
                    let hint = unset::hint(source).unwrap_or_else(|| {
                        "fix the compose file, or set what is missing under [environment] in drill.toml"
                            .to_owned()
                    });
                    Error::usage(format!("compose cannot read the stack in {dir}")).hint(hint)
                });
                Err(error.details(output.stderr.lines()))
            }
        }
    }

    /// Creates what a sealed stack needs, and starts nothing.
    pub async fn create(&self, project: &str, file: &Path) -> Result<()> {
        let output = self.drive(project, file, &["up", "--no-start", "--no-build"]).run().await?;
        output.require(|| "compose cannot create the stack").map(drop)
    }

    /// Creates and starts services of a sealed stack, all of them if none is named.
    pub async fn up(&self, project: &str, file: &Path, services: &[&str]) -> Result<()> {
        let up = self.drive(project, file, &["up", "--detach", "--no-build"]);
        let output = up.args(services.iter().copied()).run().await?;
        output.require(|| "compose cannot start the stack").map(drop)
    }

    /// Runs a command in a new container of a service of a sealed stack, to be completed with
    /// options, the service and the command.
    pub fn run(&self, project: &str, file: &Path) -> Command {
        self.drive(project, file, &["run", "--rm", "--no-deps", "-T"])
    }

    /// Tells a command that drives compose by itself which project is meant, and what stands
    /// behind the scripts that it finds under compose's names.
    pub fn bind(&self, command: Command, project: &str, file: &Path) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path);
        let found = folders.map(|folder| folder.join(&self.words[0])).find(|it| it.is_file());
        let program = found.map_or_else(|| self.words[0].clone(), |it| it.display().to_string());
        let words = std::iter::once(program).chain(self.words[1..].iter().cloned());
        let command = command.env("DR_DRILL_BOUND_COMPOSE", words.collect::<Vec<_>>().join(" "));
        let command = command.env("DR_DRILL_BOUND_PROJECT", project);
        let command = command.env("DR_DRILL_BOUND_FILE", file.as_os_str());
        let command = command.env("COMPOSE_PROJECT_NAME", project);
        let command = command.env("COMPOSE_FILE", file.as_os_str());
        if self.is_v2() { command } else { command.env("COMPOSE_API_VERSION", "auto") }
    }

    fn drive(&self, project: &str, file: &Path, words: &[&str]) -> Command {
        let command = self.command().args(["--project-name", project, "--file"]).arg(file);
        command.args(words.iter().copied()).timeout(UP_TIMEOUT)
    }

    fn command(&self) -> Command {
        let command = self.runner.command(&self.words[0]).args(self.words[1..].iter().cloned());
        // By itself, version 1 speaks a version of the engine's interface that new engines refuse.
        if self.is_v2() { command } else { command.env("COMPOSE_API_VERSION", "auto") }
    }

    pub(crate) fn is_v2(&self) -> bool {
        !self.version.starts_with("1.")
    }
}

impl fmt::Display for Compose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.words.join(" "), self.version)
    }
}

/// Version 1 prints the services of every profile, version 2 only those that would be started.
fn of_profiles(mut config: Value, profiles: &[String]) -> Value {
    let is_asked = |profile: &Value| {
        profile.as_str().is_some_and(|it| profiles.iter().any(|asked| asked == it || asked == "*"))
    };
    if let Some(services) = config["services"].as_object_mut() {
        services.retain(|_, service| {
            let own = service["profiles"].as_array().filter(|own| !own.is_empty());
            own.is_none_or(|own| own.iter().any(is_asked))
        });
    }
    config
}

/// The project's name, as compose makes it: named, or after the folder.
#[must_use]
pub fn project_name(resolved: &Value, dir: &Path) -> String {
    let named = std::env::var("COMPOSE_PROJECT_NAME").ok().filter(|name| !name.is_empty());
    let named = named.or_else(|| resolved["name"].as_str().map(str::to_owned));
    named.unwrap_or_else(|| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        name.chars().filter(allowed).collect()
    })
}

/// The version, if the command is a compose tool. Version 1 has no `version --short` with a `v`.
async fn version_of(runner: &Runner, words: &[String]) -> Result<Option<String>> {
    let command = runner
        .command(&words[0])
        .args(words[1..].iter().cloned())
        .args(["version", "--short"])
        .timeout(Duration::from_secs(20));
    match command.run().await {
        Ok(output) if output.succeeded() => {
            Ok(Some(output.text().trim_start_matches('v').to_owned()))
        }
        Err(cause) if cause.kind() == ErrorKind::Interrupted => Err(cause),
        // Not there, or not compose: the next candidate may be.
        Ok(_) | Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_project_has_its_folders_name_unless_it_is_named() {
        assert_eq!(project_name(&json!({}), Path::new("/srv/My Stack.1")), "mystack1");
        assert_eq!(project_name(&json!({ "name": "korrigo" }), Path::new("/srv/x")), "korrigo");
    }

    #[test]
    fn services_of_a_profile_are_left_out_unless_it_is_asked_for() {
        let config = json!({ "services": {
            "base": { "profiles": ["build"] }, "db": {}, "web": { "profiles": [] },
        }});
        let expected = json!({ "services": { "db": {}, "web": { "profiles": [] } } });
        assert_eq!(of_profiles(config.clone(), &[]), expected);
        assert_eq!(of_profiles(config.clone(), &["build".to_owned()]), config);
    }
}
