//! Rewrites a resolved compose configuration into a sealed one. Pure: a value in, a value out.
//!
//! What a sealed stack may not have: names that another stack uses, host ports, networks with
//! egress, volumes that exist already, folders of the host that it could write to, privileges.
//! What cannot be sealed is refused with its name.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

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

/// Name in the engine of what a project calls `name`.
fn actual(project: &str, name: &str) -> String {
    format!("{project}_{name}")
}

/// Keys of a service that would reach outside the sandbox, and why they are refused.
const REFUSED: [(&str, &str); 9] = [
    ("privileged", "it would have the host's devices"),
    ("devices", "it would have devices of the host"),
    ("pid", "it would see processes outside the sandbox"),
    ("ipc", "it would share memory with processes outside the sandbox"),
    ("userns_mode", "it would leave the engine's user namespace"),
    ("network_mode", "it would use a network that is not sealed"),
    ("volumes_from", "it would use volumes of another container"),
    ("external_links", "it would reach containers outside the sandbox"),
    ("cgroup_parent", "it would join a group of the host"),
];

/// Keys of a service that only make sense outside the sandbox.
const DROPPED: [&str; 8] =
    ["build", "container_name", "dns", "extra_hosts", "logging", "ports", "profiles", "restart"];

/// Rewrites a configuration, as `compose config` resolved it, into a sealed one.
pub fn seal(config: &Value, seal: &Seal) -> Result<SealedStack> {
    let Some(services) = config["services"].as_object().filter(|services| !services.is_empty())
    else {
        return Err(Error::usage("the stack has no services")
            .hint("check the compose files that drill.toml names under [stack]"));
    };
    let volumes = declared(config, "volumes")
        .map(|name| (name.clone(), actual(&seal.project, name)))
        .collect::<BTreeMap<_, _>>();
    let mut sealed_services = Map::new();
    for (name, service) in services {
        sealed_services.insert(name.clone(), seal_service(name, service, seal)?);
    }
    let names = sealed_services.keys().cloned().collect();
    let labels = json!(seal.labels);
    let sealed_volumes = volumes
        .iter()
        .map(|(name, actual)| (name.clone(), json!({ "name": actual, "labels": labels })))
        .collect::<Map<_, _>>();
    let networks = declared(config, "networks")
        .map(String::as_str)
        .chain(["default"])
        .map(|name| {
            let actual = actual(&seal.project, name);
            (name.to_owned(), json!({ "name": actual, "internal": true, "labels": labels }))
        })
        .collect::<Map<_, _>>();
    let mut file = json!({
        "services": sealed_services,
        "volumes": sealed_volumes,
        "networks": networks,
    });
    for section in ["configs", "secrets"] {
        if config[section].is_object() {
            file[section] = local_only(section, &config[section])?;
        }
    }
    Ok(SealedStack { project: seal.project.clone(), file, services: names, volumes })
}

fn declared<'a>(config: &'a Value, section: &str) -> impl Iterator<Item = &'a String> {
    config[section].as_object().into_iter().flat_map(Map::keys)
}

fn seal_service(name: &str, service: &Value, seal: &Seal) -> Result<Value> {
    let refuse = |what: &str, why: &str| {
        Err(Error::usage(format!("service {name:?} cannot be sealed: {what}: {why}"))
            .hint("leave it out of the drill with an override file (drill.toml, [stack] files)"))
    };
    for (key, why) in REFUSED {
        let value = &service[key];
        let harmless = value.is_null()
            || value == &Value::Bool(false)
            || value.as_array().is_some_and(Vec::is_empty)
            || (key == "network_mode" && value == "none")
            || (key == "ipc" && (value == "private" || value == "shareable"));
        if !harmless {
            return refuse(key, why);
        }
    }
    if let Some(volumes) = service["volumes"].as_array() {
        for mount in volumes {
            if let Some((source, why)) = unsafe_mount(mount) {
                return refuse(&format!("mount of {source:?}"), why);
            }
        }
    }
    let Some(mut sealed) = service.as_object().cloned() else {
        return refuse("definition", "it is not a mapping");
    };
    for key in DROPPED {
        sealed.remove(key);
    }
    match (seal.images.get(name), sealed.get("image")) {
        (Some(image), _) => {
            sealed.insert("image".to_owned(), json!(image));
        }
        (None, Some(_)) => {}
        (None, None) => return refuse("image", "it has neither an image nor a build section"),
    }
    let mut labels = label_map(service.get("labels"));
    labels.extend(seal.labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    sealed.insert("labels".to_owned(), Value::Object(labels));
    if let Some(networks) = sealed.get_mut("networks") {
        *networks = without_addresses(networks);
    }
    Ok(Value::Object(sealed))
}

/// A bind mount through which the copy could change, or reach through, the host.
fn unsafe_mount(mount: &Value) -> Option<(String, &'static str)> {
    let (source, read_only) = match mount {
        Value::String(short) => {
            let mut parts = short.split(':');
            let (source, target) = (parts.next()?, parts.next()?);
            if target.is_empty() || !is_path(source) {
                return None;
            }
            (
                source.to_owned(),
                parts.any(|options| options.split(',').any(|option| option == "ro")),
            )
        }
        Value::Object(long) => match long.get("type").and_then(Value::as_str) {
            Some("volume" | "tmpfs") => return None,
            Some("bind") => {
                let source = long.get("source").and_then(Value::as_str).unwrap_or_default();
                (source.to_owned(), long.get("read_only") == Some(&Value::Bool(true)))
            }
            _ => return Some((mount.to_string(), "its type is not one that can be sealed")),
        },
        _ => return Some((mount.to_string(), "it cannot be read as a mount")),
    };
    let path = Path::new(&source);
    let is_root = path.components().all(|part| matches!(part, Component::RootDir));
    if path.extension().is_some_and(|kind| kind == "sock")
        || path.starts_with("/run")
        || path.starts_with("/var/run")
    {
        Some((source, "through it the copy could command the host"))
    } else if is_root || ["/proc", "/sys", "/dev"].iter().any(|system| path.starts_with(system)) {
        Some((source, "it opens the host's system to the copy"))
    } else if !read_only {
        Some((
            source,
            "the copy could write to the original's files; mark it read_only, or use a named volume",
        ))
    } else {
        None
    }
}

fn is_path(source: &str) -> bool {
    source.starts_with(['/', '.', '~'])
}

/// Labels in either notation, as a mapping.
fn label_map(labels: Option<&Value>) -> Map<String, Value> {
    match labels {
        Some(Value::Object(labels)) => labels.clone(),
        Some(Value::Array(labels)) => labels
            .iter()
            .filter_map(Value::as_str)
            .map(|label| {
                let (name, value) = label.split_once('=').unwrap_or((label, ""));
                (name.to_owned(), json!(value))
            })
            .collect(),
        _ => Map::new(),
    }
}

/// The networks of a service without fixed addresses: the copy's networks have their own ranges.
fn without_addresses(networks: &Value) -> Value {
    let Some(networks) = networks.as_object() else { return networks.clone() };
    let kept = networks.iter().map(|(name, attachment)| {
        let aliases = attachment.get("aliases").cloned();
        (name.clone(), aliases.map_or_else(|| json!({}), |aliases| json!({ "aliases": aliases })))
    });
    Value::Object(kept.collect())
}

/// Configs and secrets that come from files or variables; external ones belong to somebody else.
fn local_only(section: &str, entries: &Value) -> Result<Value> {
    let mut entries = entries.clone();
    for (name, entry) in entries.as_object_mut().into_iter().flatten() {
        if entry["external"] != Value::Null && entry["external"] != Value::Bool(false) {
            return Err(Error::usage(format!(
                "{section} entry {name:?} is external: the copy cannot have it"
            ))
            .hint("give it a file in an override (drill.toml, [stack] files)"));
        }
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("name");
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(config: &Value) -> Result<SealedStack> {
        let labels = BTreeMap::from([("dr-drill.run".to_owned(), "r1".to_owned())]);
        let images = BTreeMap::from([("built".to_owned(), "built:hash".to_owned())]);
        seal(config, &Seal { project: "p".to_owned(), labels, images })
    }

    #[test]
    fn nothing_of_the_original_survives_in_names_ports_or_egress() {
        let config = json!({
            "version": "3.9",
            "name": "production",
            "services": { "web": {
                "image": "nginx", "container_name": "web", "restart": "always",
                "ports": ["80:80"], "extra_hosts": ["mail:10.0.0.1"],
                "labels": ["a=b"],
                "networks": { "front": { "ipv4_address": "10.1.1.1", "aliases": ["www"] } },
                "volumes": [{ "type": "volume", "source": "state", "target": "/state" }],
            }},
            "networks": { "front": { "external": true, "name": "production_front" } },
            "volumes": { "state": { "external": true, "name": "production_state",
                "driver_opts": { "type": "nfs", "device": ":/export" } } },
        });
        let file = sealed(&config).expect("can be sealed").file;
        let web = &file["services"]["web"];
        for key in ["container_name", "restart", "ports", "extra_hosts"] {
            assert_eq!(web[key], Value::Null, "{key} survived");
        }
        assert_eq!(web["networks"]["front"], json!({ "aliases": ["www"] }));
        assert_eq!(web["labels"], json!({ "a": "b", "dr-drill.run": "r1" }));
        assert_eq!(file["networks"]["front"]["internal"], true);
        assert_eq!(file["networks"]["default"]["internal"], true);
        assert_eq!(
            file["volumes"]["state"],
            json!({ "name": "p_state", "labels": { "dr-drill.run": "r1" } })
        );
        assert!(!file.to_string().contains("production"));
    }

    #[test]
    fn renamed_it_has_no_name_in_common() {
        let config = json!({
            "services": { "db": { "image": "x", "networks": { "back": {} },
                "volumes": [{ "type": "volume", "source": "state", "target": "/state" }] } },
            "networks": { "back": {} }, "volumes": { "state": null },
        });
        let before = sealed(&config).expect("can be sealed");
        let after = before.renamed("q".to_owned());
        assert_eq!(after.volumes["state"], "q_state");
        for (section, name) in [("volumes", "state"), ("networks", "back"), ("networks", "default")]
        {
            let (was, is) = (&before.file[section][name], &after.file[section][name]);
            assert_eq!(
                (&was["name"], &is["name"]),
                (&json!(format!("p_{name}")), &json!(format!("q_{name}")))
            );
            assert_eq!((&was["labels"], &was["internal"]), (&is["labels"], &is["internal"]));
        }
        assert_eq!(before.file["services"], after.file["services"]);
    }

    #[test]
    fn a_built_service_runs_the_image_that_was_built() {
        let config = json!({ "services": { "built": { "build": { "context": "." } } } });
        let sealed = sealed(&config).expect("can be sealed");
        assert_eq!(sealed.file["services"]["built"]["image"], "built:hash");
        assert_eq!(sealed.file["services"]["built"]["build"], Value::Null);
    }

    #[test]
    fn what_reaches_outside_is_refused_by_name() {
        let cases = [
            ("privileged", json!({ "privileged": true })),
            ("network_mode", json!({ "network_mode": "host" })),
            ("pid", json!({ "pid": "host" })),
            ("devices", json!({ "devices": ["/dev/kvm"] })),
            ("/var/run/docker.sock", json!({ "volumes": ["/var/run/docker.sock:/s:ro"] })),
            ("/srv/media", json!({ "volumes": ["/srv/media:/media"] })),
            (
                "/srv/media",
                json!({ "volumes": [{ "type": "bind", "source": "/srv/media", "target": "/m" }] }),
            ),
            (
                "\"/\"",
                json!({ "volumes": [
                { "type": "bind", "source": "/", "target": "/host", "read_only": true }] }),
            ),
        ];
        for (named, extra) in cases {
            let mut service = json!({ "image": "x" });
            service
                .as_object_mut()
                .expect("object")
                .extend(extra.as_object().expect("object").clone());
            let error = sealed(&json!({ "services": { "s": service } })).expect_err(named);
            assert!(error.to_string().contains(named), "{error} does not name {named}");
        }
    }

    #[test]
    fn read_only_configuration_files_and_volumes_are_kept() {
        let volumes =
            json!(["./nginx.conf:/etc/nginx/nginx.conf:ro", "state:/state:rw", "/anonymous"]);
        let config = json!({ "services": { "s": { "image": "x", "volumes": volumes } }, "volumes": { "state": null } });
        let sealed = sealed(&config).expect("can be sealed");
        assert_eq!(sealed.file["services"]["s"]["volumes"], volumes);
        assert_eq!(sealed.volumes["state"], "p_state");
    }

    #[test]
    fn a_stack_without_services_is_refused() {
        assert!(sealed(&json!({ "services": {} })).is_err());
    }
}
