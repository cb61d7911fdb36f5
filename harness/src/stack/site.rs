//! Where methods and disasters work: an owned stack and the stores that matter in it.

use std::path::Path;

use super::database::Database;
use super::{OwnedStack, OwnedVolume};
use crate::error::{Error, Result};

/// Where methods and disasters work.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The stack that is backed up, struck and restored.
    pub stack: &'a OwnedStack,
    /// Its database, where there is one whose rows are compared.
    pub database: Option<&'a Database>,
    /// Its media store.
    pub media: Option<&'a OwnedVolume>,
    /// The volumes that are archived as files, while nothing runs on them.
    pub cold: &'a [OwnedVolume],
    /// Folder of the stack's files: where commands on the host run.
    pub dir: &'a Path,
    /// Folder for files that go with the run.
    pub work: &'a Path,
}

impl<'a> Site<'a> {
    /// Its database, for what is not done without one.
    ///
    /// # Errors
    /// Usage when the stack has none that the drill can read.
    pub fn database(&self) -> Result<&'a Database> {
        self.database.ok_or_else(|| {
            Error::usage("the stack has no PostgreSQL database that is known")
                .hint("name it in drill.toml under [database], or use --method cold")
        })
    }
}
