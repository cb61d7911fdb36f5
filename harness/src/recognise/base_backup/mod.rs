//! Base backups of a PostgreSQL server: its data directory, plain or in archives, held against the
//! manifest that lies beside.

mod check;
mod label;
mod manifest;
mod plain;
mod sum;
mod tar;
mod wal;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(super) use self::plain::{is_data_directory, read as read_plain};
pub(super) use self::tar::{is_folder as is_tar_folder, read as read_tar};

/// The beginning of a file, if it is there and can be read.
pub(super) fn beginning(path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(bytes_max).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
