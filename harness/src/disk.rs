//! Free space, and whether a drill fits into it. Looked at before anything is created: a disk
//! that fills half-way through says nothing about the backup.

use std::path::Path;

use crate::dataset::Scale;
use crate::error::{Error, Result};

/// Space that a drill needs besides its data: containers, write-ahead log, reports.
const OVERHEAD_BYTES: u64 = 1 << 30;

/// A row of the dataset in the database, with its indexes and its share of the log, rounded up.
const BYTES_PER_ROW: u64 = 1024;

/// Files of the dataset for each of its rows: 1 GB for a million.
const MEDIA_BYTES_PER_ROW: u64 = 1040;

/// Space that this user may still fill, where `path` is or will be.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    let space = rustix::fs::statvfs(existing).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Memory that this machine has to give, where it says so.
#[must_use]
pub fn free_memory() -> Option<u64> {
    let said = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = said.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

/// Refuses a drill whose generated data cannot fit.
pub(crate) fn require_room(scale: Scale, engine: Option<&Path>, report_base: &Path) -> Result<()> {
    let store = scale.rows().saturating_mul(BYTES_PER_ROW + MEDIA_BYTES_PER_ROW);
    require(store, store, engine, report_base)
}

/// Refuses a drill whose data cannot fit, in bytes: the engine keeps the stores, `report_base` the
/// artefact. An engine on another host says nothing about its disk.
pub(crate) fn require(
    artefact: u64,
    stores: u64,
    engine: Option<&Path>,
    report_base: &Path,
) -> Result<()> {
    let stores = ("the engine's store", engine, stores);
    for (what, path, needed) in [stores, ("the artefact", Some(report_base), artefact)] {
        let needed = needed.saturating_add(OVERHEAD_BYTES);
        let Some((path, free)) = path.and_then(|path| Some((path, free_bytes(path)?))) else {
            continue;
        };
        if free < needed {
            let (free, needed) = (gigabytes(free), gigabytes(needed));
            return Err(Error::undecided(format!(
                "the disk is too small for {what}: {free} free at {}, about {needed} needed",
                path.display()
            ))
            .hint(
                "free some space, choose a smaller --scale if data is generated, or put --report on \
                 another disk",
            ));
        }
    }
    Ok(())
}

/// For people.
pub(crate) fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_drill_fits_and_an_absurd_one_is_refused_by_name() {
        let here = Path::new(".");
        require_room(Scale::SMALL, None, here).expect("a gigabyte is free");
        let absurd = "1_000_000_000".parse().expect("a scale");
        let error = require_room(absurd, Some(here), here).expect_err("terabytes");
        assert!(error.to_string().contains("the engine's store"), "{error}");
    }
}
