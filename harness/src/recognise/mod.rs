//! Says what an existing backup is, by its content and never by its name, and what is wrong with
//! it before anything is restored.
//!
//! Everything read here may be hostile: memory is bounded, nothing is unpacked, and no path that an
//! archive names is ever made. What is wrong with a piece is a value; an error means that it could
//! not be read. `docs/recognise.md` says how far each kind is looked into.

mod bound;
mod file;
mod moment;
mod opener;
mod peek;
mod pg_archive;
mod seen;
mod sql;
mod tar;
mod wrapping;

use std::fs::{self, Metadata};
use std::path::Path;

use jiff::Timestamp;

pub use self::opener::Opener;
use self::seen::Seen;
pub(crate) use self::sql::Between;
use crate::error::{Attempt, Error, Result};
use crate::model::existing::{Kind, Piece, Wrapping};

/// Says what a file or a folder is, and reads it to its end. Blocks; nothing is written.
///
/// # Errors
/// It is not there, or cannot be read: that says nothing about the backup.
pub fn recognise(path: &Path, opener: &Opener) -> Result<Piece> {
    let before = measured(path)?;
    let (wrapped, mut seen) = if before.is_dir() {
        (Vec::new(), folder(path, opener)?)
    } else {
        file::look(path, before.len(), opener)?
    };
    let after = measured(path)?;
    if changed(&before, &after) {
        seen.open("it was written to while it was read: look again when that has ended");
    }
    piece(path, &after, wrapped, seen)
}

fn folder(path: &Path, _opener: &Opener) -> Result<Seen> {
    if pg_archive::is_folder(path) {
        return pg_archive::read_folder(path);
    }
    Ok(Seen::of(Kind::Unknown))
}

fn measured(path: &Path) -> Result<Metadata> {
    fs::metadata(path)
        .map_err(|cause| Error::usage(format!("cannot look at {}", path.display())).because(cause))
}

fn changed(before: &Metadata, after: &Metadata) -> bool {
    before.len() != after.len() || before.modified().ok() != after.modified().ok()
}

fn piece(path: &Path, metadata: &Metadata, wrapped: Vec<Wrapping>, seen: Seen) -> Result<Piece> {
    let modified = metadata.modified().attempt(|| format!("cannot date {}", path.display()))?;
    let modified =
        Timestamp::try_from(modified).attempt(|| format!("cannot date {}", path.display()))?;
    let kind = seen.kind;
    let (says, damage, open) = seen.finish();
    Ok(Piece {
        path: path.to_owned(),
        kind,
        wrapped,
        bytes: metadata.len(),
        modified,
        says,
        damage,
        open,
    })
}

#[cfg(test)]
mod tests;
