//! The volumes of the stack at hand: class, size, growth, and what their loss costs. Sizes are
//! the engine's, of the compose project that the stack's folder stands for.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Finding, Level};
use crate::config::{Config, growth};
use crate::error::Result;
use crate::stack::compose::project_name;
use crate::stack::engine::{Engine, ResourceKind};
use crate::volumes::{self, Volume};

/// The engine adds up the files of every volume.
const SIZE_TIMEOUT: Duration = Duration::from_secs(60);

const LABEL_PROJECT: &str = "com.docker.compose.project";
const LABEL_VOLUME: &str = "com.docker.compose.volume";

/// A finding for each volume of a resolved configuration.
pub(super) async fn look(
    engine: &Engine,
    resolved: &Value,
    config: &Config,
    dir: &Path,
) -> Vec<Finding> {
    let names = resolved["volumes"].as_object().into_iter().flatten();
    let names = names.map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let project = project_name(resolved, dir);
    // What cannot be measured is said with each volume.
    let sizes = sizes(engine, &project).await.ok();
    let volumes = volumes::classified(&names, config);
    volumes.iter().map(|volume| finding(volume, &project, sizes.as_ref())).collect()
}

/// Sizes of a project's volumes, as the engine words them, by their names in the compose files.
async fn sizes(engine: &Engine, project: &str) -> Result<BTreeMap<String, String>> {
    // Adding up takes long on a busy engine: only if there is something of this project.
    if engine.list(ResourceKind::Volume, &format!("{LABEL_PROJECT}={project}")).await?.is_empty() {
        return Ok(BTreeMap::new());
    }
    let command = engine.docker(["system", "df", "--verbose", "--format", "{{json .Volumes}}"]);
    let output = command.timeout(SIZE_TIMEOUT).run().await?.require(|| "cannot measure volumes")?;
    let listed = serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap_or_default();
    let size = |volume: &Value| {
        let labels = labels(volume["Labels"].as_str()?);
        let ours = labels.get(LABEL_PROJECT) == Some(&project);
        let name = labels.get(LABEL_VOLUME).filter(|_| ours)?;
        Some(((*name).to_owned(), volume["Size"].as_str()?.to_owned()))
    };
    Ok(listed.iter().filter_map(size).collect())
}

fn labels(text: &str) -> BTreeMap<&str, &str> {
    text.split(',').filter_map(|pair| pair.split_once('=')).collect()
}

fn finding(
    volume: &Volume<'_>,
    project: &str,
    sizes: Option<&BTreeMap<String, String>>,
) -> Finding {
    let name = format!("volume {}", volume.name);
    let size = match sizes.map(|sizes| sizes.get(volume.name)) {
        Some(Some(size)) => format!("{size} in project {project}"),
        Some(None) => format!("not in project {project} yet"),
        None => "its size cannot be told".to_owned(),
    };
    let Some(said) = volume.said else {
        return Finding::new(&name, Level::Warn, format!("unclassified, so critical; {size}"))
            .remedy("say what it is worth: a [[volume]] in drill.toml");
    };
    let growth = growth(&said.measured)
        .map_or_else(String::new, |bytes| format!("; {} a copy", bytes_in_words(bytes)));
    let class = volume.class.name();
    Finding::ok(&name, format!("{class}; {size}{growth}; its loss costs: {}", said.loss))
}

fn bytes_in_words(bytes: f64) -> String {
    match bytes {
        bytes if bytes.abs() >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        bytes if bytes.abs() >= 1e3 => format!("{:.1} kB", bytes / 1e3),
        bytes => format!("{bytes:.0} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Measured, VolumeClass, VolumeConfig};

    #[test]
    fn a_volume_is_described_with_class_size_growth_and_loss() {
        let measured = [(10, 1_000_000), (20, 2_000_000), (30, 3_000_000)];
        let measured = measured.map(|(copies, bytes)| Measured { copies, bytes }).to_vec();
        let (name, loss) = ("data".to_owned(), "all marks".to_owned());
        let said = VolumeConfig { name, class: VolumeClass::Critical, loss, measured };
        let volume =
            |said| Volume { name: "data", class: VolumeClass::Critical, said, store: None };
        let sizes = BTreeMap::from([("data".to_owned(), "3MB".to_owned())]);
        let known = finding(&volume(Some(&said)), "korrigo", Some(&sizes));
        let expected =
            "critical; 3MB in project korrigo; 100.0 kB a copy; its loss costs: all marks";
        assert_eq!((known.level, known.found.as_str()), (Level::Ok, expected));
        let unknown = finding(&volume(None), "korrigo", Some(&BTreeMap::new()));
        assert_eq!(unknown.level, Level::Warn);
        assert!(unknown.found.contains("so critical; not in project korrigo yet"), "{unknown:?}");
    }
}
