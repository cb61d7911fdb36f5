//! The folder of a run, `target/drill/<run-id>/`: the report, the evidence, and while the
//! run lives its working files and the artefact.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::error::{Attempt, Error, Result};
use crate::nearest::nearest;
use crate::stack::{self, RunId, RunLabels};

/// The record of a run, in its folder.
pub(super) const REPORT_FILE: &str = "report.json";

/// Says in the working folder whose run it is.
const OWNER_FILE: &str = "owner";

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    base: PathBuf,
    dir: PathBuf,
}

impl RunFolder {
    /// Creates the folder of a run below `base`. Only the owner can look into it.
    pub fn create(base: &Path, run: &RunId) -> Result<Self> {
        let base = std::path::absolute(base).attempt(|| "cannot find the report folder")?;
        let dir = base.join(run.as_str());
        let folder = Self { base, dir };
        for dir in [folder.work(), folder.dir.join("evidence")] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&dir)
                .attempt(|| format!("cannot create {}", dir.display()))?;
        }
        let owner = RunLabels::of(run).owner();
        folder.write(&format!("work/{OWNER_FILE}"), owner.as_bytes())?;
        Ok(folder)
    }

    /// Working files, with secrets. Gone when the run is.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// Where the artefact is while the run lives.
    #[must_use]
    pub fn artefact(&self) -> PathBuf {
        self.work().join("artefact")
    }

    /// Where lists of rows are while the run lives: they hold values of the data.
    #[must_use]
    pub fn rows(&self, of: &str) -> PathBuf {
        self.work().join("rows").join(of)
    }

    /// Writes a file of the run.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.dir.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).attempt(|| format!("cannot create {}", parent.display()))?;
        }
        let mut options = fs::OpenOptions::new();
        let opened = options.create(true).truncate(true).write(true).mode(0o600).open(&path);
        opened
            .and_then(|mut file| file.write_all(content))
            .attempt(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Writes a value of the run as JSON.
    pub fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<PathBuf> {
        let text = serde_json::to_vec_pretty(value).attempt(|| format!("cannot write {name}"))?;
        self.write(name, &text)
    }

    /// Points `latest` at this run.
    pub fn mark_latest(&self) -> Result<()> {
        let latest = self.base.join("latest");
        let next = self.dir.join(".latest");
        let Some(name) = self.dir.file_name() else { return Ok(()) };
        // Renaming replaces the old link at once: there is no moment without one.
        symlink(name, &next)
            .and_then(|()| fs::rename(&next, &latest))
            .attempt(|| format!("cannot point {} at this run", latest.display()))
    }

    /// Removes the working files.
    pub fn remove_work(&self) -> Result<()> {
        remove(&self.work())
    }

    /// Removes the whole folder, for a run that never began.
    pub fn remove(&self) -> Result<()> {
        remove(&self.dir)
    }
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(cause).attempt(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// The `report.json` of a run: of the newest below `base`, of the one that is named there, or of
/// one whose folder or file is named by its path.
///
/// # Errors
/// Usage when there is no such run; undecided when it wrote no report.
pub fn report_of(base: &Path, run: Option<&str>) -> Result<PathBuf> {
    let below = base.display();
    let path = match run {
        None => base.join("latest"),
        Some(run) if Path::new(run).exists() => PathBuf::from(run),
        Some(run) => base.join(run),
    };
    if path.is_file() {
        return Ok(path);
    }
    let report = path.join(REPORT_FILE);
    match (path.is_dir(), run) {
        (true, _) if report.is_file() => Ok(report),
        (true, _) => Err(Error::undecided(format!("{} holds no {REPORT_FILE}", path.display()))
            .hint(
                "that run was killed, or has yet to end: cargo xtask clean removes what it left",
            )),
        (false, None) => Err(Error::usage(format!("no run has ended below {below}"))
            .hint("cargo xtask dr-drill runs one; --report names another folder")),
        (false, Some(run)) => {
            let error = Error::usage(format!("there is no run {run:?} below {below}"));
            let entries = fs::read_dir(base).into_iter().flatten().flatten();
            let runs = entries.filter_map(|entry| entry.file_name().into_string().ok());
            let runs = runs.collect::<Vec<_>>();
            Err(error.hint(match nearest(run, runs.iter().map(String::as_str)) {
                Some(name) => format!("did you mean {name:?}? without a name, the newest is shown"),
                None => "--report names the folder of the runs".to_owned(),
            }))
        }
    }
}

/// Working files below `base` of runs whose process is gone: what a killed run left.
#[must_use]
pub fn abandoned(base: &Path) -> Vec<PathBuf> {
    let runs = fs::read_dir(base).into_iter().flatten().flatten();
    let works = runs.map(|run| run.path().join("work")).filter(|work| work.is_dir());
    works.filter(|work| !is_owner_alive(work)).collect()
}

/// Removes the working files of a killed run.
pub fn remove_abandoned(work: &Path) -> Result<()> {
    remove(work)
}

fn is_owner_alive(work: &Path) -> bool {
    let owner = fs::read_to_string(work.join(OWNER_FILE)).unwrap_or_default();
    owner.split_once('\n').is_some_and(|(host, process)| stack::is_alive(host, process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_working_files_of_dead_runs_are_abandoned() {
        let base = tempfile::tempdir().expect("temporary folder");
        let live = RunFolder::create(base.path(), &RunId::new()).expect("created");
        assert_eq!(abandoned(base.path()), Vec::<PathBuf>::new());
        live.write("work/owner", b"").expect("written");
        assert_eq!(abandoned(base.path()), [live.work()]);
    }

    #[test]
    fn latest_points_at_the_run_that_was_marked_last() {
        let base = tempfile::tempdir().expect("temporary folder");
        for content in ["first", "second"] {
            let folder = RunFolder::create(base.path(), &RunId::new()).expect("created");
            folder.write("report.json", content.as_bytes()).expect("written");
            folder.mark_latest().expect("marked");
            let latest = fs::read_to_string(base.path().join("latest/report.json"));
            assert_eq!(latest.expect("a report"), content);
        }
    }
}
