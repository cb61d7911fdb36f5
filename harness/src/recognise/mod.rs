//! Says what an existing backup is, by its content and never by its name, and what is wrong with
//! it before anything is restored.
//!
//! Everything read here may be hostile: memory is bounded, nothing is unpacked, and no path that an
//! archive names is ever made. What is wrong with a piece is a value; an error means that it could
//! not be read. `docs/recognise.md` says how far each kind is looked into.

mod base_backup;
mod bound;
mod file;
mod folder;
mod moment;
mod opener;
mod peek;
mod pg_archive;
mod repository;
mod seen;
mod sets;
mod sql;
mod sqlite;
mod tar;
mod wrapping;
mod zip;

use std::fs::{self, Metadata};
use std::path::Path;

use jiff::Timestamp;

pub use self::opener::Opener;
pub use self::sets::{found_in, set, sets};
pub(crate) use self::sql::{Between, SYSTEM_OF_MARIADB, relation};
use crate::error::{Attempt, Error, Result};
use crate::model::existing::Piece;

/// Says what a file or a folder is, and reads it to its end. Blocks; nothing is written.
///
/// # Errors
/// It is not there, or cannot be read: that says nothing about the backup.
pub fn recognise(path: &Path, opener: &Opener) -> Result<Piece> {
    let before = measured(path)?;
    let (wrapped, mut seen) = if before.is_folder {
        (Vec::new(), folder::look(path, opener)?.unwrap_or_else(|| folder::unknown(path)))
    } else {
        file::look(path, before.bytes, opener)?
    };
    let after = measured(path)?;
    if before != after {
        seen.open("it was written to while it was read: look again when that has ended");
    }
    let kind = seen.kind;
    let (says, damage, open) = seen.finish();
    let Measure { bytes, modified, .. } = after;
    Ok(Piece { path: path.to_owned(), kind, wrapped, bytes, modified, says, damage, open })
}

/// How much there is, and when it was last written to.
#[derive(Debug, PartialEq, Eq)]
struct Measure {
    bytes: u64,
    modified: Timestamp,
    is_folder: bool,
}

/// Of a folder, that is of all files in it.
fn measured(path: &Path) -> Result<Measure> {
    let what = || format!("cannot look at {}", path.display());
    let metadata = fs::metadata(path).map_err(|cause| Error::usage(what()).because(cause))?;
    let modified = |metadata: &Metadata| {
        let modified = metadata.modified().attempt(what)?;
        Timestamp::try_from(modified).attempt(what)
    };
    let mut measure = Measure {
        bytes: metadata.len(),
        modified: modified(&metadata)?,
        is_folder: metadata.is_dir(),
    };
    if measure.is_folder {
        measure.bytes = 0;
        for entry in walkdir::WalkDir::new(path).min_depth(1) {
            // What has gone while one looks shows in the sum.
            let Ok(metadata) = entry.attempt(what)?.metadata() else { continue };
            if metadata.is_file() {
                measure.bytes += metadata.len();
                measure.modified = measure.modified.max(modified(&metadata)?);
            }
        }
    }
    Ok(measure)
}

#[cfg(test)]
mod tests;
