//! The volumes of a running project: which folder of the engine's host each is, and the command
//! that reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::Running;
use crate::process::Command;
use crate::stack::OwnedStack;

/// A volume is read at disk speed; this bounds a terabyte on a slow one.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Exit code of `tar` when files changed or went while they were read.
pub(super) const CHANGED: Option<i32> = Some(1);

/// A volume of a running project, or a folder of the host that stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceVolume {
    /// Its name in the stack.
    pub name: String,
    folder: PathBuf,
    apart: Vec<OsString>,
}

impl SourceVolume {
    /// A folder of the host, without the paths below it that have volumes of their own.
    pub(crate) fn of_folder(name: &str, folder: &Path, apart: Vec<OsString>) -> Self {
        Self { name: name.to_owned(), folder: folder.to_owned(), apart }
    }

    /// The same without paths below it.
    pub(crate) fn without(self, apart: Vec<OsString>) -> Self {
        Self { apart, ..self }
    }

    /// Writes what it holds to standard output, by the command that archives `/store`.
    pub(crate) fn archive(&self, copy: &OwnedStack, tar: [&str; 10]) -> Command {
        let [options @ .., all] = tar;
        let apart = self.apart.iter().map(|path| {
            let mut word = OsString::from("--exclude=./");
            word.push(path);
            word
        });
        let literally = ["--anchored", "--no-wildcards"];
        let words = options.into_iter().chain(literally).map(OsString::from);
        let words = words.chain(apart).chain([all.into()]);
        copy.reading(&self.folder, words).timeout(LIMIT)
    }

    /// Prints how many bytes its files have.
    pub(crate) fn measure(&self, copy: &OwnedStack) -> Command {
        let words = ["du", "--summarize", "--bytes", "/store"].map(OsString::from);
        copy.reading(&self.folder, words).timeout(LIMIT)
    }
}

impl Running {
    /// The volumes of a sealed stack as the project has them, by where its services have them
    /// mounted; and the names of those that none of them has.
    #[must_use]
    pub fn volumes<'a>(
        &self,
        sealed: &Value,
        names: impl Iterator<Item = &'a str>,
    ) -> (Vec<SourceVolume>, Vec<&'a str>) {
        let users = users(sealed);
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for name in names {
            let mut users = users.get(name).into_iter().flatten();
            let folder = users.find_map(|(service, path)| self.mounted(service, path));
            match folder {
                Some(folder) => found.push(SourceVolume::of_folder(name, &folder, Vec::new())),
                None => unknown.push(name),
            }
        }
        (found, unknown)
    }
}

impl Running {
    /// What its services may write to and a sealed stack knows nothing of, as `service:path`: the
    /// project was started from other files, or from these as they were.
    #[must_use]
    pub fn mounted_beyond(&self, sealed: &Value) -> BTreeSet<String> {
        let users = users(sealed);
        let known = users.values().flatten().collect::<BTreeSet<_>>();
        let known = |service: &str, path: &str| known.contains(&(service, path));
        let is_of_copy = |service: &str| !sealed["services"][service].is_null();
        let containers = self.containers.iter().filter(|it| is_of_copy(&it.service));
        let mounts = containers.flat_map(|it| it.mounts.iter().map(move |mount| (it, mount)));
        let beyond = mounts.filter(|(it, mount)| {
            let path = mount.path.trim_end_matches('/');
            mount.is_writable && !known(&it.service, path) && !known(&it.service, &mount.path)
        });
        beyond.map(|(it, mount)| format!("{}:{}", it.service, mount.path)).collect()
    }

    /// Services that run in the project and are not among these.
    #[must_use]
    pub fn runs_beyond(&self, services: &[String]) -> BTreeSet<&str> {
        let running = self.containers.iter().filter(|it| it.status == "running");
        running
            .map(|it| it.service.as_str())
            .filter(|it| !services.iter().any(|s| s == it))
            .collect()
    }
}

/// Which services have a volume mounted, and at which path.
fn users(sealed: &Value) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut users = BTreeMap::<_, Vec<_>>::new();
    for (service, definition) in sealed["services"].as_object().into_iter().flatten() {
        for mount in definition["volumes"].as_array().into_iter().flatten() {
            let found = match mount.as_str() {
                Some(short) => short
                    .split_once(':')
                    .map(|(source, rest)| (source, rest.split(':').next().unwrap_or_default())),
                None => mount["source"].as_str().zip(mount["target"].as_str()),
            };
            if let Some((source, path)) = found {
                users.entry(source).or_default().push((service.as_str(), path));
            }
        }
    }
    users
}

/// What `tar` says of files that changed or went while it read them, a line each.
#[must_use]
pub(crate) fn unrest(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("tar: "));
    lines.filter(|line| !line.ends_with("socket ignored")).map(str::to_owned).collect()
}

/// Whether `tar` read all that was there: what changed meanwhile is told apart from what cannot be
/// read.
#[must_use]
pub(crate) fn is_read(exit_code: Option<i32>) -> bool {
    exit_code == Some(0) || exit_code == CHANGED
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_volume_is_found_by_where_services_have_it_in_either_notation() {
        let long = json!({ "type": "volume", "source": "media", "target": "/srv/media" });
        let sealed = json!({ "services": {
            "web": { "volumes": ["media:/var/www/media:ro"] },
            "app": { "volumes": [long, { "type": "tmpfs", "target": "/tmp" }] },
        } });
        let users = users(&sealed);
        assert_eq!(users["media"], [("web", "/var/www/media"), ("app", "/srv/media")]);
        assert_eq!(users.len(), 1);
    }

    #[test]
    fn files_that_change_are_named_and_sockets_are_not() {
        let said = "tar: ./app.sock: socket ignored\ntar: ./log: file changed as we read it\n\
                    tar: ./db: File shrank by 10 bytes; padding with zeros\n";
        let found = unrest(said);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("./log") && found[1].contains("shrank"), "{found:?}");
        assert!(is_read(Some(1)) && !is_read(Some(2)) && !is_read(None));
    }
}
