//! A private copy of a database, with what belongs to it: opening one recovers it, and that writes.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::TempDir;

/// The files that hold a part of what was committed or has to be undone. The index of the log
/// (`-shm`) is none of them: the engine makes it anew, and an old one would be believed.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// A copy, removed when it is dropped.
pub(super) struct Copy {
    pub(super) path: PathBuf,
    pub(super) beside: BTreeSet<String>,
    _folder: TempDir,
}

/// Copies a database and what lies beside it into a folder of its own below `scratch`.
pub(super) fn of(database: &Path, scratch: &Path) -> io::Result<Copy> {
    let folder = tempfile::Builder::new().prefix("dr-drill-sqlite-").tempdir_in(scratch)?;
    let path = folder.path().join("copy");
    transfer(database, &path)?;
    let mut beside = BTreeSet::new();
    for suffix in BESIDE {
        let from = with_suffix(database, suffix);
        let is_file = from.symlink_metadata().map(|found| found.is_file() && found.len() > 0);
        if is_file.unwrap_or(false) {
            transfer(&from, &with_suffix(&path, suffix))?;
            beside.insert(suffix.to_owned());
        }
    }
    Ok(Copy { path, beside, _folder: folder })
}

/// Opens a file for reading, and nothing that only looks like one: what a restore left may be a
/// link out of its tree, or a pipe that nobody writes to.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn transfer(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut open(from)?, &mut File::create_new(to)?).map(drop)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
