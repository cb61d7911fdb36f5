//! One folder that is a piece by itself: a directory of `pg_dump`, a base backup, a repository.

use std::path::Path;

use super::opener::Opener;
use super::seen::Seen;
use super::{base_backup, pg_archive, repository};
use crate::error::Result;
use crate::model::existing::Kind;

/// What a folder is by itself, read to its end; none if it only holds other pieces.
pub(super) fn look(folder: &Path, opener: &Opener) -> Result<Option<Seen>> {
    if pg_archive::is_folder(folder) {
        return pg_archive::read_folder(folder).map(Some);
    }
    if base_backup::is_data_directory(folder) {
        return base_backup::read_plain(folder).map(Some);
    }
    if base_backup::is_tar_folder(folder) {
        return base_backup::read_tar(folder, opener).map(Some);
    }
    Ok(repository::read(folder))
}

/// Whether a folder is a piece by itself, and not a place where pieces lie.
pub(super) fn is_piece(folder: &Path) -> bool {
    pg_archive::is_folder(folder)
        || base_backup::is_data_directory(folder)
        || base_backup::is_tar_folder(folder)
        || repository::read(folder).is_some()
}

/// A folder that is nothing by itself.
pub(super) fn unknown(folder: &Path) -> Seen {
    let mut seen = Seen::of(Kind::Unknown);
    match folder.read_dir().map(|mut entries| entries.next().is_none()) {
        Ok(true) => seen.damage("an empty folder"),
        _ => seen.open("a folder that is no backup by itself: what lies in it may be"),
    }
    seen
}
