//! Repositories of pgBackRest, restic and Borg, and artefacts of this tool: known by what lies in
//! them. Their content is for their own tools to read.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::base_backup::beginning;
use super::seen::Seen;
use crate::model::artefact::{MANIFEST_FILE, Manifest};
use crate::model::existing::{Held, Kind};

/// What a file that describes a repository has at most.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a folder is, if it is one of these.
pub(super) fn read(folder: &Path) -> Option<Seen> {
    artefact(folder)
        .or_else(|| pgbackrest(folder))
        .or_else(|| borg(folder))
        .or_else(|| restic(folder))
}

fn artefact(folder: &Path) -> Option<Seen> {
    let bytes = beginning(&folder.join(MANIFEST_FILE), BYTES_MAX)?;
    let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
    let mut seen = Seen::of(Kind::Artefact);
    seen.says.taken_at = Some(manifest.taken_at);
    for part in manifest.parts {
        if fs::metadata(folder.join(&part.file)).is_err() {
            seen.damage(format!("{} is not there", part.file));
        }
    }
    Some(seen)
}

fn borg(folder: &Path) -> Option<Seen> {
    let readme = beginning(&folder.join("README"), 1024)?;
    let config = beginning(&folder.join("config"), 1024)?;
    if !readme.starts_with(b"This is a Borg Backup repository")
        || !config.starts_with(b"[repository]")
    {
        return None;
    }
    let mut seen = Seen::of(Kind::Borg);
    if !has_files(&folder.join("data")) {
        seen.damage("there is nothing in it");
    }
    seen.open("its archives are for `borg` to read");
    Some(seen)
}

fn restic(folder: &Path) -> Option<Seen> {
    let parts = ["data", "index", "keys", "snapshots"];
    if !folder.join("config").is_file() || !parts.iter().all(|it| folder.join(it).is_dir()) {
        return None;
    }
    let mut seen = Seen::of(Kind::Restic);
    if !has_files(&folder.join("snapshots")) {
        seen.damage("there is no snapshot in it");
    }
    if !has_files(&folder.join("keys")) {
        seen.damage("there is no key in it: nobody can open it");
    }
    seen.open("its snapshots are for `restic` to read, with its password");
    Some(seen)
}

/// Whether a folder has a file in it, or in a folder below.
fn has_files(folder: &Path) -> bool {
    let entries = walkdir::WalkDir::new(folder).max_depth(3);
    entries.into_iter().any(|entry| entry.is_ok_and(|it| it.file_type().is_file()))
}

/// A backup, as `backup.info` lists it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    backup_type: String,
    backup_timestamp_start: i64,
    backup_timestamp_stop: i64,
    #[serde(default)]
    backup_prior: Option<String>,
    #[serde(default)]
    backup_error: Option<bool>,
    db_id: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Server {
    db_version: String,
}

fn pgbackrest(folder: &Path) -> Option<Seen> {
    let stanzas = stanzas(&folder.join("backup"));
    if stanzas.is_empty() {
        return None;
    }
    let mut seen = Seen::of(Kind::PgBackRest);
    for stanza in stanzas {
        let name = stanza.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(info) = beginning(&stanza.join("backup.info"), BYTES_MAX) else { continue };
        if info.starts_with(b"Salted__") {
            seen.open(format!("stanza {name} is encrypted, and nobody gave its passphrase"));
            continue;
        }
        if !folder.join("archive").join(&name).is_dir() {
            seen.damage(format!("archive/{name} is not there: no backup starts without its log"));
        }
        listed(&String::from_utf8_lossy(&info), &stanza, &mut seen);
    }
    if seen.says.holds.is_empty() && !seen.is_open() {
        seen.damage("there is no backup in it");
    }
    seen.says.taken_at = seen.says.holds.iter().map(|held| held.ended_at).max();
    Some(seen)
}

fn stanzas(backup: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(backup).into_iter().flatten().flatten().map(|it| it.path());
    let mut found = entries.filter(|it| it.join("backup.info").is_file()).collect::<Vec<_>>();
    found.sort();
    found
}

/// Lines of `[backup:current]`, each a label and what is known of it.
fn listed(info: &str, stanza: &Path, seen: &mut Seen) {
    let lines = |section: &str| {
        let inside = info.lines().skip_while(move |line| *line != section).skip(1);
        let inside = inside.take_while(|line| !line.starts_with('['));
        inside.filter_map(|line| line.split_once('=')).collect::<Vec<_>>()
    };
    let servers = lines("[db:history]");
    let server = |id: u64| {
        let (_, json) = servers.iter().find(|(known, _)| *known == id.to_string())?;
        serde_json::from_str::<Server>(json).ok().map(|it| it.db_version)
    };
    let current = lines("[backup:current]");
    for (label, json) in &current {
        let Ok(backup) = serde_json::from_str::<Listed>(json) else {
            seen.damage(format!("what backup.info says of {label} cannot be understood"));
            continue;
        };
        if !stanza.join(label).is_dir() {
            seen.damage(format!("the backup {label} is listed, and its files are not there"));
        }
        if backup.backup_error == Some(true) {
            seen.damage(format!(
                "the backup {label} found pages with a wrong sum when it was taken"
            ));
        }
        if let Some(prior) = &backup.backup_prior
            && !current.iter().any(|(known, _)| known == prior)
        {
            seen.damage(format!("the backup {label} builds on {prior}, which is not there"));
        }
        let at = |second: i64| Timestamp::from_second(second).unwrap_or_default();
        seen.says.holds.push(Held {
            label: (*label).to_owned(),
            kind: backup.backup_type,
            began_at: at(backup.backup_timestamp_start),
            ended_at: at(backup.backup_timestamp_stop),
            builds_on: backup.backup_prior,
            server: server(backup.db_id),
        });
    }
    seen.says.server = seen.says.holds.last().and_then(|held| held.server.clone());
}
