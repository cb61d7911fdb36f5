//! Archives of `pg_dump`, restored by `pg_restore` from a stream, or from a folder of the sandbox.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use super::super::causes::{self, Complaint, Weight};
use super::super::server::{RESTORER, SealedServer};
use super::script::{Outline, outline};
use super::{pack, pass};
use crate::error::{Attempt, Result};
use crate::process::Output;

/// Where a folder is unpacked to.
const FOLDER: &str = "/data/scratch/dump";

/// An archive as it is handed over.
pub(in crate::verify) enum Archive {
    /// A stream; it is read from its beginning each time.
    Stream(Box<dyn Fn() -> Result<Box<dyn Read + Send>> + Send + Sync>),
    /// A folder of this host.
    Folder(PathBuf),
}

impl Archive {
    /// Brings a folder into the sandbox.
    pub(in crate::verify) async fn bring(&self, server: &SealedServer) -> Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let script = "rm -rf \"$1\" && mkdir \"$1\" && exec tar --extract --no-same-owner \
                      --directory \"$1\" --file -";
        let command = server.exec(["sh", "-c", script, "sh", FOLDER]);
        let folder = folder.clone();
        let command = command.timeout(Duration::from_secs(12 * 3600));
        let (output, packed) = command.written_by(move |pipe| pack(&folder, pipe)).await?;
        output.require(|| "cannot bring the backup into the sandbox")?;
        packed?;
        // It is read by somebody else.
        let open = server.exec(["chmod", "-R", "a+rX", "/data/scratch"]).run().await?;
        open.require(|| "cannot open the backup to its restore")?;
        let way = server.exec(["chmod", "a+x", "/data"]).run().await?;
        way.require(|| "cannot open the backup to its restore").map(drop)
    }

    async fn feed(&self, command: crate::process::Command) -> Result<Output> {
        match self {
            Self::Folder(_) => command.arg(FOLDER).run().await,
            Self::Stream(open) => {
                let stream = open()?;
                let (output, passed) = command.written_by(move |pipe| pass(stream, pipe)).await?;
                passed?;
                Ok(output)
            }
        }
    }

    /// How the database of the archive was made, and who owns it and what is in it.
    pub(in crate::verify) async fn outline(&self, server: &SealedServer) -> Result<Outline> {
        // The owners of large objects count as no part of the schema.
        let words =
            ["pg_restore", "--create", "--section=pre-data", "--section=post-data", "--file=-"];
        let output = self.feed(server.signed_in(words).timeout(Duration::from_secs(600))).await?;
        outline(output.stdout.as_slice(), false)
    }

    /// Restores it into a database.
    pub(in crate::verify) async fn restore(
        &self,
        server: &SealedServer,
        database: &str,
        limit: Duration,
    ) -> Result<Vec<Complaint>> {
        let words = ["pg_restore", "--no-password", "--no-tablespaces", "--no-owner"];
        let command = server.signed_in(words).args(["--host=/tmp", "--username"]);
        let command = command.arg(RESTORER).arg("--dbname").arg(database).timeout(limit);
        let command = match self {
            Self::Folder(_) => command.arg("--jobs=2"),
            Self::Stream(_) => command,
        };
        let output = self.feed(command).await.attempt(|| "cannot restore the archive")?;
        let mut complaints = causes::read(&output.stderr);
        if !output.succeeded() && complaints.is_empty() {
            complaints.extend(causes::read(&format!("ERROR: {}", output.complaint())));
        }
        // Errors beyond those that were kept are counted by the tool itself.
        if let Some(ignored) = ignored(&output.stderr) {
            let told = complaints.iter().map(|it| it.times).sum::<u64>();
            if told < ignored {
                complaints.push(Complaint {
                    weight: Weight::Wrong,
                    says: format!("{} further errors", ignored - told),
                    because: None,
                    next: None,
                    times: 1,
                });
            }
        }
        Ok(complaints)
    }
}

/// The number of errors that `pg_restore` says it went on after.
fn ignored(stderr: &str) -> Option<u64> {
    let line = stderr.lines().rev().find(|line| line.contains("errors ignored on restore: "))?;
    line.rsplit(": ").next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_were_not_kept_are_known_by_their_number() {
        let text = "x\npg_restore: warning: errors ignored on restore: 12\n";
        assert_eq!(ignored(text), Some(12));
        assert_eq!(ignored("pg_restore: done\n"), None);
    }
}
