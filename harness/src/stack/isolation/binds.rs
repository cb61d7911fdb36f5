//! Folders of the host that a stack writes to, and the volumes that the copy has instead: one for
//! each folder, however many services mount it and by whatever path.
//!
//! A folder that is only read, but lies where another mount writes, is one of them: or the copy
//! would read the original's files there. A folder within another has a volume of its own, which
//! the copy mounts in the other's place for it, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::host;

/// A folder of the host from which a volume of the copy is filled, before anything starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The volume, by its name in the stack.
    pub volume: String,
    /// The folder, absolute and without links.
    pub from: PathBuf,
    /// Paths below it that have volumes of their own.
    pub apart: Vec<PathBuf>,
}

/// What a service mounts from the host.
pub(super) struct Bind<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
    pub(super) read_only: bool,
}

/// Volumes for the folders that a stack writes to, by their real paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Binds {
    volumes: BTreeMap<PathBuf, String>,
}

impl Binds {
    /// Finds the folders. What is refused for other reasons may be among them.
    pub(super) fn of(config: &Value, dir: &Path) -> Self {
        let services = config["services"].as_object().into_iter().flat_map(Map::values);
        let mounts = services.filter_map(|service| service["volumes"].as_array()).flatten();
        let binds = mounts.filter_map(Bind::read).filter_map(|bind| {
            let real = host::real(&dir.join(bind.source))?;
            (!real.is_file()).then_some((real, bind.read_only))
        });
        let binds = binds.collect::<BTreeSet<_>>();
        let written = binds.iter().filter(|(_, read_only)| !read_only).map(|(real, _)| real);
        let written = written.collect::<BTreeSet<_>>();
        let is_within =
            |real: &Path| real.ancestors().any(|above| written.contains(&above.to_owned()));
        let folders = binds.iter().map(|(real, _)| real).filter(|real| is_within(real));
        let mut taken = names(config, "volumes");
        let mut volumes = BTreeMap::new();
        for real in folders.collect::<BTreeSet<_>>() {
            volumes.insert(real.clone(), free(&name(real, dir), &mut taken));
        }
        Self { volumes }
    }

    /// The volume that stands for a folder, if the stack writes there.
    pub(super) fn volume(&self, real: &Path) -> Option<&str> {
        self.volumes.get(real).map(String::as_str)
    }

    /// Volumes that stand for folders within a folder, by their paths below it. One that is not
    /// there cannot be mounted where nothing may be written.
    pub(super) fn within(
        &self,
        real: &Path,
        read_only: bool,
    ) -> impl Iterator<Item = (&Path, &str)> {
        let all = self.volumes.iter().filter(move |(path, _)| !read_only || path.is_dir());
        all.filter_map(move |(path, volume)| Some((path.strip_prefix(real).ok()?, volume.as_str())))
            .filter(|(below, _)| !below.as_os_str().is_empty())
    }

    /// All the volumes, by the folders that they stand for.
    pub(super) fn all(&self) -> &BTreeMap<PathBuf, String> {
        &self.volumes
    }

    /// All the volumes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.volumes.values().map(String::as_str)
    }

    /// What fills them. A folder that is not there fills nothing: the engine would make it.
    pub(super) fn fills(&self) -> Vec<Fill> {
        let there = self.volumes.iter().filter(|(real, _)| real.is_dir());
        let fills = there.map(|(real, volume)| Fill {
            volume: volume.clone(),
            from: real.clone(),
            apart: self.within(real, false).map(|(below, _)| below.to_owned()).collect(),
        });
        fills.collect()
    }
}

impl<'a> Bind<'a> {
    /// A mount in either notation, if it is one of the host.
    pub(super) fn read(mount: &'a Value) -> Option<Self> {
        let Some(short) = mount.as_str() else {
            let text = |key: &str| mount[key].as_str();
            let read_only = mount["read_only"] == Value::Bool(true);
            let (kind, source, target) = (text("type")?, text("source")?, text("target")?);
            return (kind == "bind").then_some(Self { source, target, read_only });
        };
        let mut parts = short.split(':');
        let (source, target) = (parts.next()?, parts.next()?);
        let read_only = parts.flat_map(|options| options.split(',')).any(|option| option == "ro");
        source.starts_with(['/', '.']).then_some(Self { source, target, read_only })
    }

    /// The same mount, in its notation, of another path.
    pub(super) fn with_source(&self, mount: &Value, source: &Path) -> Value {
        let source = source.to_string_lossy();
        match mount {
            Value::String(short) => {
                let rest = short.strip_prefix(self.source).unwrap_or_default();
                json!(format!("{source}{rest}"))
            }
            long => {
                let mut mount = long.clone();
                mount["source"] = json!(source);
                mount
            }
        }
    }
}

/// `bind-` and the path relative to the stack, or the whole path of what lies outside.
fn name(real: &Path, dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let path = real.strip_prefix(dir).unwrap_or(real).to_string_lossy().to_lowercase();
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>().join("-");
    if words.is_empty() { "bind-stack".to_owned() } else { format!("bind-{words}") }
}

/// A name that nothing else has: two paths may read alike.
fn free(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|count| format!("{wanted}-{count}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    // One of them is free: there are more numbers than names.
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

fn names(config: &Value, section: &str) -> BTreeSet<String> {
    config[section].as_object().into_iter().flat_map(Map::keys).cloned().collect()
}
