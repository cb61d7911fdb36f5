//! What of a stack may run sealed, and the sealed copy of it.
//!
//! What a sealed stack may not have: names that another stack uses, host ports, networks with
//! egress, volumes that exist already, folders of the host that it could write to, powers over the
//! kernel or the engine. Every key of the Compose Specification is in one table with what becomes
//! of it; what cannot be sealed, and what the table does not know, is refused with its name.

mod host;
mod judgement;
mod judges;
mod table;
mod walk;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use self::judgement::Stack;
use crate::error::{Error, Result};

pub use walk::{Change, Refused, What};
pub(super) use written::unknown_key;

/// What of a stack may run sealed: every key looked at, nothing named yet.
#[derive(Debug, Clone)]
pub struct Allowed {
    config: Value,
    changes: Vec<Change>,
}

/// What the sealed copy is called and carries.
#[derive(Debug, Clone)]
pub struct Seal {
    /// Compose project of the copy.
    pub project: String,
    /// Labels put on every container, volume and network.
    pub labels: BTreeMap<String, String>,
    /// Image of each service that has a `build` section.
    pub images: BTreeMap<String, String>,
}

/// A sealed stack, ready to be written to a file.
#[derive(Debug, Clone)]
pub struct SealedStack {
    /// Its compose project.
    pub project: String,
    /// The compose file. JSON, which every version reads as YAML.
    pub file: Value,
    /// Services, in the order of the configuration.
    pub services: Vec<String>,
    /// Name in the engine of each volume of the stack.
    pub volumes: BTreeMap<String, String>,
}

/// What sealing changes of a configuration as `compose config` resolved it, of the stack in the
/// folder `dir`, and what it refuses, as values. Looks at the files that it names.
#[must_use]
pub fn judge(config: &Value, dir: &Path) -> (Vec<Change>, Vec<Refused>) {
    let services = names(config, "services").collect();
    let stack = Stack { dir, services, volumes: names(config, "volumes").collect() };
    let mut walk = walk::Walk::new(&stack);
    walk.file(config);
    walk.changes.sort();
    (walk.changes, walk.refusals.iter().map(walk::Refusal::shown).collect())
}

impl Allowed {
    /// Judges a configuration as `compose config` resolved it, of the stack in the folder `dir`.
    /// Looks at the files that it names.
    ///
    /// # Errors
    /// Usage, with everything that cannot be sealed and why.
    pub fn of(config: &Value, dir: &Path) -> Result<Self> {
        let services = names(config, "services").collect::<BTreeSet<_>>();
        if services.is_empty() {
            return Err(Error::usage("the stack has no services")
                .hint("check the compose files that drill.toml names under [stack]"));
        }
        for (name, service) in config["services"].as_object().into_iter().flatten() {
            let without = |key: &str| service[key].is_null();
            if without("image") && without("build") {
                return Err(Error::usage(format!(
                    "service {name:?} cannot be sealed: it has neither an image nor a build section"
                ))
                .hint("give it an image in an override file (drill.toml, [stack] files)"));
            }
        }
        let stack = Stack { dir, services, volumes: names(config, "volumes").collect() };
        let mut walk = walk::Walk::new(&stack);
        let config = walk.file(config);
        walk::error(&walk.refusals).map_or(Ok(()), Err)?;
        let mut changes = walk.changes;
        changes.extend(built(&config));
        changes.sort();
        Ok(Self { config, changes })
    }

    /// The configuration without what the copy does not have; build sections are there.
    #[must_use]
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Its services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        names(&self.config, "services")
    }

    /// Its volumes, by their names in the stack.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        names(&self.config, "volumes")
    }

    /// What the copy does not have as the stack has it, in the order of section, name and key.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The sealed copy under the names of `seal`.
    ///
    /// # Errors
    /// Undecided when a service with a build section has no image.
    pub fn seal(&self, seal: &Seal) -> Result<SealedStack> {
        let labels = json!(seal.labels);
        let mut services = Map::new();
        for (name, service) in self.config["services"].as_object().into_iter().flatten() {
            let mut service = service.clone();
            if service.as_object_mut().and_then(|keys| keys.remove("build")).is_some() {
                let image = seal.images.get(name).ok_or_else(|| {
                    Error::undecided(format!("the image of service {name:?} was not built"))
                })?;
                service["image"] = json!(image);
            }
            service["labels"] = labels.clone();
            services.insert(name.clone(), service);
        }
        let volumes = self
            .volumes()
            .map(|name| (name.to_owned(), actual(&seal.project, name)))
            .collect::<BTreeMap<_, _>>();
        let sealed_volumes = volumes
            .iter()
            .map(|(name, actual)| (name.clone(), json!({ "name": actual, "labels": labels })));
        let networks = names(&self.config, "networks").chain(["default"]).map(|name| {
            let actual = actual(&seal.project, name);
            (name.to_owned(), json!({ "name": actual, "internal": true, "labels": labels }))
        });
        let names = services.keys().cloned().collect();
        let mut file = json!({
            "services": services,
            "volumes": sealed_volumes.collect::<Map<_, _>>(),
            "networks": networks.collect::<Map<_, _>>(),
        });
        for section in ["configs", "secrets"] {
            if self.config[section].is_object() {
                file[section] = self.config[section].clone();
            }
        }
        Ok(SealedStack { project: seal.project.clone(), file, services: names, volumes })
    }
}

impl SealedStack {
    /// The same stack as another project: nothing in the engine has a name in common.
    #[must_use]
    pub fn renamed(&self, project: String) -> Self {
        let mut file = self.file.clone();
        for section in ["volumes", "networks"] {
            for (name, resource) in file[section].as_object_mut().into_iter().flatten() {
                resource["name"] = json!(actual(&project, name));
            }
        }
        let names = self.volumes.keys();
        let volumes = names.map(|name| (name.clone(), actual(&project, name))).collect();
        Self { project, file, services: self.services.clone(), volumes }
    }
}

/// The images that are not those of the stack.
fn built(config: &Value) -> impl Iterator<Item = Change> {
    let services = config["services"].as_object().into_iter().flatten();
    services.filter(|(_, service)| !service["build"].is_null()).map(|(name, _)| Change {
        section: "services".to_owned(),
        name: name.clone(),
        key: "image".to_owned(),
        what: What::Changed,
        reason: "the drill builds it, and names it by its content",
    })
}

/// Whether a build section may have a key.
pub(super) fn may_build_with(key: &str) -> bool {
    let section = table::section("services.*.build");
    let group = section.and_then(|section| section.group(key));
    group.is_some_and(|group| !matches!(group.rule, table::Rule::Refuse))
}

/// Name in the engine of what a project calls `name`.
fn actual(project: &str, name: &str) -> String {
    format!("{project}_{name}")
}

fn names<'a>(config: &'a Value, section: &str) -> impl Iterator<Item = &'a str> {
    config[section].as_object().into_iter().flat_map(Map::keys).map(String::as_str)
}

#[cfg(test)]
mod tests;
