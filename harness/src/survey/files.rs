//! The files of a stack's folder that may cause what is seen, and where variables get their values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::audit::given::{self, Sources};
use crate::config::{Config, FILE_NAME, Variable};
use crate::error::{Attempt, Result};
use crate::model::finding::Place;
use crate::model::mode::Mode;
use crate::stack::OwnedStack;

/// No larger than this.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// The variables that only the mode over TLS has, or has otherwise, with the values of this mode.
/// One that is the same in both chooses nothing.
pub(super) fn switches(config: &Config, mode: Mode) -> BTreeMap<String, String> {
    let Some(tls) = &config.tls else { return BTreeMap::new() };
    let switches = tls.environment.iter().filter_map(|(name, over_tls)| {
        let value = match mode {
            Mode::Tls => over_tls,
            Mode::Http => config.environment.get(name)?,
        };
        match value {
            Variable::Given(value)
                if is_given(config.environment.get(name), value)
                    && is_given(Some(over_tls), value) =>
            {
                None
            }
            Variable::Given(value) => Some((name.clone(), value.clone())),
            Variable::Random { .. } => None,
        }
    });
    switches.collect()
}

fn is_given(variable: Option<&Variable>, value: &str) -> bool {
    matches!(variable, Some(Variable::Given(known)) if known == value)
}

/// Whether a file has a say in a mode: compose files of the other one have none.
pub(super) fn is_in_force(path: &str, config: &Config, mode: Mode) -> bool {
    let tls = config.tls.iter().filter(|_| mode == Mode::Tls).flat_map(|tls| &tls.files);
    let mut compose = config.stack.files.iter().chain(tls);
    let is_yaml = Path::new(path).extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
    !is_yaml || compose.any(|file| file == Path::new(path))
}

/// Compose files, the configuration of the proxy and the settings, as they are in the stack's
/// folder.
pub fn files(dir: &Path) -> Result<BTreeMap<String, String>> {
    let settings = folders_of_settings(dir);
    let wanted = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        match kind {
            "conf" => true,
            // And what settings read their values from.
            "py" => path.parent().is_some_and(|folder| settings.contains(folder)),
            "yaml" | "yml" => name.contains("compose"),
            _ => false,
        }
    };
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry.attempt(|| format!("cannot look into {}", dir.display()))?;
        let size = entry.metadata().map_or(u64::MAX, |metadata| metadata.len());
        if !entry.file_type().is_file() || !wanted(entry.path()) || size > FILE_MAX_BYTES {
            continue;
        }
        let text = fs::read_to_string(entry.path());
        let text = text.attempt(|| format!("cannot read {}", entry.path().display()))?;
        let path = entry.path().strip_prefix(dir).unwrap_or(entry.path());
        found.insert(path.display().to_string(), text);
    }
    Ok(found)
}

/// The folders that have a settings module.
fn folders_of_settings(dir: &Path) -> BTreeSet<PathBuf> {
    let found = walkdir::WalkDir::new(dir).into_iter().flatten().filter(|entry| {
        let name = entry.file_name().to_string_lossy();
        name.starts_with("settings") && name.ends_with(".py")
    });
    found.filter_map(|entry| entry.path().parent().map(Path::to_path_buf)).collect()
}

/// Where the files of a stack's folder give the variables of a service the values that it has.
/// Values are compared here and go no further.
pub(super) async fn given(
    stack: &OwnedStack,
    service: &str,
    dir: &Path,
    config: &Config,
    mode: Mode,
) -> Result<BTreeMap<String, Place>> {
    let environment = stack.engine().environment(&stack.container(service).await?.id).await?;
    let tls = config.tls.iter().filter(|_| mode == Mode::Tls).flat_map(|tls| &tls.files);
    let read = |name: &Path| {
        let text = fs::read_to_string(dir.join(name)).ok()?;
        Some((name.display().to_string(), text))
    };
    let compose = config.stack.files.iter().chain(tls).filter_map(|file| read(file));
    let compose = compose.collect::<Vec<_>>();
    let (drill, dot_env) = (read(Path::new(FILE_NAME)), read(Path::new(".env")));
    let sources = Sources {
        compose: compose.iter().map(|(file, text)| (file.clone(), text.as_str())).collect(),
        drill: drill.as_ref().map(|(file, text)| (file.clone(), text.as_str())),
        over_tls: mode == Mode::Tls,
        dot_env: dot_env.as_ref().map(|(file, text)| (file.clone(), text.as_str())),
    };
    Ok(given::places(&sources, service, &environment, &switches(config, mode)))
}
