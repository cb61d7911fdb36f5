//! What detection reads: a resolved configuration in either notation of compose, and what is known
//! of the images. A service is seen through one type, whatever its notation.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reference::Reference;
use super::table::{self, Purpose};

/// Everything that detection judges. Nothing else is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The configuration as `compose config` resolved it: JSON of version 2, or YAML of version 1.
    pub config: &'a Value,
    /// Configurations of the images that are here, by service.
    pub images: &'a BTreeMap<String, ImageConfig>,
    /// Last `FROM` of the Dockerfile of services whose image is not here, by service.
    pub bases: &'a BTreeMap<String, String>,
    /// Contents of the files to which variables such as `POSTGRES_USER_FILE` lead, by the path in
    /// the container; never those of passwords.
    pub files: &'a BTreeMap<String, String>,
    /// Folder of the stack, absolute.
    pub dir: &'a str,
}

/// What an image says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Its variables.
    pub env: BTreeMap<String, String>,
    /// Folders for which each container gets a volume.
    pub volumes: Vec<String>,
    /// Ports that it says it listens on.
    pub ports: Vec<u16>,
    /// Its entry point.
    pub entrypoint: Vec<String>,
    /// Its command.
    pub command: Vec<String>,
}

/// What a mount is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MountKind {
    Volume,
    Anonymous,
    Bind,
    Tmpfs,
}

/// A mount of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) kind: MountKind,
    /// Volume, or path on the host; empty where there is neither.
    pub(super) source: String,
    /// Path in the container, without a slash at its end.
    pub(super) target: String,
    pub(super) is_read_only: bool,
}

/// A service of the stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    pub(super) spec: &'a Value,
    pub(super) image: Option<&'a ImageConfig>,
    pub(super) base: Option<&'a str>,
}

impl<'a> Facts<'a> {
    pub(super) fn services(&self) -> impl Iterator<Item = Service<'a>> + use<'a> {
        let Self { config, images, bases, .. } = *self;
        let services = config["services"].as_object().into_iter().flatten();
        services.map(move |(name, spec)| Service {
            name,
            spec,
            image: images.get(name),
            base: bases.get(name).map(String::as_str),
        })
    }

    pub(super) fn service(&self, name: &str) -> Option<Service<'a>> {
        self.services().find(|service| service.name == name)
    }
}

impl<'a> Service<'a> {
    /// The image's reference, if the service names one.
    pub(super) fn reference(&self) -> Option<Reference<'a>> {
        self.spec["image"].as_str().filter(|it| !it.is_empty()).map(Reference::of)
    }

    /// What its image is for, by its name, by that of the image its Dockerfile builds on, or by
    /// the program that it starts.
    pub(super) fn purpose(&self) -> Purpose {
        let named = self.reference().map_or(Purpose::Unknown, |it| table::purpose(it.name));
        match (named, self.base, self.image) {
            (Purpose::Unknown, Some(base), _) => table::purpose(Reference::of(base).name),
            (Purpose::Unknown, None, Some(image)) => {
                table::started(&[image.entrypoint.join(" "), image.command.join(" ")].join(" "))
            }
            (named, ..) => named,
        }
    }

    /// Variables that the stack sets, not the image's own.
    pub(super) fn own_environment(&self) -> BTreeMap<String, String> {
        pairs(&self.spec["environment"])
    }

    /// Variables, those of the image below those of the stack.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.image.map(|image| image.env.clone()).unwrap_or_default();
        all.extend(self.own_environment());
        all
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = pairs(&self.spec["labels"]);
        labels.extend(pairs(&self.spec["deploy"]["labels"]));
        labels
    }

    /// What the stack has it run instead of what the image would: entry point and command.
    pub(super) fn said_program(&self) -> Option<String> {
        let said = [words(&self.spec["entrypoint"]), words(&self.spec["command"])];
        let said = said.into_iter().flatten().collect::<Vec<_>>();
        (!said.is_empty()).then(|| said.join(" ").replace("$$", "$"))
    }

    /// What it runs, as far as stack and image say.
    pub(super) fn program(&self) -> String {
        let join = |words: &Vec<String>| words.join(" ");
        let (entrypoint, command) = (words(&self.spec["entrypoint"]), words(&self.spec["command"]));
        // An entry point of the stack's own takes the image's command away.
        let of_image = self.image.filter(|_| entrypoint.is_none());
        let command = command.or_else(|| of_image.map(|image| join(&image.command)));
        let entrypoint = entrypoint.or_else(|| self.image.map(|image| join(&image.entrypoint)));
        let both = [entrypoint.unwrap_or_default(), command.unwrap_or_default()];
        both.join(" ").trim().replace("$$", "$")
    }

    pub(super) fn mounts(&self) -> Vec<Mount> {
        let listed = self.spec["volumes"].as_array().into_iter().flatten();
        let mut mounts = listed.filter_map(mount).collect::<Vec<_>>();
        mounts.extend(words_of_list(&self.spec["tmpfs"]).iter().map(|target| Mount {
            kind: MountKind::Tmpfs,
            source: String::new(),
            target: trimmed(target.split(':').next().unwrap_or(target)),
            is_read_only: false,
        }));
        mounts
    }

    /// Ports inside the container that the host forwards to, in the order of the file.
    pub(super) fn published(&self) -> Vec<u16> {
        let ports = self.spec["ports"].as_array().into_iter().flatten();
        let tcp = ports.filter(|port| port["protocol"].as_str() != Some("udp"));
        tcp.filter_map(|port| match port {
            Value::String(text) if text.ends_with("/udp") => None,
            Value::String(text) => inside(text),
            Value::Number(number) => number.as_u64().and_then(|it| u16::try_from(it).ok()),
            long => number(&long["target"]),
        })
        .collect()
    }

    /// Ports that it says it listens on, the stack's before the image's.
    pub(super) fn exposed(&self) -> Vec<u16> {
        let own = words_of_list(&self.spec["expose"]);
        let own = own.iter().filter_map(|port| inside(port)).collect::<Vec<_>>();
        let image = self.image.map(|image| image.ports.clone()).unwrap_or_default();
        own.into_iter().chain(image).collect()
    }

    pub(super) fn depends_on(&self) -> Vec<&'a str> {
        match &self.spec["depends_on"] {
            Value::Object(entries) => entries.keys().map(String::as_str).collect(),
            Value::Array(entries) => entries.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Names by which others of the stack reach it.
    pub(super) fn hosts(&self) -> Vec<&'a str> {
        let networks = self.spec["networks"].as_object().into_iter().flatten();
        let aliases = networks.filter_map(|(_, network)| network["aliases"].as_array()).flatten();
        let named =
            ["container_name", "hostname"].into_iter().filter_map(|key| self.spec[key].as_str());
        std::iter::once(self.name).chain(named).chain(aliases.filter_map(Value::as_str)).collect()
    }

    /// Whether the engine takes orders from it.
    pub(super) fn engine_socket(&self) -> Option<Mount> {
        let is_socket = |source: &str| {
            ["docker.sock", "podman.sock", "containerd.sock"].iter().any(|it| source.ends_with(it))
        };
        self.mounts().into_iter().find(|mount| is_socket(&mount.source))
    }

    /// Whether it is built here.
    pub(super) fn is_built(&self) -> bool {
        !self.spec["build"].is_null()
    }
}

/// Whether `path` is `folder` or lies below it.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder == "/" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A mapping, or a list of `NAME=value`, without what has no value.
fn pairs(value: &Value) -> BTreeMap<String, String> {
    let plain = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.replace("$$", "$")),
        other => Some(other.to_string()),
    };
    match value {
        Value::Object(entries) => {
            entries.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?))).collect()
        }
        Value::Array(entries) => {
            let entries = entries.iter().filter_map(Value::as_str);
            let pairs = entries.map(|entry| entry.split_once('=').unwrap_or((entry, "")));
            pairs.map(|(name, value)| (name.to_owned(), value.replace("$$", "$"))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A list of words, or a text, as one text; nothing where nothing is said.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Array(entries) if !entries.is_empty() => {
            Some(entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

fn words_of_list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(entries) => entries
            .iter()
            .filter_map(|entry| match entry {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// The port inside, of `127.0.0.1:8080-8081:80-81/tcp`: the first of a range.
fn inside(text: &str) -> Option<u16> {
    let text = text.split('/').next().unwrap_or(text);
    text.rsplit(':').next()?.split('-').next()?.parse().ok()
}

fn number(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.split('-').next()?.parse().ok());
    number.and_then(|it| u16::try_from(it).ok())
}

fn trimmed(path: &str) -> String {
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

fn mount(value: &Value) -> Option<Mount> {
    if let Some(short) = value.as_str() {
        let mut parts = short.split(':');
        let (first, second) = (parts.next()?, parts.next());
        let options = parts.flat_map(|it| it.split(',')).collect::<Vec<_>>();
        let Some(target) = second else {
            let (source, target) = (String::new(), trimmed(first));
            return Some(Mount { kind: MountKind::Anonymous, source, target, is_read_only: false });
        };
        let is_path = first.starts_with(['/', '.', '~']);
        return Some(Mount {
            kind: if is_path { MountKind::Bind } else { MountKind::Volume },
            source: first.to_owned(),
            target: trimmed(target),
            is_read_only: options.contains(&"ro"),
        });
    }
    let source = value["source"].as_str().unwrap_or_default().to_owned();
    let kind = match value["type"].as_str()? {
        "volume" if source.is_empty() => MountKind::Anonymous,
        "volume" => MountKind::Volume,
        "bind" => MountKind::Bind,
        "tmpfs" => MountKind::Tmpfs,
        _ => return None,
    };
    let target = trimmed(value["target"].as_str()?);
    let is_read_only = value["read_only"] == Value::Bool(true);
    Some(Mount { kind, source, target, is_read_only })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(spec: &Value) -> Service<'_> {
        Service { name: "web", spec, image: None, base: None }
    }

    #[test]
    fn both_notations_say_the_same() {
        let v2 = json!({
            "volumes": [
                { "type": "bind", "source": "/s/data", "target": "/data/" },
                { "type": "volume", "target": "/anon" },
                { "type": "volume", "source": "v", "target": "/x", "read_only": true },
            ],
            "ports": [{ "target": 80, "published": "8080", "protocol": "tcp" }, { "target": 99, "protocol": "udp" }],
            "depends_on": { "db": { "condition": "service_started" } },
            "command": ["sh", "-c", "echo $$A"],
        });
        let v1 = json!({
            "volumes": ["/s/data:/data:rw", "/anon", "v:/x:ro"],
            "ports": ["127.0.0.1:8080:80/tcp", "99:99/udp"],
            "depends_on": ["db"],
            "command": "sh -c 'echo $$A'",
        });
        let (one, other) = (service(&v2), service(&v1));
        assert_eq!(one.mounts(), other.mounts());
        assert_eq!(one.published(), [80]);
        assert_eq!(other.published(), [80]);
        assert_eq!(one.depends_on(), other.depends_on());
        assert_eq!(one.program(), "sh -c echo $A");
    }

    #[test]
    fn a_path_lies_within_whole_components_only() {
        assert!(is_within("/var/lib/mysql", "/var/lib/mysql"));
        assert!(is_within("/var/lib/mysql/x", "/var/lib/mysql"));
        assert!(!is_within("/var/lib/mysql2", "/var/lib/mysql"));
        assert!(is_within("/x", "/"));
    }
}
