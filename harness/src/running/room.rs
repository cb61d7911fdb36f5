//! How much a running project holds, and whether a drill of it fits on this machine.

use std::path::Path;

use futures_util::future::try_join_all;

use super::Running;
use super::files::SourceVolume;
use crate::disk;
use crate::error::{Attempt, Error, Result};
use crate::stack::OwnedStack;
use crate::stack::database::{Database, ask};

/// What a project holds, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Its database.
    pub database: u64,
    /// The files of its volumes.
    pub files: u64,
    /// The memory that its containers have in use.
    pub memory: u64,
}

impl Running {
    /// Measures what a copy would hold.
    pub(crate) async fn room(
        &self,
        copy: &OwnedStack,
        database: Option<&Database>,
        volumes: &[SourceVolume],
    ) -> Result<Room> {
        let rows = async {
            let Some(database) = database else { return Ok(0) };
            ask(self.connection(copy, database).await?, |client| {
                let row = client.query_one("select pg_database_size(current_database())", &[]);
                let row = row.attempt(|| "cannot ask how large the database is")?;
                Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
            })
            .await
            .map_err(|cause| self.unreadable(cause))
        };
        let files = try_join_all(volumes.iter().map(|volume| async {
            let measured = volume.measure(copy).run().await?;
            // Files that went meanwhile make an exit code of their own.
            let bytes = measured.text();
            let bytes = bytes.split_whitespace().next().and_then(|it| it.parse::<u64>().ok());
            bytes.ok_or_else(|| {
                let error = Error::undecided(format!("cannot measure volume {:?}", volume.name));
                error.details(measured.stderr.lines())
            })
        }));
        let (database, files, memory) = tokio::try_join!(rows, files, self.memory())?;
        Ok(Room { database, files: files.into_iter().sum::<u64>(), memory })
    }

    /// The memory that its containers have in use, as the engine counts it.
    async fn memory(&self) -> Result<u64> {
        let running = self.containers.iter().filter(|it| it.status == "running");
        let ids = running.map(|it| it.id.clone());
        let command = self.engine.docker(["stats", "--no-stream", "--format", "{{.MemUsage}}"]);
        let output = command.args(ids).run().await?;
        let output = output.require(|| "cannot ask how much memory the project uses")?;
        Ok(output.text().lines().filter_map(in_use).sum())
    }
}

impl Room {
    /// Refuses a drill that would not fit: the engine keeps the copy and what is restored beside
    /// it, `report_base` the artefact.
    ///
    /// # Errors
    /// Undecided, with what is there and what would be needed.
    pub fn require(&self, engine: Option<&Path>, report_base: &Path) -> Result<()> {
        let data = self.database.saturating_add(self.files);
        disk::require(data, data.saturating_mul(2), engine, report_base)?;
        // An engine elsewhere has another machine's memory.
        let free = engine.and_then(|_| disk::free_memory()).unwrap_or(u64::MAX);
        if free < self.memory {
            let (free, needed) = (disk::gigabytes(free), disk::gigabytes(self.memory));
            return Err(Error::undecided(format!(
                "the memory is too small for a copy of the project: {free} free, it uses {needed}"
            ))
            .hint("leave services out with --without, or rehearse on another machine"));
        }
        Ok(())
    }
}

/// Bytes in a line such as `12.3MiB / 1GiB`.
fn in_use(line: &str) -> Option<u64> {
    parse_size::parse_size(line.split('/').next()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_read_as_the_engine_prints_it() {
        assert_eq!(in_use("1.5MiB / 23GiB"), Some(1_572_864));
        assert_eq!(in_use("0B / 0B"), Some(0));
        assert_eq!(in_use("-- / --"), None);
    }

    #[test]
    fn a_project_that_does_not_fit_is_refused_with_the_figures() {
        let here = Path::new(".");
        Room { database: 1 << 20, files: 1 << 20, memory: 1 }
            .require(Some(here), here)
            .expect("fits");
        let huge = Room { database: 1 << 60, ..Room::default() };
        let error = huge.require(Some(here), here).expect_err("too large");
        assert!(error.to_string().contains("free at"), "{error}");
        let greedy = Room { memory: 1 << 60, ..Room::default() };
        let error = greedy.require(Some(here), here).expect_err("too much memory");
        assert!(error.to_string().contains("memory"), "{error}");
        greedy.require(None, here).expect("another machine's memory is not judged");
    }
}
