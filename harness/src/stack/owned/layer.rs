//! What the containers of a stack have written outside of every volume: it goes with them, and no
//! backup of volumes has it.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::try_join_all;
use walkdir::WalkDir;

use super::OwnedStack;
use crate::error::{Error, Result};
use crate::stack::database::blocking;
use crate::stack::engine::{Container, Engine, Mounted};

/// Where nobody keeps anything: of the system, of the engine, of programs that run, of caches.
const PASSING: [&str; 16] = [
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/proc",
    "/root/.cache",
    "/run",
    "/sbin/docker-init",
    "/sys",
    "/tmp",
    "/usr/sbin/docker-init",
    "/var/cache",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// Parts of a path below which only caches are.
const CACHES: [&str; 4] = ["__pycache__", ".cache", "node_modules", ".npm"];

/// Ends of the names of databases.
const DATABASES: [&str; 9] =
    [".db", ".sqlite", ".sqlite3", ".db3", ".mdb", ".rdb", ".aof", ".ibd", ".wt"];

/// Files outside of every volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// Those whose names say that they are databases.
    pub databases: Vec<String>,
    /// All others.
    pub others: Vec<String>,
}

impl OwnedStack {
    /// What each service has written outside of every volume, by service; those that wrote nothing
    /// that stays are left out.
    pub async fn layers(&self) -> Result<BTreeMap<String, Layer>> {
        layers(&self.engine, &self.containers().await?).await
    }
}

/// The same of any containers, which are only looked at.
pub(crate) async fn layers(
    engine: &Engine,
    containers: &[Container],
) -> Result<BTreeMap<String, Layer>> {
    let asked = containers.iter().map(|container| async move {
        let paths = written(engine, container).await?;
        let paths = paths.iter().map(String::as_str);
        Ok::<_, Error>((container.service.clone(), judge(paths.collect(), &container.mounts)))
    });
    let layers = try_join_all(asked).await?;
    let mut found = BTreeMap::<String, Layer>::new();
    for (service, layer) in layers.into_iter().filter(|(_, it)| *it != Layer::default()) {
        let all = found.entry(service).or_default();
        all.databases.extend(layer.databases);
        all.others.extend(layer.others);
    }
    Ok(found)
}

/// What a container wrote. Some storage drivers compare it with its whole image to say that, so
/// the engine is asked only where this host cannot look for itself.
async fn written(engine: &Engine, container: &Container) -> Result<Vec<String>> {
    let upper = container.upper.clone();
    let found = blocking(move || Ok(upper.and_then(|upper| below(&upper)))).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let output = engine.docker(["container", "diff", &container.id]).run().await?;
    let output = output.require(|| "cannot ask what a container wrote")?;
    Ok(read(&output.text()))
}

/// Files below the folder in which an engine keeps what a container wrote, by their paths in the
/// container. Nothing where this host cannot read it.
fn below(upper: &Path) -> Option<Vec<String>> {
    upper.read_dir().ok()?;
    let entries = WalkDir::new(upper).into_iter().collect::<Result<Vec<_>, _>>().ok()?;
    // What was deleted is a device there.
    let files = entries.iter().filter(|it| it.file_type().is_file() || it.file_type().is_symlink());
    let files = files.filter(|it| !it.file_name().to_string_lossy().starts_with(".wh."));
    let paths = files.filter_map(|it| it.path().strip_prefix(upper).ok());
    Some(paths.map(|path| format!("/{}", path.display())).collect())
}

/// Reads what `docker diff` prints: `A` for what was added, `C` for what was changed.
fn read(diff: &str) -> Vec<String> {
    let paths = diff.lines().filter_map(|line| {
        let (what, path) = line.split_once(' ')?;
        matches!(what, "A" | "C").then(|| path.to_owned())
    });
    paths.collect()
}

/// Tells what stays from what passes. Where something is mounted, the container has a folder of its
/// own to mount it at.
fn judge(mut paths: Vec<&str>, mounts: &[Mounted]) -> Layer {
    paths.sort_unstable();
    let mut layer = Layer::default();
    for (at, path) in paths.iter().enumerate() {
        // A folder is followed by what is in it; in the order of the paths, or after others that
        // begin alike.
        let below = format!("{path}/");
        let is_folder = paths[at + 1..].iter().any(|next| next.starts_with(&below));
        let is_below = |folder: &str| {
            path.strip_prefix(folder).is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        let is_passing =
            PASSING.into_iter().chain(mounts.iter().map(|it| it.path.as_str())).any(is_below);
        let is_cached = path.split('/').any(|part| CACHES.contains(&part));
        if is_folder || is_passing || is_cached {
            continue;
        }
        let is_database = DATABASES.iter().any(|end| path.ends_with(end));
        let list = if is_database { &mut layer.databases } else { &mut layer.others };
        list.push((*path).to_owned());
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_told_from_what_passes() {
        let diff = "C /app\nA /app/db.sqlite3\nA /app/uploads\nA /app/uploads/a.png\nA /app/media\n\
                    C /tmp\nA /tmp/x\nA /app/__pycache__/m.pyc\nC /runner\nD /gone\n";
        let judged = |diff: &str, mounts: &[Mounted]| {
            let paths = read(diff);
            judge(paths.iter().map(String::as_str).collect(), mounts)
        };
        let media = Mounted {
            volume: None,
            path: "/app/media".to_owned(),
            source: None,
            is_writable: true,
        };
        let layer = judged(diff, &[media]);
        assert_eq!(layer.databases, ["/app/db.sqlite3"]);
        assert_eq!(layer.others, ["/app/uploads/a.png", "/runner"]);
        assert_eq!(judged("C /run\nA /run/nginx.pid\n", &[]), Layer::default());
    }

    #[test]
    fn files_are_found_below_the_folder_of_the_engine() {
        let upper = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(upper.path().join("app/empty")).expect("made");
        std::fs::write(upper.path().join("app/db.sqlite3"), "x").expect("written");
        std::fs::write(upper.path().join("app/.wh.gone"), "").expect("written");
        assert_eq!(below(upper.path()), Some(vec!["/app/db.sqlite3".to_owned()]));
        assert_eq!(below(&upper.path().join("nowhere")), None);
    }
}
