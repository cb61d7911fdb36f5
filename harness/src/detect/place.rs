//! Where a server keeps its data, and what of the stack lies under that place. Volumes of the
//! image count: for each of them a container gets a volume without a name, whatever is mounted above.

use std::sync::LazyLock;

use regex::Regex;

use super::database::version;
use super::facts::{Mount, MountKind, Service, is_within};
use super::table::EngineKind;

/// The place of a server's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its folder in the container.
    pub(super) folder: String,
    /// What said so, where the stack did: `PGDATA`, `--datadir`.
    pub(super) moved_by: Option<String>,
    pub(super) lies: Lies,
}

/// What a server's data lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lies {
    /// A mount of the stack's.
    Mount(Mount),
    /// A volume without a name, which the image declares at this path.
    OfImage(String),
    /// The container's own layer.
    Container,
}

/// Options that move a server's data, in its command.
static MOVED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(--datadir|--dbpath|\s-D)[=\s]+(/\S+)").expect("a pattern of ours")
});

/// Where a server of this kind keeps its data.
pub(super) fn of(service: &Service<'_>, kind: EngineKind) -> Place {
    let (folder, moved_by) = match moved(service, kind) {
        Some((folder, by)) => (folder, Some(by)),
        None => (usual(service, kind), None),
    };
    let lies = lies(service, kind, &folder);
    Place { folder, moved_by, lies }
}

fn moved(service: &Service<'_>, kind: EngineKind) -> Option<(String, String)> {
    let program = service.said_program().unwrap_or_default();
    if let Some(found) = MOVED.captures(&program) {
        return Some((trimmed(&found[2]), found[1].trim().to_owned()));
    }
    let own = service.own_environment();
    let said = (kind == EngineKind::PostgreSql).then(|| own.get("PGDATA")).flatten();
    said.filter(|path| path.starts_with('/')).map(|path| (trimmed(path), "PGDATA".to_owned()))
}

/// The folder of the image: its own `PGDATA`, or that of its maker's convention.
fn usual(service: &Service<'_>, kind: EngineKind) -> String {
    let of_image = service.image.and_then(|image| image.env.get("PGDATA"));
    if let (EngineKind::PostgreSql, Some(path)) = (kind, of_image) {
        return trimmed(path);
    }
    let image = service.spec["image"].as_str().unwrap_or_default();
    let folder = match kind {
        _ if image.contains("bitnami") => match kind {
            EngineKind::PostgreSql => "/bitnami/postgresql/data",
            EngineKind::MariaDb => "/bitnami/mariadb/data",
            EngineKind::MySql => "/bitnami/mysql/data",
            EngineKind::MongoDb => "/bitnami/mongodb/data",
        },
        EngineKind::PostgreSql if image.contains("timescaledb-ha") => "/home/postgres/pgdata/data",
        EngineKind::PostgreSql if image.contains("spilo") => "/home/postgres/pgdata/pgroot/data",
        EngineKind::PostgreSql if image.contains("crunchy") => "/pgdata",
        EngineKind::PostgreSql if image.contains("centos") || image.contains("rhel") => {
            "/var/lib/pgsql/data"
        }
        EngineKind::PostgreSql if has_new_layout(service) => {
            let major = version(service, kind).unwrap_or_default();
            return format!("/var/lib/postgresql/{major}/docker");
        }
        EngineKind::PostgreSql => "/var/lib/postgresql/data",
        EngineKind::MariaDb if image.contains("linuxserver") => "/config",
        EngineKind::MariaDb | EngineKind::MySql => "/var/lib/mysql",
        EngineKind::MongoDb => "/data/db",
    };
    folder.to_owned()
}

/// Whether the image is one whose data lies in a folder of its version, below a volume at
/// `/var/lib/postgresql` (<https://github.com/docker-library/postgres/pull/1259>).
pub(super) fn has_new_layout(service: &Service<'_>) -> bool {
    let image = service.spec["image"].as_str().unwrap_or_default();
    let other = ["bitnami", "timescaledb-ha", "spilo", "crunchy", "centos", "rhel"];
    let major = version(service, EngineKind::PostgreSql).and_then(|it| it.parse::<u32>().ok());
    major.is_some_and(|major| major >= 18) && !other.iter().any(|it| image.contains(it))
}

/// Volumes that the image declares, or that images of that kind are known to.
fn of_image(service: &Service<'_>, kind: EngineKind, folder: &str) -> Vec<String> {
    if let Some(image) = service.image {
        return image.volumes.iter().map(|path| trimmed(path)).collect();
    }
    let image = service.spec["image"].as_str().unwrap_or_default();
    let named: &[&str] = match kind {
        // Of these no volume is known: the layer of the container, then.
        _ if image.contains("bitnami") || service.is_built() => &[],
        EngineKind::PostgreSql if has_new_layout(service) => &["/var/lib/postgresql"],
        // Without a tag nobody knows which layout it is; the old one would be a guess.
        EngineKind::PostgreSql
            if version(service, kind).is_none() && folder == "/var/lib/postgresql/data" =>
        {
            &[]
        }
        EngineKind::PostgreSql => &["/var/lib/postgresql/data"],
        EngineKind::MariaDb | EngineKind::MySql => &["/var/lib/mysql"],
        EngineKind::MongoDb => &["/data/db"],
    };
    named.iter().map(|&path| path.to_owned()).collect()
}

/// The innermost of what lies over a folder.
fn lies(service: &Service<'_>, kind: EngineKind, folder: &str) -> Lies {
    let over = |target: &str| is_within(folder, target);
    let mounts = service.mounts().into_iter().filter(|mount| over(&mount.target));
    let mount = mounts.max_by_key(|mount| mount.target.len());
    let declared = of_image(service, kind, folder).into_iter().filter(|path| over(path));
    let declared = declared.max_by_key(String::len);
    match (mount, declared) {
        (Some(mount), Some(path)) if path.len() > mount.target.len() => {
            // The version in the path is the server's own; a mount of the stack's at the same
            // place would have taken the image's away.
            Lies::OfImage(path)
        }
        (Some(mount), _) => Lies::Mount(mount),
        (None, Some(path)) => Lies::OfImage(path),
        (None, None) => Lies::Container,
    }
}

fn trimmed(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

impl Lies {
    /// The mount, if it keeps anything beyond the container.
    pub(super) fn kept(&self) -> Option<&Mount> {
        match self {
            Self::Mount(mount) if mount.kind != MountKind::Tmpfs => Some(mount),
            _ => None,
        }
    }
}
