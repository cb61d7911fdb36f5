//! Fingerprint of the databases of SQLite in a directory tree: the engine's own check, the schema
//! and the rows.
//!
//! Finds them by content, not by name. Refuses to open the original, because opening writes: what
//! is read is a private copy, with its write-ahead log. Needs room for the largest of them.

mod copy;
mod find;
mod read;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Result;
use crate::model::fingerprint::{SqliteFingerprint, SqliteState};

/// How to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Folder for the copies; each is removed as soon as it was read.
    pub scratch: PathBuf,
    /// Time for each of them. What is not read by then is undecided.
    pub limit: Duration,
}

impl Default for Options {
    /// The machine's folder for temporary files, ten minutes.
    fn default() -> Self {
        Self { scratch: std::env::temp_dir(), limit: Duration::from_secs(600) }
    }
}

/// Reads every database below `root`, which is not written to. Blocks: it is not for an executor's
/// own thread.
///
/// # Errors
///
/// If `root` cannot be listed. Whatever is wrong with a database is a value.
pub fn take(root: &Path, options: &Options) -> Result<SqliteFingerprint> {
    let mut fingerprint = SqliteFingerprint::default();
    let found = find::below(root, &mut fingerprint.undecided)?;
    for (name, path) in found {
        fingerprint.databases.insert(name, one(&path, options));
    }
    Ok(fingerprint)
}

fn one(path: &Path, options: &Options) -> SqliteState {
    let mut state = SqliteState::default();
    match copy::of(path, &options.scratch) {
        Ok(copy) => {
            state.beside.clone_from(&copy.beside);
            read::into(&copy.path, options.limit, &mut state);
        }
        Err(cause) => state.undecided.push(format!("it cannot be copied: {cause}")),
    }
    state
}
