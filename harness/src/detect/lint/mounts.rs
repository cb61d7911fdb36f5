//! Data outside every declared mount, and one mount under two servers.

use std::collections::BTreeMap;

use super::Warning;
use crate::config::VolumeClass;
use crate::detect::DatabaseFound;
use crate::detect::facts::{Facts, Mount, MountKind, Service, is_within};
use crate::detect::place::{self, Lies, Place, has_new_layout};
use crate::detect::table::{self, EngineKind, Purpose};
use crate::detect::volumes::{self, VolumeFound};

/// Where each server's data lies, held against what the stack declares.
pub(super) fn of_databases(facts: &Facts<'_>, databases: &[DatabaseFound]) -> Vec<Warning> {
    let found = databases.iter().filter_map(|database| {
        let service = facts.service(&database.service)?;
        of_database(&service, database.engine)
    });
    found.collect()
}

fn of_database(service: &Service<'_>, kind: EngineKind) -> Option<Warning> {
    let place = place::of(service, kind);
    let Place { folder, moved_by, lies } = &place;
    let name = service.name;
    let mounts = service.mounts();
    let over = "/var/lib/postgresql";
    if kind == EngineKind::PostgreSql && has_new_layout(service) && moved_by.is_none() {
        let old = mounts.iter().find(|mount| mount.target == format!("{over}/data"));
        if let Some(old) = old.filter(|_| lies.kept().is_none()) {
            return Some(Warning::new(
                "pg18-layout",
                name,
                format!(
                    "services.{name}.volumes: {} is mounted, but images of PostgreSQL 18 and later keep their data in {folder}, below a volume of their own at {over}: the mount stays empty, and the data goes with the container",
                    old.target
                ),
                format!("mount {over} instead, after moving the data: `{}:{over}`", shown(old)),
            ));
        }
    }
    match lies {
        Lies::Mount(mount) if mount.kind == MountKind::Tmpfs => Some(Warning::new(
            "uncovered-volume",
            name,
            format!(
                "services.{name}.tmpfs: {} is memory, and the data of {name} lies in it ({folder}): it is gone whenever the container stops, and no backup of volumes holds it",
                mount.target
            ),
            format!("mount a named volume at {} instead", mount.target),
        )),
        Lies::Mount(mount) if mount.kind == MountKind::Anonymous => {
            Some(anonymous(service, folder, "is declared without a name"))
        }
        Lies::Mount(_) => None,
        Lies::OfImage(_) | Lies::Container => Some(outside(service, kind, &place, &mounts)),
    }
}

/// Why no mount of the stack's has the data: it lies beside, above, or below.
fn outside(service: &Service<'_>, kind: EngineKind, place: &Place, mounts: &[Mount]) -> Warning {
    let Place { folder, moved_by, lies } = place;
    let name = service.name;
    let kept = |mount: &&Mount| {
        !mount.is_read_only && matches!(mount.kind, MountKind::Volume | MountKind::Bind)
    };
    if let (Some(by), Lies::Container) = (moved_by, lies) {
        return Warning::new(
            "pgdata-moved",
            name,
            format!(
                "services.{name}: {by} moves the data to {folder}, which no volume holds: it goes with the container, and no backup of volumes has it"
            ),
            format!("mount a named volume at {folder}, or take {by} away"),
        );
    }
    if let Some(high) = mounts.iter().filter(kept).find(|it| is_within(folder, &it.target)) {
        let Lies::OfImage(declared) = lies else {
            return anonymous(service, folder, "has no volume");
        };
        return Warning::new(
            "mount-too-high",
            name,
            format!(
                "services.{name}.volumes: {} is mounted, but the image declares a volume of its own at {declared}, below it: the data goes into one without a name, and a new container begins empty",
                high.target
            ),
            format!("mount {declared} itself: `{}:{declared}`", shown(high)),
        );
    }
    let low = mounts
        .iter()
        .filter(kept)
        .find(|it| it.target != *folder && is_within(&it.target, folder) && !is_file(&it.target));
    if let Some(low) = low {
        return Warning::new(
            "mount-too-low",
            name,
            format!(
                "services.{name}.volumes: {} is mounted, but the data of {name} begins at {folder}, above it: the rest lies in no volume of the stack",
                low.target
            ),
            format!("mount {folder} itself: `{}:{folder}`", shown(low)),
        );
    }
    let elsewhere = mounts.iter().filter(kept).find(|it| {
        kind.homes().iter().any(|home| is_within(&it.target, home)) && !is_file(&it.target)
    });
    match elsewhere {
        Some(mount) => Warning::new(
            "pgdata-moved",
            name,
            format!(
                "services.{name}.volumes: {} is mounted, but {name} keeps its data in {folder}: the mount stays empty",
                mount.target
            ),
            format!("mount {folder}: `{}:{folder}`", shown(mount)),
        ),
        None => anonymous(service, folder, "has no volume of the stack"),
    }
}

fn anonymous(service: &Service<'_>, folder: &str, what: &str) -> Warning {
    let name = service.name;
    Warning::new(
        "anonymous-volume",
        name,
        format!(
            "services.{name}.volumes: {folder} {what}: the data of {name} lies in a volume without a name or in the container, which a new container does not get, and which no backup finds"
        ),
        format!("mount a named volume there: `{name}_data:{folder}`"),
    )
}

fn is_file(target: &str) -> bool {
    target.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

fn shown(mount: &Mount) -> &str {
    if mount.source.is_empty() { "NAME" } else { &mount.source }
}

/// Volumes without a name of services that are no server.
pub(super) fn of_others(
    facts: &Facts<'_>,
    databases: &[DatabaseFound],
    volumes: &[VolumeFound],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for service in facts.services() {
        let aside = matches!(service.purpose(), Purpose::Cache | Purpose::Proxy)
            || databases.iter().any(|it| it.service == service.name)
            || service.reference().is_some_and(|it| table::is_tool(it.name));
        if aside {
            continue;
        }
        let mounts = service.mounts();
        let declared = service.image.map(|image| image.volumes.clone()).unwrap_or_default();
        for path in declared {
            let path = path.trim_end_matches('/');
            if !mounts.iter().any(|mount| mount.target == path) && !is_spared(path) {
                warnings.push(anonymous(&service, path, "has no volume of the stack"));
            }
        }
        for mount in mounts.iter().filter(|it| it.kind == MountKind::Anonymous) {
            let name = volumes::name(facts, service.name, mount);
            let is_critical = volumes
                .iter()
                .any(|volume| volume.name == name && volume.class == VolumeClass::Critical);
            if is_critical {
                warnings.push(anonymous(&service, &mount.target, "is declared without a name"));
            }
        }
    }
    warnings
}

/// Folders of an image that say of themselves that they can be made again.
fn is_spared(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    ["tmp", "cache", ".cache", "run", "logs", "log", "temp"].contains(&last)
}

/// One volume under the data of two servers.
pub(super) fn shared(facts: &Facts<'_>, databases: &[DatabaseFound]) -> Vec<Warning> {
    let mut users = BTreeMap::<String, Vec<&str>>::new();
    for database in databases {
        let Some(service) = facts.service(&database.service) else { continue };
        let place = place::of(&service, database.engine);
        if let Some(mount) = place.lies.kept() {
            // Two folders of one volume do not meet.
            let within = place.folder.strip_prefix(mount.target.as_str()).unwrap_or_default();
            let key = format!("{}{within}", volumes::name(facts, service.name, mount));
            users.entry(key).or_default().push(&database.service);
        }
    }
    let shared = users.iter().filter(|(_, services)| services.len() > 1);
    shared
        .map(|(place, services)| {
            let (first, all) = (services[0], services.join(", "));
            Warning::new(
                "shared-data-volume",
                first,
                format!(
                    "services.{first}.volumes: the data of {all} lies in one volume ({place}): two servers that write the same files destroy them"
                ),
                "give each server a volume of its own".to_owned(),
            )
        })
        .collect()
}
