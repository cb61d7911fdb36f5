//! The database of a running project: read under one snapshot, by a container of the run's own
//! that shares the network of the server's. A dump that is interrupted goes with that container;
//! one inside the server's would go on.

use std::time::Duration;

use super::Running;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Command;
use crate::stack::OwnedStack;
use crate::stack::database::Database;

/// How long a reader waits for somebody's `ALTER TABLE`.
const LOCK_WAIT: &str = "--lock-wait-timeout=30s";

/// Bounds a dump that hangs.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

impl Running {
    /// Where and how this host signs in: as the stack's files say, at the address of the project.
    pub(crate) async fn connection(
        &self,
        copy: &OwnedStack,
        database: &Database,
    ) -> Result<postgres::Config> {
        database.at(&self.address(copy, &database.service)?).await
    }

    /// Writes the database to standard output as `snapshot` sees it. Not compressed: the server's
    /// machine has other work.
    pub(crate) fn dump(
        &self,
        copy: &OwnedStack,
        database: &Database,
        snapshot: &str,
    ) -> Result<Command> {
        let snapshot = format!("--snapshot={snapshot}");
        let args = ["--format=custom", "--compress=0", LOCK_WAIT, &snapshot, "--dbname"];
        self.tool(copy, database, "pg_dump", args.into_iter().chain([database.name.as_str()]))
    }

    /// Writes the cluster's roles to standard output, with the hashes of their passwords.
    pub(crate) fn globals(&self, copy: &OwnedStack, database: &Database) -> Result<Command> {
        let args = ["--globals-only", LOCK_WAIT, "--database", &database.name];
        self.tool(copy, database, "pg_dumpall", args)
    }

    /// Why its database could not be read, with what to do.
    pub(crate) fn unreadable(&self, cause: Error) -> Error {
        if cause.kind() != ErrorKind::Undecided {
            return cause;
        }
        let project = &self.project;
        let error = Error::undecided(format!("cannot read the database of project {project:?}"));
        error.because(cause).hint(
            "the role must be able to read every table (BYPASSRLS where policies hide rows), the \
             server must have a connection to spare, and its password must be that of the stack's \
             files",
        )
    }

    /// One of the server's own tools, of the same image, over the server's loopback.
    fn tool<'a>(
        &self,
        copy: &OwnedStack,
        database: &Database,
        program: &str,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Result<Command> {
        let server = self.up(&database.service)?;
        let words = database.words(program, args);
        let command = copy.beside_network(&server.id, &server.image, "PGPASSWORD", words);
        Ok(database.signed_in(command).timeout(LIMIT))
    }
}
