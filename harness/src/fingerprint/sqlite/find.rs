//! Which files are databases of SQLite. Their first bytes say so, whatever they are called.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::copy;
use crate::error::{Error, Result};
use crate::tree_path::escape;

/// How every database begins that is not encrypted (`https://sqlite.org/fileformat2.html`, 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Every database below `root`, by its path as it is written. Links are not followed.
pub(super) fn below(
    root: &Path,
    undecided: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(cause) if cause.depth() == 0 => {
                return Err(
                    Error::undecided(format!("cannot list {}", root.display())).because(cause)
                );
            }
            Err(cause) => {
                let path = cause.path().unwrap_or(root);
                let reason =
                    cause.io_error().map_or("it cannot be listed".to_owned(), ToString::to_string);
                undecided.insert(written(root, path), reason);
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        match is_database(entry.path()) {
            Ok(true) => drop(found.insert(written(root, entry.path()), entry.into_path())),
            Ok(false) => {}
            Err(cause) => drop(undecided.insert(written(root, entry.path()), cause.to_string())),
        }
    }
    Ok(found)
}

fn is_database(path: &Path) -> std::io::Result<bool> {
    let mut head = [0; MAGIC.len()];
    match copy::open(path)?.read_exact(&mut head) {
        Ok(()) => Ok(&head == MAGIC),
        Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(cause) => Err(cause),
    }
}

fn written(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    escape(below.as_os_str().as_encoded_bytes())
}
