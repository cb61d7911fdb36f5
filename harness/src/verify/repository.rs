//! Repositories of restic and Borg: read by their own tools, without a lock and without a cache of
//! theirs, so that nothing is written to them. The newest snapshot is laid out in the run's own
//! folder; where it is damaged, older ones are, until one is whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use walkdir::WalkDir;

use crate::error::{Attempt, Error, Result};
use crate::model::existing::{Kind, Piece, Says};
use crate::process::{Command, Runner};
use crate::recognise::{self, Opener};
use crate::stack::database::blocking;

/// Bounds one call of a tool.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// Snapshots that are tried, the newest first.
const TRIED: usize = 10;

/// A snapshot, or an archive as Borg calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    id: String,
    at: Timestamp,
}

impl Snapshot {
    fn line(&self) -> String {
        format!("{} of {:.0}", self.id, self.at)
    }
}

/// What came out of a repository.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// What the chosen snapshot holds.
    pub(super) pieces: Vec<Piece>,
    /// What is wrong with the newest.
    pub(super) damage: Vec<String>,
    /// What could not be found out.
    pub(super) open: Vec<String>,
    /// Which snapshot it is, and why.
    pub(super) chosen: Option<String>,
    /// When that was taken.
    pub(super) taken_at: Option<Timestamp>,
}

/// Opens a repository into `stage`.
pub(super) async fn open(
    repository: &Piece,
    runner: &Runner,
    opener: &Opener,
    password_command: Option<&str>,
    stage: &Path,
) -> Result<Opened> {
    let tool =
        Tool { kind: repository.kind, path: &repository.path, runner, password_command, stage };
    let listed = tool.list().run().await;
    let listed = match listed {
        Ok(output) if output.succeeded() => output,
        Ok(output) => {
            return Ok(Opened {
                open: vec![tool.closed(&output.complaint())],
                ..Opened::default()
            });
        }
        Err(cause) if cause.kind() == crate::ErrorKind::Interrupted => return Err(cause),
        Err(cause) => {
            let why = format!("{}: install {} to read it", cause.chain(), tool.name());
            return Ok(Opened { open: vec![why], ..Opened::default() });
        }
    };
    let mut snapshots = tool.read(&listed.stdout)?;
    // Both list the oldest first; of two in one second, the later one is the newer.
    snapshots.reverse();
    snapshots.sort_by_key(|it| std::cmp::Reverse(it.at));
    let mut found = Opened::default();
    if snapshots.is_empty() {
        found.damage.push("the repository has no snapshot".to_owned());
    }
    for (at, snapshot) in snapshots.iter().take(TRIED).enumerate() {
        let folder = stage.join(format!("snapshot-{at}"));
        std::fs::create_dir_all(&folder).attempt(|| "cannot make a folder for a snapshot")?;
        let restored = tool.restore(&snapshot.id, &folder).run().await?;
        let (pieces, mut wrong) = lay_out(&folder, opener).await?;
        if !restored.succeeded() {
            wrong.insert(0, format!("{} cannot read it: {}", tool.name(), restored.complaint()));
        }
        let is_newest = at == 0;
        if wrong.is_empty() {
            let others = snapshots.len() - 1;
            found.chosen = Some(if is_newest {
                format!("{}: the newest; {others} others were not read", snapshot.line())
            } else {
                format!("{}: the newest that is whole", snapshot.line())
            });
            found.taken_at = Some(snapshot.at);
            found.pieces = pieces;
            break;
        }
        let first = wrong.remove(0);
        found.damage.push(format!("snapshot {} is damaged: {first}", snapshot.line()));
        std::fs::remove_dir_all(&folder).attempt(|| "cannot remove a damaged snapshot")?;
    }
    match (&found.chosen, found.damage.is_empty()) {
        (Some(chosen), false) => found.damage.push(format!("good is {chosen}")),
        (None, false) if !snapshots.is_empty() => {
            found.damage.push("no snapshot that was tried is whole".to_owned());
        }
        _ => {}
    }
    Ok(found)
}

struct Tool<'a> {
    kind: Kind,
    path: &'a Path,
    runner: &'a Runner,
    password_command: Option<&'a str>,
    stage: &'a Path,
}

impl Tool<'_> {
    fn name(&self) -> &'static str {
        if self.kind == Kind::Borg { "borg" } else { "restic" }
    }

    fn command(&self) -> Command {
        let command = self.runner.command(self.name()).timeout(LIMIT);
        let asking = self.password_command.map(str::to_owned);
        if self.kind == Kind::Borg {
            let command = command
                .env("BORG_BASE_DIR", self.stage.join("borg"))
                .env("BORG_RELOCATED_REPO_ACCESS_IS_OK", "yes")
                .env("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes");
            let command = match asking {
                Some(asking) => command.env("BORG_PASSCOMMAND", asking),
                None => command,
            };
            return command.arg("--bypass-lock");
        }
        let command = match asking {
            Some(asking) => command.env("RESTIC_PASSWORD_COMMAND", asking),
            None => command,
        };
        command.args(["--no-lock", "--no-cache", "--quiet", "--repo"]).arg(self.path)
    }

    fn list(&self) -> Command {
        match self.kind {
            Kind::Borg => self.command().args(["list", "--json"]).arg(self.path),
            _ => self.command().args(["snapshots", "--json"]),
        }
    }

    fn restore(&self, id: &str, to: &Path) -> Command {
        match self.kind {
            Kind::Borg => {
                let archive = format!("{}::{id}", self.path.display());
                self.command().arg("extract").arg(archive).dir(to)
            }
            _ => self.command().args(["restore", id, "--target"]).arg(to),
        }
    }

    fn read(&self, json: &[u8]) -> Result<Vec<Snapshot>> {
        let unread = || format!("cannot read what {} lists", self.name());
        match self.kind {
            Kind::Borg => borg(json).attempt(unread),
            _ => restic(json).attempt(unread),
        }
    }

    /// What to do about a repository that does not open.
    fn closed(&self, complaint: &str) -> String {
        format!(
            "{} cannot open it: {complaint}: --password-command COMMAND prints its password",
            self.name()
        )
    }
}

fn restic(json: &[u8]) -> Result<Vec<Snapshot>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Listed {
        short_id: String,
        time: Timestamp,
    }
    let listed = serde_json::from_slice::<Option<Vec<Listed>>>(json)?.unwrap_or_default();
    Ok(listed.into_iter().map(|it| Snapshot { id: it.short_id, at: it.time }).collect())
}

fn borg(json: &[u8]) -> Result<Vec<Snapshot>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Repository {
        archives: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        // In the zone of this host, without saying so.
        time: jiff::civil::DateTime,
    }
    let listed = serde_json::from_slice::<Repository>(json)?.archives;
    let zoned = listed.into_iter().filter_map(|it| {
        let at = it.time.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp();
        Some(Snapshot { id: it.name, at })
    });
    Ok(zoned.collect())
}

/// What lies in a folder: backups that are known, and everything else as files. Gives back what is
/// wrong with any, too.
async fn lay_out(folder: &Path, opener: &Opener) -> Result<(Vec<Piece>, Vec<String>)> {
    let (folder, opener) = (folder.to_owned(), opener.clone());
    blocking(move || {
        let mut found = Vec::new();
        let mut rest = Rest::default();
        walk(&folder, &opener, &mut found, &mut rest)?;
        if rest.files > 0 {
            found.push(rest.piece(&folder));
        }
        let wrong = found.iter().flat_map(|piece: &Piece| {
            let name =
                piece.path.strip_prefix(&folder).unwrap_or(&piece.path).display().to_string();
            piece.damage.iter().map(move |why| format!("{name}: {why}"))
        });
        let wrong = wrong.collect();
        Ok((found, wrong))
    })
    .await
}

/// Files that are no backup by themselves.
#[derive(Default)]
struct Rest {
    files: u64,
    bytes: u64,
}

impl Rest {
    fn piece(&self, folder: &Path) -> Piece {
        Piece {
            path: folder.to_owned(),
            kind: Kind::Folder,
            wrapped: Vec::new(),
            bytes: self.bytes,
            modified: Timestamp::now(),
            says: Says {
                files: Some(self.files),
                unpacked_bytes: Some(self.bytes),
                ..Says::default()
            },
            damage: Vec::new(),
            open: Vec::new(),
        }
    }
}

fn walk(folder: &Path, opener: &Opener, found: &mut Vec<Piece>, rest: &mut Rest) -> Result<()> {
    let mut entries =
        WalkDir::new(folder).min_depth(1).follow_links(false).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry.attempt(|| "cannot read a snapshot")?;
        let (path, kind) = (entry.path().to_owned(), entry.file_type());
        if !kind.is_dir() && !kind.is_file() {
            continue;
        }
        if kind.is_dir() {
            let piece = recognise::recognise(&path, opener)?;
            if is_whole_folder(piece.kind) {
                found.push(piece);
                entries.skip_current_dir();
            }
            continue;
        }
        let piece = recognise::recognise(&path, opener)?;
        if is_of_files(piece.kind) {
            rest.files += 1;
            rest.bytes += piece.bytes;
        } else {
            found.push(piece);
        }
    }
    Ok(())
}

/// Kinds that are a folder as a whole.
fn is_whole_folder(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DirectoryDump
            | Kind::BaseBackup
            | Kind::BaseBackupTar
            | Kind::DataDirectory
            | Kind::PgBackRest
    )
}

/// Kinds that are nobody's dump: what an application keeps may be an archive, too.
fn is_of_files(kind: Kind) -> bool {
    matches!(kind, Kind::Unknown | Kind::Tar | Kind::Zip | Kind::Encrypted)
}

/// Where snapshots are laid out.
pub(super) fn stage(work: &Path) -> Result<PathBuf> {
    let stage = work.join("stage");
    std::fs::create_dir_all(&stage)
        .map_err(|cause| Error::undecided("cannot make a folder for snapshots").because(cause))?;
    Ok(stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_read_of_either_tool() {
        let of_restic =
            br#"[{"short_id":"ab12","time":"2026-11-01T02:00:00.1+01:00","paths":["/x"]}]"#;
        assert_eq!(restic(of_restic).expect("read")[0].id, "ab12");
        assert!(restic(b"null").expect("none").is_empty());
        let of_borg =
            br#"{"archives":[{"name":"n1","time":"2026-11-01T02:00:00.000000","id":"x"}]}"#;
        assert_eq!(borg(of_borg).expect("read")[0].id, "n1");
        assert!(borg(b"{").is_err());
    }
}
