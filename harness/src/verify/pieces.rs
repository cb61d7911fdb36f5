//! What was given: its pieces, their names, and a digest of all of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use walkdir::WalkDir;

use crate::error::{Attempt, Error, Result};
use crate::model::existing::{Kind, Piece};
use crate::recognise::{self, Opener};
use crate::stack::database::blocking;

/// What was given, together one backup.
#[derive(Debug, Clone)]
pub(super) struct Given {
    paths: Vec<PathBuf>,
    pub(super) pieces: Vec<Piece>,
    /// BLAKE3 of names and contents of everything.
    pub(super) digest: String,
}

impl Given {
    /// Reads it all.
    pub(super) async fn look(paths: &[PathBuf], opener: &Opener) -> Result<Self> {
        let all = paths.to_vec();
        let before = blocking(move || digest(&all)).await?;
        let pieces = recognise(paths.to_vec(), opener.clone()).await?;
        Ok(Self { paths: paths.to_vec(), pieces, digest: before })
    }

    /// The digest as it is now.
    pub(super) async fn digest_now(&self) -> Result<String> {
        let all = self.paths.clone();
        blocking(move || digest(&all)).await
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        let names = self.paths.iter().map(|path| path.display().to_string());
        names.collect::<Vec<_>>().join(" ")
    }

    /// How it was made.
    pub(super) fn method(&self) -> String {
        let kinds = self.pieces.iter().map(|piece| piece.kind.name()).collect::<BTreeSet<_>>();
        kinds.into_iter().collect::<Vec<_>>().join(" + ")
    }

    /// The same for every backup of the same databases: their names and kinds.
    pub(super) fn identity(&self) -> String {
        let mut parts = BTreeSet::new();
        for piece in &self.pieces {
            let databases = piece.says.databases.iter().cloned().collect::<Vec<_>>().join(",");
            parts.insert(format!("{}:{databases}", piece.kind.name()));
        }
        parts.into_iter().collect::<Vec<_>>().join(" ")
    }

    /// Pieces of some kinds.
    pub(super) fn of<'a>(&'a self, kinds: &'a [Kind]) -> impl Iterator<Item = &'a Piece> {
        self.pieces.iter().filter(|piece| kinds.contains(&piece.kind))
    }

    /// Bytes of all of it.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }

    /// When it was taken, as it says itself; and otherwise when its newest file was written.
    pub(super) fn taken_at(&self) -> (Timestamp, bool) {
        let said = self.pieces.iter().filter_map(|piece| piece.says.taken_at).min();
        let written = self.pieces.iter().map(|piece| piece.modified).max();
        match said {
            Some(said) => (said, true),
            None => (written.unwrap_or(Timestamp::UNIX_EPOCH), false),
        }
    }
}

/// Demands that everything that is named is there.
pub(super) fn there(paths: &[PathBuf]) -> Result<()> {
    paths.iter().try_for_each(|path| {
        let found = path.metadata().map(drop);
        found.map_err(|cause| {
            Error::usage(format!("there is no backup {}", path.display()))
                .because(cause)
                .hint("name files, folders or repositories that are there")
        })
    })
}

/// What each path is.
pub(super) async fn recognise(paths: Vec<PathBuf>, opener: Opener) -> Result<Vec<Piece>> {
    there(&paths)?;
    blocking(move || {
        let pieces = paths.iter().map(|path| recognise::recognise(path, &opener));
        let pieces = pieces.collect::<Result<Vec<_>>>()?;
        // What builds on another is restored after it.
        Ok(recognise::set(pieces).map(|set| set.pieces).unwrap_or_default())
    })
    .await
}

fn digest(paths: &[PathBuf]) -> Result<String> {
    let mut whole = blake3::Hasher::new();
    for path in paths {
        let unread = || format!("cannot read {}", path.display());
        let entries = WalkDir::new(path).follow_root_links(true).sort_by_file_name();
        for entry in entries {
            let entry = entry.attempt(unread)?;
            let name = entry.path().strip_prefix(path).unwrap_or(Path::new(""));
            whole.update(name.as_os_str().as_encoded_bytes());
            whole.update(&[0]);
            if entry.path().is_file() && !entry.path_is_symlink() || entry.depth() == 0 {
                digest_file(entry.path(), &mut whole).attempt(unread)?;
            }
        }
    }
    Ok(whole.finalize().to_hex().to_string())
}

fn digest_file(path: &Path, whole: &mut blake3::Hasher) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut file = File::open(path)?;
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(()),
            count => whole.update(&piece[..count]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_and_a_name_change_the_digest() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let paths = [dir.path().to_owned()];
        let of = || digest(&paths).expect("readable");
        std::fs::write(dir.path().join("a"), "1").expect("written");
        let first = of();
        assert_eq!(first, of());
        std::fs::write(dir.path().join("a"), "2").expect("written");
        let second = of();
        std::fs::rename(dir.path().join("a"), dir.path().join("b")).expect("renamed");
        assert_ne!(first, second);
        assert_ne!(second, of());
    }
}
