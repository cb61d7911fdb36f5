//! What each volume and writable bind of a stack is worth, and by what that is known. Where
//! nothing says otherwise it must come back.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::facts::{Facts, Mount, MountKind, Service, is_within};
use super::table::Purpose;
use super::{DatabaseFound, place};
use crate::config::VolumeClass;

/// A volume, or a writable bind, of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeFound {
    /// Its name in the compose files; of a bind its source, below the stack's folder if it lies
    /// there; of a volume without a name `SERVICE:TARGET`.
    pub name: String,
    /// The service that owns it.
    pub service: String,
    /// Where it is mounted there.
    pub target: String,
    /// What becomes of it in a disaster.
    pub class: VolumeClass,
    /// By what that is known.
    pub from: String,
}

/// Folders of the host that say how it is set, and hold nothing of the stack's.
const SYSTEM: [&str; 13] = [
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/lib",
    "/usr",
    "/boot",
    "/var/lib/docker",
    "/var/log",
    "/tmp/.X11-unix",
    "/var/lib/containerd",
];

/// Last parts of targets that can be made again, and why.
const REBUILDABLE: [(&str, &[&str]); 4] = [
    (
        "what is installed there is installed again",
        &[
            "node_modules",
            ".venv",
            "venv",
            "vendor",
            "site-packages",
            "bundle",
            ".m2",
            ".gradle",
            ".npm",
            ".next",
            ".yarn",
            ".pnpm-store",
        ],
    ),
    ("a cache", &["cache", ".cache", "caches", "__pycache__"]),
    ("temporary files", &["tmp", "temp", "transcodes", "transcode"]),
    (
        "files that the application collects when it starts",
        &["static", "staticfiles", "static_root", "collectstatic", "assets-build"],
    ),
];

/// The name under which a mount is listed.
pub(super) fn name(facts: &Facts<'_>, service: &str, mount: &Mount) -> String {
    match mount.kind {
        MountKind::Bind => match mount.source.strip_prefix(facts.dir) {
            Some("") => ".".to_owned(),
            Some(below) if below.starts_with('/') => format!(".{below}"),
            _ => mount.source.clone(),
        },
        MountKind::Anonymous | MountKind::Tmpfs => format!("{service}:{}", mount.target),
        MountKind::Volume => mount.source.clone(),
    }
}

/// Every volume and writable bind, those that matter most first.
pub(super) fn find(
    facts: &Facts<'_>,
    databases: &[DatabaseFound],
    application: Option<&str>,
) -> Vec<VolumeFound> {
    let mut services = facts.services().collect::<Vec<_>>();
    let rank = |service: &Service<'_>| match service.name {
        name if databases.iter().any(|it| it.service == name) => 0,
        name if Some(name) == application => 1,
        _ if service.reference().is_some_and(|it| super::table::is_tool(it.name)) => 4,
        _ if service.purpose() == Purpose::Proxy => 3,
        _ => 2,
    };
    services.sort_by_key(rank);
    let proxied = proxied(facts);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for service in &services {
        let mut mounts = service.mounts();
        // What a proxy hands out as files is what people uploaded, more often than not.
        mounts.sort_by_key(|mount| !proxied.contains(&mount.source));
        for mount in mounts.iter().filter(|mount| keeps(mount)) {
            let name = name(facts, service.name, mount);
            if mount.is_read_only && !is_only_read(facts, mount) || !seen.insert(name.clone()) {
                continue;
            }
            let (class, from) = judge(service, mount, databases);
            let (service, target) = (service.name.to_owned(), mount.target.clone());
            found.push(VolumeFound { name, service, target, class, from });
        }
    }
    found
}

/// Named volumes that nobody of the stack writes: something else fills them.
fn is_only_read(facts: &Facts<'_>, mount: &Mount) -> bool {
    let written = |service: Service<'_>| {
        service.mounts().iter().any(|it| it.source == mount.source && !it.is_read_only)
    };
    mount.kind == MountKind::Volume && !facts.services().any(written)
}

fn proxied(facts: &Facts<'_>) -> BTreeSet<String> {
    let proxies = facts.services().filter(|service| service.purpose() == Purpose::Proxy);
    let mounts = proxies.flat_map(|proxy| proxy.mounts());
    mounts.filter(|mount| mount.kind == MountKind::Volume).map(|mount| mount.source).collect()
}

/// Whether a mount holds anything of the stack's.
fn keeps(mount: &Mount) -> bool {
    match mount.kind {
        MountKind::Tmpfs => false,
        MountKind::Bind => {
            let system = SYSTEM.iter().any(|system| is_within(&mount.source, system));
            !system && mount.source != "/" && !is_socket(&mount.source)
        }
        MountKind::Volume | MountKind::Anonymous => true,
    }
}

fn is_socket(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|kind| kind == "sock")
}

fn judge(
    service: &Service<'_>,
    mount: &Mount,
    databases: &[DatabaseFound],
) -> (VolumeClass, String) {
    let database = databases.iter().find(|it| it.service == service.name);
    if let Some(database) = database {
        let place = place::of(service, database.engine);
        if is_within(&place.folder, &mount.target) {
            let said = format!("the data of {} lies in it ({})", service.name, place.folder);
            return (VolumeClass::Critical, said);
        }
    }
    if let Some(said) = is_settings(mount) {
        return (VolumeClass::Rebuildable, said);
    }
    let last = mount.target.rsplit('/').next().unwrap_or_default();
    for (why, names) in REBUILDABLE {
        let cached = why == "a cache" && last.ends_with("cache");
        let named = cached || names.contains(&last) || names.contains(&mount.source.as_str());
        if named {
            return (VolumeClass::Rebuildable, format!("{why} ({})", mount.target));
        }
    }
    if service.purpose() == Purpose::Cache {
        return cache(service);
    }
    (
        VolumeClass::Critical,
        format!("{} writes there, and nothing says that it can be spared", service.name),
    )
}

/// Binds of single files, and what a server reads at its first start.
fn is_settings(mount: &Mount) -> Option<String> {
    const FILES: [&str; 17] = [
        "conf", "cnf", "yml", "yaml", "toml", "ini", "json", "sql", "sh", "crt", "pem", "key",
        "env", "xml", "template", "py", "js",
    ];
    let extension = mount.target.rsplit('/').next().and_then(|it| it.rsplit_once('.'));
    let is_file = extension.is_some_and(|(_, kind)| FILES.contains(&kind));
    let is_start = mount.target.contains("docker-entrypoint-initdb.d");
    (mount.kind == MountKind::Bind && (is_file || is_start))
        .then(|| "a file that the stack's author wrote".to_owned())
}

/// What a cache's volume is worth. Redis and its kin write their data to it unless they are told not
/// to: what they hold, queues for one, is there when they start again.
fn cache(service: &Service<'_>) -> (VolumeClass, String) {
    let name = service.name;
    match forgets(service) {
        Some(said) => {
            (VolumeClass::Cache, format!("{name} is a cache that keeps nothing ({said})"))
        }
        None => (VolumeClass::Critical, format!("{name} keeps what it holds, by its own default")),
    }
}

/// The option with which a cache is told to keep nothing.
pub(super) fn forgets(service: &Service<'_>) -> Option<String> {
    let program = service.said_program().unwrap_or_default();
    let words =
        program.split_whitespace().map(|it| it.trim_matches(['"', '\''])).collect::<Vec<_>>();
    let after = |option: &str| {
        let at = words.iter().position(|word| word.trim_start_matches('-') == option)?;
        Some(words.get(at + 1).copied().unwrap_or_default())
    };
    let saves = after("save").is_none_or(|value| value.starts_with(|c: char| c.is_ascii_digit()));
    let appends = after("appendonly") == Some("yes");
    (!saves && !appends).then(|| "save \"\"".to_owned())
}
