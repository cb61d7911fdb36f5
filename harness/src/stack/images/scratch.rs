//! Temporary folders of image building. Each is named after its process, so that what a killed
//! one left can be told from what is in use.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Attempt, Result};
use crate::stack::run::{process_is_alive, this_process};

const PREFIX: &str = "dr-drill-image-";

/// A temporary folder, removed when it is dropped.
pub(super) fn folder() -> Result<TempDir> {
    let prefix = format!("{PREFIX}{}-", this_process());
    TempDir::with_prefix_in(prefix, parent()).attempt(|| "cannot create a temporary folder")
}

/// Unlike `/tmp`, on disk, and mounted such that a system in it can run.
fn parent() -> PathBuf {
    let persistent = Path::new("/var/tmp");
    if persistent.is_dir() { persistent.to_owned() } else { std::env::temp_dir() }
}

/// Temporary folders of processes that are gone.
#[must_use]
pub fn stale() -> Vec<PathBuf> {
    let entries = fs::read_dir(parent()).into_iter().flatten().filter_map(Result::ok);
    let found = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        owner(&name).is_some_and(|process| !process_is_alive(process))
    });
    found.map(|entry| entry.path()).collect()
}

/// Removes the temporary folders of processes that are gone. Gives them back.
pub fn remove_stale() -> Result<Vec<PathBuf>> {
    let found = stale();
    for folder in &found {
        fs::remove_dir_all(folder).attempt(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(found)
}

/// `4711-98765` of `dr-drill-image-4711-98765-a1b2c3`.
fn owner(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.rsplit_once('-').map(|(process, _)| process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_not_stale_and_one_of_a_dead_process_is() {
        let used = folder().expect("created");
        let dead = parent().join(format!("{PREFIX}4194305-77-{}", std::process::id()));
        fs::create_dir(&dead).expect("created");
        let found = stale();
        assert!(found.contains(&dead));
        assert!(!found.iter().any(|path| path == used.path()));
        fs::remove_dir(&dead).expect("removed");
    }
}
