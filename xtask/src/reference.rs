//! The reference stack and the documents that the program carries, for hosts where the repository is
//! not. They are unpacked once, whole or not at all, into a folder that is called by their content;
//! only its owner can look into it. One that was changed is not what it is called, and is refused.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use harness::error::Attempt;
use harness::{Error, Result};
use sha2::{Digest, Sha256};
use tar::Archive;

/// Made by `build.rs`.
const ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.tar"));

/// Bytes of the digest that a folder is called by.
const NAME_BYTES: usize = 8;

/// What the folder is called.
pub(crate) fn name() -> String {
    format!("reference-{}", hex(&Sha256::digest(ARCHIVE)[..NAME_BYTES]))
}

/// A digest as it is written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    bytes.iter().flat_map(digits).flatten().collect()
}

/// Unpacks it into this folder, unless it is there as it was unpacked.
///
/// # Errors
/// Usage when the folder is another user's or something in it was changed.
pub(crate) fn provide(folder: &Path) -> Result<()> {
    if fs::symlink_metadata(folder).is_err() {
        unpack(folder)?;
    }
    match changed(folder).attempt(|| format!("cannot read {}", folder.display()))? {
        None => Ok(()),
        Some(what) => Err(Error::usage(format!("{} {what}", folder.display()))
            .hint("remove that folder: it is unpacked again")),
    }
}

/// Writes the documents into this folder.
pub(crate) fn write_documents(folder: &Path) -> Result<()> {
    let cannot = || format!("cannot write {}", folder.display());
    let mut archive = Archive::new(ARCHIVE);
    archive.set_preserve_mtime(false);
    for entry in archive.entries().attempt(cannot)? {
        let mut entry = entry.attempt(cannot)?;
        if entry.path().attempt(cannot)?.starts_with("docs") {
            entry.unpack_in(folder).attempt(cannot)?;
        }
    }
    Ok(())
}

fn unpack(folder: &Path) -> Result<()> {
    let cannot = || format!("cannot unpack the reference stack into {}", folder.display());
    let parent = folder.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(parent).attempt(cannot)?;
    let mut half = tempfile::Builder::new();
    let half = half.prefix(".half-").permissions(Permissions::from_mode(0o700));
    let half = half.tempdir_in(parent).attempt(cannot)?;
    let mut archive = Archive::new(ARCHIVE);
    // Servers tell browsers the time of a file: 1970 would be none.
    archive.set_preserve_mtime(false);
    archive.unpack(half.path()).attempt(cannot)?;
    match fs::rename(half.path(), folder) {
        Ok(()) => drop(half.keep()),
        // Another process was faster.
        Err(_) if folder.is_dir() => {}
        Err(cause) => return Err(cause).attempt(cannot),
    }
    Ok(())
}

/// What of the folder is not as it was unpacked, if anything is.
fn changed(folder: &Path) -> std::io::Result<Option<String>> {
    let found = fs::symlink_metadata(folder)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    if !(found.is_dir() && is_ours && found.mode() & 0o777 == 0o700) {
        return Ok(Some("is no folder that only this user can write to".to_owned()));
    }
    let mut expected = BTreeSet::from([folder.to_owned()]);
    for entry in Archive::new(ARCHIVE).entries()? {
        let mut entry = entry?;
        let (path, mode) = (folder.join(entry.path()?), entry.header().mode()?);
        let is_file = entry.header().entry_type().is_file();
        let mut packed = Vec::new();
        entry.read_to_end(&mut packed)?;
        let is_same = |it: fs::Metadata| it.mode() & 0o7777 == mode && it.is_file() == is_file;
        if !fs::symlink_metadata(&path).is_ok_and(is_same) || is_file && fs::read(&path)? != packed
        {
            return Ok(Some(format!("was changed: {}", shown(&path, folder))));
        }
        expected.insert(path);
    }
    let all = walkdir::WalkDir::new(folder).into_iter().collect::<Result<Vec<_>, _>>()?;
    let more = all.iter().map(walkdir::DirEntry::path).find(|path| !expected.contains(*path));
    Ok(more.map(|path| format!("was changed: {} is new", shown(path, folder))))
}

fn shown(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).map(PathBuf::from).unwrap_or_default().display().to_string()
}
