//! What of a stack may run sealed, and the sealed copy of it.
//!
//! What a sealed stack may not have: names that another stack uses, host ports, networks with
//! egress, volumes that exist already, folders of the host that it could write to (it has volumes in
//! their place), powers over the kernel or the engine. Every key of the Compose Specification is in one table with what becomes
//! of it; what cannot be sealed, and what the table does not know, is refused with its name.

mod binds;
mod host;
mod judgement;
mod judges;
mod private_files;
mod sealed;
mod table;
mod terms;
mod unnamed;
mod walk;
mod without;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use self::binds::Binds;
use self::judgement::Stack;
use self::private_files::PrivateFiles;
use crate::error::{Error, Result};

pub use binds::Fill;
pub use private_files::PrivateFile;
pub use sealed::{Limits, Seal, SealedStack};
pub use terms::Terms;
pub use unnamed::{unnamed, unnamed_of};
pub use walk::{Change, Refused, What};
pub(super) use written::unknown_key;

/// What of a stack may run sealed: every key looked at, nothing named yet.
#[derive(Debug, Clone)]
pub struct Allowed {
    config: Value,
    changes: Vec<Change>,
    fills: Vec<Fill>,
    without: Vec<String>,
}

/// What sealing would do to a stack, as values.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// What the copy would not have as the stack has it.
    pub changes: Vec<Change>,
    /// With what it cannot be sealed.
    pub refusals: Vec<Refused>,
    /// The volumes that would stand for folders of the host, by the folders' real paths.
    pub binds: BTreeMap<PathBuf, String>,
}

/// Judges a configuration as [`Allowed::under`] does, and refuses nothing: what it would refuse is
/// in the answer.
///
/// # Errors
/// Usage for a service to be left out that is not there.
pub fn judge(config: &Value, dir: &Path, terms: Terms<'_>) -> Result<Judged> {
    let config = &without::leave_out(config, terms.without)?;
    let stack = stack(config, dir, terms);
    let mut walk = walk::Walk::new(&stack);
    walk.file(config);
    walk.changes.sort();
    let refusals = walk.refusals.iter().map(walk::Refusal::shown).collect();
    let (changes, binds) = (walk.changes, stack.binds.all().clone());
    Ok(Judged { changes, refusals, binds })
}

/// A configuration without these services, and without what the others say of them.
///
/// # Errors
/// Usage for one that is not there.
pub fn left(config: &Value, without: &[String]) -> Result<Value> {
    without::leave_out(config, without)
}

/// Where a path of the host leads, whether or not anything is there.
#[must_use]
pub fn real(path: &Path) -> Option<PathBuf> {
    host::real(path)
}

fn stack<'a>(config: &'a Value, dir: &'a Path, terms: Terms<'_>) -> Stack<'a> {
    let services = names(config, "services").collect();
    let (volumes, binds) = (names(config, "volumes").collect(), Binds::of(config, dir));
    Stack { dir, services, volumes, binds, host_network: terms.host_network }
}

impl Allowed {
    /// Judges a configuration as `compose config` resolved it, of the stack in the folder `dir`,
    /// without the services that are to be left out. Looks at the files that it names.
    ///
    /// # Errors
    /// Usage, with everything that cannot be sealed and why.
    pub fn of(config: &Value, dir: &Path, without: &[String]) -> Result<Self> {
        Self::under(config, dir, Terms { without, ..Terms::default() })
    }

    /// As [`Allowed::of`], with all that the operator says.
    pub fn under(config: &Value, dir: &Path, terms: Terms<'_>) -> Result<Self> {
        let config = &without::leave_out(config, terms.without)?;
        let stack = stack(config, dir, terms);
        if stack.services.is_empty() {
            return Err(no_services(terms.without));
        }
        if let Some(error) = without_image(config) {
            return Err(error);
        }
        let mut walk = walk::Walk::new(&stack);
        let mut config = walk.file(config);
        walk::error(&walk.refusals).map_or(Ok(()), Err)?;
        let mut changes = walk.changes;
        changes.extend(built(&config));
        changes.sort();
        for volume in stack.binds.names() {
            config["volumes"][volume] = Value::Null;
        }
        let (fills, without) = (stack.binds.fills(), terms.without.to_vec());
        Ok(Self { config, changes, fills, without })
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

    /// Volumes that stand for folders of the host, and what fills them.
    #[must_use]
    pub fn fills(&self) -> &[Fill] {
        &self.fills
    }

    /// Services that were left out: nothing is proved of them.
    #[must_use]
    pub fn without(&self) -> &[String] {
        &self.without
    }

    /// The sealed copy under the names of `seal`.
    ///
    /// # Errors
    /// Undecided when a service with a build section has no image.
    pub fn seal(&self, seal: &Seal) -> Result<SealedStack> {
        let labels = json!(seal.labels);
        let (mut services, mut copies) = (Map::new(), PrivateFiles::below(&seal.files));
        let mut volumes = self.volumes().map(str::to_owned).collect::<BTreeSet<_>>();
        for (name, service) in self.config["services"].as_object().into_iter().flatten() {
            let mut service = service.clone();
            if service.as_object_mut().and_then(|keys| keys.remove("build")).is_some() {
                let image = seal.images.get(name).ok_or_else(|| {
                    Error::undecided(format!("the image of service {name:?} was not built"))
                })?;
                service["image"] = json!(image);
            }
            copies.take(&mut service);
            let declared = seal.declared.get(name).map_or(&[][..], Vec::as_slice);
            volumes.extend(unnamed::name(name, &mut service, declared).into_values());
            service["labels"] = labels.clone();
            seal.limits.limit(&mut service);
            services.insert(name.clone(), service);
        }
        let volumes = volumes.into_iter().map(|name| {
            let actual = actual(&seal.project, &name);
            (name, actual)
        });
        let volumes = volumes.collect::<BTreeMap<_, _>>();
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
        let (project, fills) = (seal.project.clone(), self.fills.clone());
        Ok(SealedStack { project, file, services: names, volumes, fills, files: copies.into() })
    }
}

fn no_services(without: &[String]) -> Error {
    if without.is_empty() {
        return Error::usage("the stack has no services")
            .hint("check the compose files that drill.toml names under [stack]");
    }
    Error::usage("nothing is left of the stack").hint("leave out fewer of its services")
}

fn without_image(config: &Value) -> Option<Error> {
    let mut services = config["services"].as_object().into_iter().flatten();
    let (name, _) =
        services.find(|(_, service)| service["image"].is_null() && service["build"].is_null())?;
    let error = Error::usage(format!(
        "service {name:?} cannot be sealed: it has neither an image nor a build section"
    ));
    Some(error.hint(format!(
        "give it an image in an override file (drill.toml, [stack] files), or leave it out: \
        --without {name}"
    )))
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
