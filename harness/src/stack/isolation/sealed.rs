//! The sealed copy of a stack: its names, its compose file, and what has to be copied for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::binds::Bind;
use super::without::{SHARED, leave_out};
use super::{Fill, PrivateFile, actual};

/// What the sealed copy is called and carries.
#[derive(Debug, Clone)]
pub struct Seal {
    /// Compose project of the copy.
    pub project: String,
    /// Labels put on every container, volume and network.
    pub labels: BTreeMap<String, String>,
    /// Image of each service that has a `build` section.
    pub images: BTreeMap<String, String>,
    /// Paths at which the image of a service declares a volume, by service.
    pub declared: BTreeMap<String, Vec<String>>,
    /// Folder for its copies of files that services mount, absolute.
    pub files: PathBuf,
    /// What each of its containers may use.
    pub limits: Limits,
}

/// What a container of the copy may use, as compose has it; what its service says itself where
/// nothing is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory, such as `512m`.
    pub memory: Option<String>,
    /// Cores, such as `1.5`.
    pub cpus: Option<String>,
}

impl Limits {
    /// Puts them on a service, in the place of its own.
    pub(super) fn limit(&self, service: &mut Value) {
        for (key, deployed, limit) in
            [("mem_limit", "memory", &self.memory), ("cpus", "cpus", &self.cpus)]
        {
            let Some(limit) = limit else { continue };
            service[key] = match limit.parse::<f64>() {
                Ok(number) => json!(number),
                Err(_) => json!(limit),
            };
            let own = service.pointer_mut("/deploy/resources/limits");
            if let Some(own) = own.and_then(Value::as_object_mut) {
                own.remove(deployed);
            }
        }
    }
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
    /// Folders of the host that fill volumes before anything starts.
    pub fills: Vec<Fill>,
    /// Files that have to be there before anything is created.
    pub files: Vec<PrivateFile>,
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
        Self { project, file, volumes, ..self.clone() }
    }

    /// Name in the engine of each network.
    #[must_use]
    pub fn networks(&self) -> BTreeMap<&str, &str> {
        let networks = self.file["networks"].as_object().into_iter().flatten();
        networks.filter_map(|(name, it)| Some((name.as_str(), it["name"].as_str()?))).collect()
    }

    /// The same stack, whose services have the names that the engine does not know resolved by a
    /// server, of which each network has its address. Who lives in another's network asks whom that
    /// one asks. No domain of the host's is searched: what is not within would look like a name of it.
    #[must_use]
    pub fn resolving_at(&self, servers: &BTreeMap<String, IpAddr>) -> Self {
        let mut file = self.file.clone();
        for service in file["services"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            let networks = match &service["networks"] {
                Value::Object(networks) => networks.keys().map(String::as_str).collect(),
                Value::Array(networks) => networks.iter().filter_map(Value::as_str).collect(),
                _ => vec!["default"],
            };
            let server = networks.iter().find_map(|network| servers.get(*network));
            if let Some(server) = server.filter(|_| service["network_mode"].is_null()) {
                service["dns"] = json!([server]);
                service["dns_search"] = json!(["."]);
            }
        }
        Self { file, ..self.clone() }
    }

    /// Every path of the host that it mounts.
    #[must_use]
    pub fn mounted(&self) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        let _same = self.mounting(|path| {
            paths.insert(path.to_owned());
            path.to_owned()
        });
        paths
    }

    /// The same stack, with other paths of the host in the place of those that it mounts: its services,
    /// and what are files among its configs and secrets.
    #[must_use]
    pub fn mounting(&self, mut other: impl FnMut(&Path) -> PathBuf) -> Self {
        let mut file = self.file.clone();
        for service in file["services"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            for mount in
                service.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten()
            {
                let Some(bind) = Bind::read(mount) else { continue };
                let source = other(Path::new(bind.source));
                *mount = bind.with_source(mount, &source);
            }
        }
        for section in ["configs", "secrets"] {
            let things = file.get_mut(section).and_then(Value::as_object_mut);
            for thing in things.into_iter().flat_map(Map::values_mut) {
                if let Some(path) = thing["file"].as_str() {
                    thing["file"] = json!(other(Path::new(path)));
                }
            }
        }
        Self { file, ..self.clone() }
    }

    /// Services of which at least one container runs.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        let asked = |name: &str| {
            let service = &self.file["services"][name];
            let count = [&service["scale"], &service["deploy"]["replicas"]];
            count.into_iter().find_map(Value::as_u64)
        };
        let services = self.services.iter().map(String::as_str);
        services.filter(move |name| asked(name) != Some(0))
    }

    /// Services that others wait for to end with success, whatever their health check says.
    #[must_use]
    pub fn jobs(&self) -> BTreeSet<&str> {
        let services = self.file["services"].as_object().into_iter().flat_map(Map::values);
        let dependencies = services.filter_map(|service| service["depends_on"].as_object());
        let jobs = dependencies
            .flatten()
            .filter(|(_, how)| how["condition"] == "service_completed_successfully");
        jobs.map(|(name, _)| name.as_str()).collect()
    }

    /// What version 1 of compose can create of it without starting anything, if that is not all: it
    /// would wait for jobs that it does not start, and give a service that is to live in another's
    /// network the engine's own, which leads outside, unless that other runs.
    #[must_use]
    pub fn startless(&self) -> Option<Self> {
        let lives_in = |service: &Value| {
            let modes = SHARED.iter().filter_map(|key| service[key].as_str());
            modes.into_iter().any(|mode| mode.starts_with("service:"))
        };
        let services = self.file["services"].as_object()?.iter();
        let guests = services.filter(|(_, service)| lives_in(service));
        let guests = guests.map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if guests.is_empty() && self.jobs().is_empty() {
            return None;
        }
        let mut file = leave_out(&self.file, &guests).ok()?;
        // They are made all the same: a restore may want them before the guests come.
        file["volumes"] = self.file["volumes"].clone();
        for service in file["services"].as_object_mut()?.values_mut() {
            if let Some(dependencies) = service.get_mut("depends_on").and_then(Value::as_object_mut)
            {
                dependencies
                    .values_mut()
                    .for_each(|how| how["condition"] = json!("service_started"));
            }
        }
        Some(Self { file, ..self.clone() })
    }

    /// Each service with the image that it runs.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        let services = self.file["services"].as_object().into_iter().flatten();
        services.filter_map(|(name, service)| Some((name.as_str(), service["image"].as_str()?)))
    }

    /// The service in whose network another is: itself, unless its network mode names one.
    #[must_use]
    pub fn network_of<'a>(&'a self, service: &'a str) -> &'a str {
        let mut at = service;
        // A ring of services is none that compose starts.
        for _ in &self.services {
            let mode = self.file["services"][at]["network_mode"].as_str();
            match mode.and_then(|mode| mode.strip_prefix("service:")) {
                Some(other) => at = other,
                None => break,
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_host_is_replaced_and_nothing_else() {
        let long = json!({ "type": "bind", "source": "/srv/b", "target": "/b", "read_only": true });
        let file = json!({
            "services": {
                "app": { "volumes": ["/srv/a:/a:ro", long, "data:/data"] },
                "db": { "image": "postgres" },
            },
            "secrets": { "pw": { "file": "/srv/pw" }, "key": { "environment": "KEY" } },
        });
        let sealed = SealedStack {
            project: "p".to_owned(),
            file,
            services: Vec::new(),
            volumes: BTreeMap::new(),
            fills: Vec::new(),
            files: Vec::new(),
        };
        let mut seen = Vec::new();
        let moved = sealed.mounting(|path| {
            seen.push(path.display().to_string());
            Path::new("/there").join(path.file_name().unwrap_or_default())
        });
        assert_eq!(seen, ["/srv/a", "/srv/b", "/srv/pw"]);
        let volumes = &moved.file["services"]["app"]["volumes"];
        assert_eq!((&volumes[0], &volumes[2]), (&json!("/there/a:/a:ro"), &json!("data:/data")));
        assert_eq!(
            (&volumes[1]["source"], &volumes[1]["target"]),
            (&json!("/there/b"), &json!("/b"))
        );
        assert_eq!(moved.file["secrets"]["pw"]["file"], "/there/pw");
        assert_eq!(moved.file["secrets"]["key"], sealed.file["secrets"]["key"]);
        assert_eq!(moved.file["services"]["db"], sealed.file["services"]["db"]);
    }

    #[test]
    fn services_ask_the_server_of_their_first_network_and_guests_ask_nobody() {
        let file = json!({
            "services": {
                "app": { "networks": { "back": null, "front": null } },
                "alone": { "network_mode": "none" },
                "guest": { "network_mode": "service:app" },
                "listed": { "networks": ["front"] },
                "plain": {},
                "unknown": { "networks": { "other": null } },
            },
            "networks": { "back": { "name": "p_back" }, "default": { "name": "p_default" } },
        });
        let sealed = SealedStack {
            project: "p".to_owned(),
            file,
            services: Vec::new(),
            volumes: BTreeMap::new(),
            fills: Vec::new(),
            files: Vec::new(),
        };
        let networks = [("back", "p_back"), ("default", "p_default")];
        assert_eq!(sealed.networks(), BTreeMap::from(networks));
        let servers = [("back", 1), ("front", 2), ("default", 3)];
        let servers = servers.map(|(name, at)| (name.to_owned(), IpAddr::from([10, 0, at, 9])));
        let resolving = sealed.resolving_at(&servers.into()).file;
        let server = |service: &str| resolving["services"][service]["dns"][0].as_str();
        let asked = ["app", "listed", "plain", "alone", "guest", "unknown"].map(server);
        let expected = ["10.0.1.9", "10.0.2.9", "10.0.3.9"].map(Some);
        assert_eq!((&asked[..3], &asked[3..]), (&expected[..], &[None, None, None][..]));
        assert_eq!(resolving["services"]["app"]["dns_search"], json!(["."]));
    }
}
