//! Where methods and disasters work: an owned stack and the stores that matter in it.

use std::path::Path;

use super::database::Database;
use super::{OwnedStack, OwnedVolume};

/// Where methods and disasters work.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The stack that is backed up, struck and restored.
    pub stack: &'a OwnedStack,
    /// Its database.
    pub database: &'a Database,
    /// Its media store.
    pub media: Option<&'a OwnedVolume>,
    /// Folder of the stack's files: where commands on the host run.
    pub dir: &'a Path,
    /// Folder for files that go with the run.
    pub work: &'a Path,
}
