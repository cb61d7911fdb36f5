//! What of a stack lies in no volume, by its configuration: files and folders of the host, memory,
//! services of which nothing runs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::OwnedStack;
use crate::error::Result;
use crate::model::not_proved::{Gap, NotProved};

impl OwnedStack {
    /// What no backup of volumes and databases has.
    #[must_use]
    pub fn outside(&self) -> Vec<NotProved> {
        let sealed = self.sealed();
        let written = sealed.files.iter().filter(|file| file.is_written).map(|file| {
            let why = "a service writes to this file of the host: it is in no volume";
            NotProved::new(Gap::Volume, file.from.display().to_string(), why)
        });
        let running = sealed.running().collect::<Vec<_>>();
        let idle = sealed.services.iter().filter(|name| !running.contains(&name.as_str()));
        let idle = idle.map(|name| NotProved::new(Gap::Service, name, "none of it is to run"));
        let services = sealed.file["services"].as_object().into_iter().flatten();
        let mounted = services.flat_map(|(name, service)| mounted(name, service));
        written.chain(idle).chain(mounted).collect()
    }
}

impl OwnedStack {
    /// Volumes without a name that its containers have all the same, as `SERVICE:PATH`: each goes
    /// with its container, and no backup has it.
    pub async fn unnamed(&self) -> Result<BTreeSet<String>> {
        let known = self.volumes().map(|volume| volume.actual).collect::<BTreeSet<_>>();
        let containers = self.containers().await?;
        let mounts = containers.iter().flat_map(|container| {
            let unnamed = container
                .mounts
                .iter()
                .filter(|it| it.volume.as_ref().is_some_and(|volume| !known.contains(volume)));
            unnamed.map(|it| format!("{}:{}", container.service, it.path))
        });
        Ok(mounts.collect())
    }
}

/// What a service mounts that is in no volume.
fn mounted(name: &str, service: &Value) -> Vec<NotProved> {
    let mounts = service["volumes"].as_array().into_iter().flatten();
    let folders = mounts.filter_map(|mount| {
        let source = match mount.as_str() {
            Some(short) => short.split(':').next().filter(|source| source.starts_with('/'))?,
            None => mount["source"].as_str().filter(|_| mount["type"] == "bind")?,
        };
        std::path::Path::new(source).is_dir().then(|| {
            let why =
                "read from the host as it is, by services that cannot write there: in no backup";
            NotProved::new(Gap::Volume, source, why)
        })
    });
    let memory = service["tmpfs"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let memory =
        memory.filter(|path| !["/tmp", "/run", "/var/run"].iter().any(|it| path.starts_with(it)));
    let memory = memory.map(|path| {
        let why = format!("in memory at {path}: it goes whenever {name} ends");
        NotProved::new(Gap::Container, name, why)
    });
    folders.chain(memory).collect()
}
