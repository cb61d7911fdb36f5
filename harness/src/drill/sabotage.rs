//! Where a drill lets itself be sabotaged. The drill is tested by injecting each known way
//! in which backups go bad and demanding that the verdict names it.

use std::path::PathBuf;
use std::pin::Pin;

use crate::error::{Error, Result};
use crate::stack::database::Database;
use crate::stack::{OwnedStack, OwnedVolume};

/// A point of a drill at which something can go wrong unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The artefact is complete; nothing is destroyed yet.
    ArtefactTaken,
    /// The stores are fresh and the database answers; nothing is restored yet.
    StoresFresh,
    /// The files of the volumes are restored; nothing runs on them yet.
    FilesRestored,
    /// The stores are restored; the application is not started yet.
    StoresRestored,
    /// The service is green; nothing is compared yet.
    ServiceGreen,
}

/// What a saboteur may touch.
#[derive(Debug, Clone)]
pub struct Live {
    /// The sandbox.
    pub stack: OwnedStack,
    /// Its database, where it has one.
    pub database: Option<Database>,
    /// Its media store.
    pub media: Option<OwnedVolume>,
    /// Folder of the artefact.
    pub artefact: PathBuf,
}

impl Live {
    /// The database, for harm that is done to one.
    ///
    /// # Errors
    /// Usage when the stack has none.
    pub fn database(&self) -> Result<&Database> {
        self.database.as_ref().ok_or_else(|| Error::usage("the stack has no database to harm"))
    }
}

/// Does harm at a moment of its choice.
pub trait Saboteur: Send + Sync {
    /// Called at every moment, in order.
    fn strike<'a>(
        &'a self,
        moment: Moment,
        live: &'a Live,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}
