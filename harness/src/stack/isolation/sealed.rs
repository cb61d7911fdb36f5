//! The sealed copy of a stack: its names, its compose file, and what has to be copied for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

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
