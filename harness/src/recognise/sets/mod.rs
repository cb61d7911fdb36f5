//! What belongs together: pieces of one moment are one backup, and so is a chain of incremental
//! base backups.
//!
//! Only here do names count, and only for what they say of a time and of a series: two files whose
//! names differ in nothing but digits are two backups, not one.

mod chain;
mod stamp;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use self::stamp::series;
use super::{Opener, folder, recognise};
use crate::error::{Attempt, Result};
use crate::model::existing::{Kind, Piece, Set};

/// Between two pieces of one backup lies no more than this.
const APART_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Folders in folders are looked into down to here.
const DEPTH_MAX: usize = 4;

/// Names that a ground lists.
const NAMES_SHOWN: usize = 5;

/// The pieces as one backup, in the order in which they are restored; none of no piece.
#[must_use]
pub fn set(pieces: Vec<Piece>) -> Option<Set> {
    made(chain::linked(pieces), "given together".to_owned())
}

/// The backups that lie in a folder, the newest first. What is no backup is named in the ground of
/// the one that it lies beside.
///
/// # Errors
/// Something in it cannot be read.
pub fn found_in(dir: &Path, opener: &Opener) -> Result<Vec<Set>> {
    let mut pieces = Vec::new();
    if folder::is_piece(dir) {
        pieces.push(recognise(dir, opener)?);
    } else {
        gather(dir, opener, DEPTH_MAX, &mut pieces)?;
    }
    Ok(sets(pieces))
}

/// Pieces, grouped into backups, the newest first.
#[must_use]
pub fn sets(pieces: Vec<Piece>) -> Vec<Set> {
    let is_base = |piece: &Piece| piece.says.begins_at.is_some();
    let (bases, others): (Vec<_>, Vec<_>) = pieces.into_iter().partition(is_base);
    let is_none = |piece: &Piece| piece.kind == Kind::Unknown && piece.damage.is_empty();
    let (strangers, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_none);
    let mut found = Vec::new();
    for chain in chain::chains(&bases) {
        let ground = match chain.len() {
            1 => "a base backup by itself".to_owned(),
            links => format!("a chain of {links} base backups, the full one first"),
        };
        found.extend(made(chain, ground));
    }
    for group in groups(others) {
        let ground = ground(&group);
        found.extend(made(group, ground));
    }
    found.sort_by_key(|set| std::cmp::Reverse(set.taken_at));
    explain(&strangers, &mut found);
    found
}

/// Every piece below a folder.
fn gather(dir: &Path, opener: &Opener, depth: usize, pieces: &mut Vec<Piece>) -> Result<()> {
    let what = || format!("cannot look into {}", dir.display());
    let entries = fs::read_dir(dir).attempt(what)?.collect::<io::Result<Vec<_>>>().attempt(what)?;
    let mut paths = entries.iter().map(fs::DirEntry::path).collect::<Vec<PathBuf>>();
    paths.sort();
    for path in paths {
        // A link names what lies elsewhere, or what was met already.
        let kind = fs::symlink_metadata(&path).attempt(what)?.file_type();
        let is_folder = kind.is_dir();
        if is_folder && !folder::is_piece(&path) {
            if depth > 0 {
                gather(&path, opener, depth - 1, pieces)?;
            }
        } else if (is_folder || kind.is_file()) && !is_a_part(&path) {
            pieces.push(recognise(&path, opener)?);
        }
    }
    Ok(())
}

/// Whether a file is a part of the database beside it.
fn is_a_part(path: &Path) -> bool {
    let name = path.as_os_str().to_string_lossy();
    let beside = ["-wal", "-shm", "-journal"].iter().find_map(|ending| name.strip_suffix(ending));
    beside.is_some_and(|database| Path::new(database).is_file())
}

/// Pieces of one folder and of one moment.
fn groups(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut dated = pieces.into_iter().map(|piece| (moment(&piece), piece)).collect::<Vec<_>>();
    dated.sort_by(|(one, a), (other, b)| {
        (a.path.parent(), one, &a.path).cmp(&(b.path.parent(), other, &b.path))
    });
    let mut groups: Vec<Vec<(Timestamp, Piece)>> = Vec::new();
    for (at, piece) in dated {
        match groups.last_mut().filter(|group| belongs(group, at, &piece)) {
            Some(group) => group.push((at, piece)),
            None => groups.push(vec![(at, piece)]),
        }
    }
    let without_dates =
        |group: Vec<(Timestamp, Piece)>| group.into_iter().map(|(_, it)| it).collect();
    groups.into_iter().map(without_dates).collect()
}

fn belongs(group: &[(Timestamp, Piece)], at: Timestamp, piece: &Piece) -> bool {
    let near = group.last().is_some_and(|(last, _)| at.duration_since(*last) <= APART_MAX);
    let beside = group.iter().all(|(_, other)| other.path.parent() == piece.path.parent());
    let another = group.iter().all(|(_, other)| series(&other.path) != series(&piece.path));
    near && beside && another
}

/// When a piece was made: as its name says, as it says itself, or by its file system.
fn moment(piece: &Piece) -> Timestamp {
    stamp::of(&piece.path, piece.modified).or(piece.says.taken_at).unwrap_or(piece.modified)
}

fn ground(group: &[Piece]) -> String {
    match group {
        [_] => "by itself: nothing beside it is of the same time".to_owned(),
        several => format!("{} pieces of one folder and of the same time", several.len()),
    }
}

/// A set, in the order in which its pieces are restored.
fn made(mut pieces: Vec<Piece>, ground: String) -> Option<Set> {
    pieces.sort_by_key(|piece| match piece.kind {
        Kind::Globals => 0,
        // The order of a chain is its own.
        Kind::BaseBackup | Kind::BaseBackupTar => 1,
        Kind::Tar | Kind::Zip => 3,
        _ => 2,
    });
    let times = pieces.iter().map(|piece| piece.says.taken_at.unwrap_or(piece.modified));
    let taken_at = times.max()?;
    Some(Set { pieces, taken_at, ground })
}

/// Names what is no backup where it lies.
fn explain(strangers: &[Piece], sets: &mut [Set]) {
    for set in sets {
        let folder = set.pieces.first().and_then(|piece| piece.path.parent());
        let beside = strangers.iter().filter(|it| it.path.parent() == folder);
        let names = beside.filter_map(|it| it.path.file_name());
        let names = names.map(|it| format!("{}", it.display())).collect::<Vec<_>>();
        if let [first, ..] = names.as_slice() {
            let shown = names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let shown = if names.len() > NAMES_SHOWN {
                format!("{first} and {} more", names.len() - 1)
            } else {
                shown
            };
            set.ground.push_str("; beside lies what is no backup: ");
            set.ground.push_str(&crate::printable::printable(&shown));
        }
    }
}
