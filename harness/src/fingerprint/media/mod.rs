//! Fingerprint of a media store: every entry of a directory tree, its metadata and its content.
//!
//! Reads the store itself, never what a backup wrote of it. What cannot be read, or changes while
//! it is, becomes undecided by name: it is never left out and never taken for equal.

use std::collections::BTreeMap;

use crate::model::fingerprint::{MediaEntry, MediaKind};

mod content;
mod list;
mod read;
mod seen;
mod tar;
mod trouble;
mod walk;
mod xattrs;

pub use self::tar::take_from_tar;
pub(crate) use self::tar::take_members;
pub use walk::take;

/// How to read a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Threads that hash.
    pub jobs: usize,
    /// Whether to hash with SHA-256 too, for applications that record it.
    pub sha256: bool,
}

impl Default for Options {
    /// One thread a core, BLAKE3 alone.
    fn default() -> Self {
        Self { jobs: std::thread::available_parallelism().map_or(1, usize::from), sha256: false }
    }
}

/// Records that these paths are names of one file. A single one is none.
fn link(entries: &mut BTreeMap<String, MediaEntry>, group: &[String]) {
    let (Some(least), true) = (group.iter().min(), group.len() > 1) else {
        return;
    };
    for path in group {
        if let Some(MediaEntry { kind: MediaKind::File { linked_to, .. }, .. }) =
            entries.get_mut(path)
        {
            *linked_to = Some(least.clone());
        }
    }
}

/// A fifo or a device.
fn special(name: &str, numbers: Option<(u32, u32)>) -> MediaKind {
    MediaKind::Special {
        device: numbers
            .map_or_else(|| name.to_owned(), |(major, minor)| format!("{name} {major}:{minor}")),
    }
}
