//! A base backup that lies there as a data directory, or a data directory that is none.

use std::fs::{self, File};
use std::path::Path;

use walkdir::WalkDir;

use super::check::Check;
use super::manifest::{self, Manifest};
use super::wal::Wal;
use super::{beginning, label};
use crate::error::{Attempt, Result};
use crate::model::existing::Kind;
use crate::recognise::seen::{Seen, shown};
use crate::tree_path::escape;

/// Whether a folder is a data directory.
pub(in crate::recognise) fn is_data_directory(folder: &Path) -> bool {
    let version = beginning(&folder.join("PG_VERSION"), 16);
    version.is_some_and(|it| it.first().is_some_and(u8::is_ascii_digit))
        && (folder.join("global").is_dir() || folder.join(label::FILE).is_file())
}

/// Reads a data directory: every file of it, if there is a manifest to hold it against.
pub(in crate::recognise) fn read(folder: &Path) -> Result<Seen> {
    let mut seen = Seen::of(Kind::DataDirectory);
    let version = beginning(&folder.join("PG_VERSION"), 16).unwrap_or_default();
    seen.says.server = Some(String::from_utf8_lossy(version.trim_ascii()).into_owned());
    if fs::metadata(folder.join("global/pg_control")).is_err() {
        seen.damage("global/pg_control is missing: no server starts without it");
    }
    let label = beginning(&folder.join(label::FILE), label::BYTES_MAX);
    match label {
        Some(label) => {
            seen.kind = Kind::BaseBackup;
            label::read(&label, &mut seen.says);
        }
        None => without_label(folder, &mut seen),
    }
    let manifest = folder.join(manifest::FILE);
    let promised = match beginning(&manifest, manifest::BYTES_MAX) {
        Some(bytes) => manifest::read(&bytes, &mut seen),
        None => {
            if seen.kind == Kind::BaseBackup {
                seen.open("it has no manifest: whether a file of it was altered cannot be told");
            }
            None
        }
    };
    walk(folder, promised.as_ref(), &mut seen)?;
    Ok(seen)
}

fn without_label(folder: &Path, seen: &mut Seen) {
    if let Some(pid) = beginning(&folder.join("postmaster.pid"), 64) {
        let pid = shown(pid.split(|byte| *byte == b'\n').next().unwrap_or_default());
        seen.open(format!(
            "it was copied while a server ran (postmaster.pid says {pid}): unless the copy was of one \
             moment, it is no backup"
        ));
    } else {
        seen.open(
            "a copy of a server's files: pg_controldata says whether it was shut down cleanly",
        );
    }
}

fn walk(folder: &Path, manifest: Option<&Manifest>, seen: &mut Seen) -> Result<()> {
    let nothing = Manifest::default();
    let known = manifest.unwrap_or(&nothing);
    let (mut check, mut wal) = (Check::new(known), Wal::default());
    // Tablespaces are links, and their files belong to it.
    for entry in WalkDir::new(folder).follow_links(true) {
        let entry = entry.attempt(|| format!("cannot look into {}", folder.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let path = escape(std::os::unix::ffi::OsStrExt::as_bytes(below.as_os_str()));
        if let Some(name) = path.strip_prefix("pg_wal/") {
            let bytes = entry.metadata().attempt(|| format!("cannot look at {path}"))?.len();
            wal.note(name, bytes);
            continue;
        }
        let what = || format!("cannot read {}", entry.path().display());
        let file = File::open(entry.path()).attempt(what)?;
        if manifest.is_some() {
            check.file(&path, file, seen).attempt(what)?;
        } else {
            check.files += 1;
            check.bytes += file.metadata().attempt(what)?.len();
        }
    }
    check.finish(seen);
    if let Some(manifest) = manifest {
        wal.judge(&manifest.ranges, seen);
        seen.says.system.clone_from(&manifest.system);
    }
    Ok(())
}
