//! Reads what detection judges: the configuration from compose, the images that are here from the
//! engine, the last `FROM` of Dockerfiles. Starts, builds and leaves nothing; works without engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Altered, Detected, Facts, ImageConfig};
use crate::config::{Config, Selection, Variable};
use crate::error::{Attempt, Result};
use crate::model::event::Events;
use crate::process::Runner;
use crate::stack::compose::{Compose, StackSource, project_name};
use crate::stack::engine::Engine;
use crate::stack::images::{BaseSpec, Images, SUITE};
use crate::stack::isolation::{self, Terms};
use crate::stack::unset;

/// Characters of a secret that is made for a sandbox.
const SECRET_LENGTH: usize = 32;

/// Stands for a value that nobody gave, while a stack is only read.
const PLACEHOLDER: &str = "missing";

/// Which stack is read, and how.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Its folder.
    pub dir: PathBuf,
    /// What of it is asked for.
    pub selection: Selection,
    /// The compose tool asked for, if any.
    pub compose: Option<String>,
}

/// Reads a stack and says what is in it.
///
/// # Errors
/// Usage if compose cannot read it; undecided without a compose tool.
pub async fn detect(runner: &Runner, subject: &Subject) -> Result<Detected> {
    let Subject { selection, .. } = subject;
    let compose = Compose::find(runner, subject.compose.as_deref()).await?;
    let config = Config::load_selected(&subject.dir, selection)?;
    let dir = subject.dir.canonicalize().attempt(|| "cannot find the stack's folder")?;
    let mut source = source(&dir, &config, selection)?;
    let mut needs = template(&mut source);
    let missing = Missing::fill(&mut source);
    let (mut resolved, absent) = resolve(&compose, &mut source).await?;
    needs.extend(absent);
    let terms = Terms { without: &[], host_network: config.stack.host_network };
    resolved = isolation::left(&resolved, &selection.without)?;
    let engine = Engine::find(runner).await.ok();
    let images = match &engine {
        Some(engine) => images(engine, &resolved, &config, &dir).await,
        None => BTreeMap::new(),
    };
    let bases = bases(&resolved, &images);
    let files = files(&resolved);
    let text = dir.display().to_string();
    let facts =
        Facts { config: &resolved, images: &images, bases: &bases, files: &files, dir: &text };
    let mut detected = Detected::of(&facts);
    let judged = isolation::judge(&resolved, &dir, terms)?;
    detected.changed = judged.changes.iter().map(Altered::from).collect();
    detected.refused = judged.refusals.iter().map(Altered::from).collect();
    // A volume of the stack may have the name of a folder.
    let binds = detected.volumes.iter().filter(|it| it.name.starts_with(['.', '/']));
    let binds = binds.filter_map(|volume| {
        let folder = isolation::real(&dir.join(&volume.name))?;
        Some((volume.name.clone(), judged.binds.get(&folder)?.clone()))
    });
    detected.more.sealed.extend(binds);
    let unnamed = detected.volumes.iter().filter_map(|volume| {
        let (service, target) = volume.name.split_once(':')?;
        (service == volume.service)
            .then(|| (volume.name.clone(), isolation::unnamed(service, target)))
    });
    detected.more.sealed.extend(unnamed);
    detected.more.without.clone_from(&selection.without);
    detected.assumptions.extend(missing.said());
    detected.assumptions.extend(needs.iter().map(|it| format!("{it}; read without it here")));
    detected.more.files.clone_from(&config.stack.files);
    detected.more.environment = missing.made();
    detected.more.needs = needs;
    detected.more.wanted = missing.wanted.iter().map(unset::Unset::line).collect();
    Ok(detected)
}

fn source(dir: &Path, config: &Config, selection: &Selection) -> Result<StackSource> {
    let variables = config.environment.iter().map(|(name, variable)| match variable {
        Variable::Given(value) => (name.clone(), value.clone()),
        // Nothing is started: any value of that length does.
        Variable::Random { random } => (name.clone(), "x".repeat(*random)),
    });
    Ok(StackSource {
        dir: dir.to_owned(),
        files: config.stack.files.clone(),
        variables: variables.collect(),
        env_files: selection.absolute_env_files()?,
        profiles: selection.profiles.clone(),
        project_name: selection.project_name.clone(),
    })
}

/// Reads the template of a `.env` that is not there in its place, and says so.
fn template(source: &mut StackSource) -> Vec<String> {
    let Some(template) = unset::template_of_variables(source) else { return Vec::new() };
    let name = template.file_name().unwrap_or_default().to_string_lossy().into_owned();
    source.env_files.push(template);
    vec![format!("no .env is there: cp {name} .env, and fill it in")]
}

/// Variables that are given nowhere, and what stands for them.
#[derive(Debug, Default)]
struct Missing {
    /// Any value serves a sandbox.
    secrets: Vec<unset::Unset>,
    /// Only the operator knows the value.
    wanted: Vec<unset::Unset>,
}

impl Missing {
    fn fill(source: &mut StackSource) -> Self {
        let mut missing = Self::default();
        for variable in unset::variables(source) {
            if variable.is_secret {
                source.variables.insert(variable.name.clone(), "x".repeat(SECRET_LENGTH));
                missing.secrets.push(variable);
            } else if variable.is_required {
                source.variables.insert(variable.name.clone(), PLACEHOLDER.to_owned());
                missing.wanted.push(variable);
            }
        }
        missing
    }

    fn made(&self) -> BTreeMap<String, Variable> {
        let random = || Variable::Random { random: SECRET_LENGTH };
        self.secrets.iter().map(|it| (it.name.clone(), random())).collect()
    }

    fn said(&self) -> Vec<String> {
        let secrets = self.secrets.iter().map(|it| {
            format!("variable {} is given nowhere and its name says that it is a secret: the sandbox makes one of its own", it.name)
        });
        let wanted = self.wanted.iter().map(|it| {
            format!("variable {} is given nowhere: read as {PLACEHOLDER:?} here; a drill asks for `{}` under [environment] in drill.toml, or --env-file", it.name, it.line())
        });
        secrets.chain(wanted).collect()
    }
}

/// The configuration; without files of variables that are absent, and what is said of these.
async fn resolve(compose: &Compose, source: &mut StackSource) -> Result<(Value, Vec<String>)> {
    let absent = unset::env_files(source);
    if absent.is_empty() || !compose.is_v2() {
        return Ok((compose.config(source).await?, Vec::new()));
    }
    let work = tempfile::tempdir().attempt(|| "cannot make a temporary folder")?;
    let file = work.path().join("without-env-files.yaml");
    let services =
        absent.iter().map(|it| format!("  {:?}:\n    env_file: !reset []\n", it.service));
    let text = format!("services:\n{}", services.collect::<String>());
    fs::write(&file, text).attempt(|| "cannot write a temporary file")?;
    source.files.push(file);
    let resolved = compose.config(source).await?;
    Ok((resolved, absent.iter().map(unset::AbsentFile::remedy).collect()))
}

/// Configurations of the images that are here, by service.
async fn images(
    engine: &Engine,
    resolved: &Value,
    config: &Config,
    dir: &Path,
) -> BTreeMap<String, ImageConfig> {
    let built = built(engine, resolved, config, dir).await;
    let project = project_name(resolved, dir);
    let mut wanted = BTreeMap::<String, Vec<String>>::new();
    for (name, service) in resolved["services"].as_object().into_iter().flatten() {
        let image = service["image"].as_str().map(str::to_owned);
        let names = [format!("{project}-{name}"), format!("{project}_{name}")];
        let names = names.into_iter().filter(|_| image.is_none() && !service["build"].is_null());
        let found = built.get(name).cloned().into_iter().chain(image.clone()).chain(names);
        wanted.insert(name.clone(), found.collect());
    }
    let all = wanted.values().flatten().cloned().collect::<BTreeSet<_>>();
    let present = inspect(engine, all).await;
    let of = |names: Vec<String>| names.iter().find_map(|name| present.get(name).cloned());
    wanted.into_iter().filter_map(|(name, names)| Some((name, of(names)?))).collect()
}

/// Images that a drill built of services with a build section, if all of them are there.
async fn built(
    engine: &Engine,
    resolved: &Value,
    config: &Config,
    dir: &Path,
) -> BTreeMap<String, String> {
    let images = Images::new(engine, &Events::ignored());
    let debian = images.find_base(SUITE).await.ok().flatten().unwrap_or_default();
    let base = config.stack.base.as_ref().map(|base| BaseSpec { context: dir.join(base) });
    if base.is_some() && debian.is_empty() {
        return BTreeMap::new();
    }
    // A build section that no drill can identify has no image of ours.
    images.find_all(resolved, base.as_ref(), &debian).await.ok().flatten().unwrap_or_default()
}

/// Asks the engine for images by name; those that are not here are left out.
async fn inspect(engine: &Engine, names: BTreeSet<String>) -> BTreeMap<String, ImageConfig> {
    let names = names.into_iter().filter(|it| !it.is_empty() && !it.starts_with('-'));
    let names = names.collect::<Vec<_>>();
    if names.is_empty() {
        return BTreeMap::new();
    }
    let command = engine.docker(["image", "inspect"]).args(names.iter().cloned());
    let Ok(output) = command.run().await else { return BTreeMap::new() };
    // The exit code tells only that some are not here; the others are described all the same.
    let found = serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap_or_default();
    let mut configs = BTreeMap::new();
    for image in &found {
        for name in names.iter().filter(|name| is_named(image, name)) {
            configs.insert(name.clone(), image_config(&image["Config"]));
        }
    }
    configs
}

/// Whether an image answers to a name as compose files write it.
fn is_named(image: &Value, name: &str) -> bool {
    let tags = image["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let digests = image["RepoDigests"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let plain = name.strip_prefix("docker.io/").unwrap_or(name);
    let plain = plain.strip_prefix("library/").unwrap_or(plain);
    let (content, digest) = match plain.split_once('@') {
        Some((content, digest)) => (content, Some(digest)),
        None => (plain, None),
    };
    let has_tag = content.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let tagged = if has_tag { content.to_owned() } else { format!("{content}:latest") };
    match digest {
        Some(digest) => digests.into_iter().any(|it| it.ends_with(digest)),
        None => tags.into_iter().any(|tag| tag == tagged) || image["Id"].as_str() == Some(name),
    }
}

fn image_config(config: &Value) -> ImageConfig {
    let list = |key: &str| Option::<Vec<String>>::deserialize(&config[key]).ok().flatten();
    let keys = |key: &str| {
        let keys = config[key].as_object().into_iter().flatten();
        keys.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let env = list("Env").unwrap_or_default();
    let env = env.iter().filter_map(|line| line.split_once('='));
    let ports = keys("ExposedPorts");
    let ports = ports.iter().filter_map(|port| port.strip_suffix("/tcp")?.parse().ok());
    ImageConfig {
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        volumes: keys("Volumes"),
        ports: ports.collect(),
        entrypoint: list("Entrypoint").unwrap_or_default(),
        command: list("Cmd").unwrap_or_default(),
    }
}

/// The last `FROM` of the Dockerfiles of services whose image is not here.
fn bases(resolved: &Value, images: &BTreeMap<String, ImageConfig>) -> BTreeMap<String, String> {
    let services = resolved["services"].as_object().into_iter().flatten();
    let absent = services
        .filter(|(name, service)| !images.contains_key(*name) && !service["build"].is_null());
    absent.filter_map(|(name, service)| Some((name.clone(), base(&service["build"])?))).collect()
}

fn base(build: &Value) -> Option<String> {
    let text = match build["dockerfile_inline"].as_str() {
        Some(text) => text.to_owned(),
        None => {
            let context = build.as_str().or_else(|| build["context"].as_str())?;
            let file = build["dockerfile"].as_str().unwrap_or("Dockerfile");
            fs::read_to_string(Path::new(context).join(file)).ok()?
        }
    };
    last_from(&text, build["target"].as_str(), &build["args"])
}

/// The image of the last stage, or of the one asked for; stages are followed to what is outside.
fn last_from(text: &str, target: Option<&str>, args: &Value) -> Option<String> {
    let mut stages = Vec::<(String, Option<String>)>::new();
    let mut defaults = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().filter(|word| !word.starts_with("--"));
        match words.next().map(str::to_uppercase).as_deref() {
            Some("ARG") if stages.is_empty() => {
                if let Some((name, value)) = words.next().and_then(|it| it.split_once('=')) {
                    defaults.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
                }
            }
            Some("FROM") => {
                let image = words.next()?.to_owned();
                stages.push((image, words.nth(1).map(str::to_owned)));
            }
            _ => {}
        }
    }
    let asked = target.and_then(|target| {
        stages
            .iter()
            .find(|(_, name)| name.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(target)))
    });
    let mut image = asked.or_else(|| stages.last())?.0.clone();
    for _ in 0..stages.len() {
        let stage = stages.iter().find(|(_, name)| name.as_deref() == Some(image.as_str()));
        match stage.filter(|(under, _)| *under != image) {
            Some((under, _)) => image.clone_from(under),
            None => break,
        }
    }
    for (name, value) in &defaults {
        let value = args[name].as_str().unwrap_or(value);
        image = image.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    Some(image).filter(|image| image != "scratch")
}

/// Contents of secrets and configs from files to which variables of names and users lead.
fn files(resolved: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let services = resolved["services"].as_object().into_iter().flatten();
    let paths = services.filter_map(|(_, service)| service["environment"].as_object()).flatten();
    for (name, path) in paths {
        let is_asked = name.ends_with("_FILE") && !name.contains("PASS");
        let Some(path) = path.as_str().filter(|_| is_asked) else { continue };
        let Some(secret) = path.strip_prefix("/run/secrets/") else { continue };
        let file = resolved["secrets"][secret]["file"].as_str();
        if let Some(text) = file.and_then(|file| fs::read_to_string(file).ok()) {
            found.insert(path.to_owned(), text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_from_is_followed_through_stages_and_arguments() {
        let text =
            "ARG V=16\nFROM node AS build\nFROM postgres:${V}-alpine AS db\nFROM db\nRUN x\n";
        assert_eq!(last_from(text, None, &json!({})).as_deref(), Some("postgres:16-alpine"));
        assert_eq!(
            last_from(text, None, &json!({ "V": "15" })).as_deref(),
            Some("postgres:15-alpine")
        );
        assert_eq!(last_from(text, Some("build"), &json!({})).as_deref(), Some("node"));
        assert_eq!(last_from("FROM scratch\n", None, &json!({})), None);
    }

    #[test]
    fn an_image_answers_to_the_names_of_compose_files() {
        let image = json!({ "Id": "sha256:1", "RepoTags": ["postgres:latest"], "RepoDigests": ["postgres@sha256:ab"] });
        for name in ["postgres", "docker.io/library/postgres:latest", "postgres:16@sha256:ab"] {
            assert!(is_named(&image, name), "{name}");
        }
        assert!(!is_named(&image, "postgres:16"));
    }
}
