//! Lists one directory below a root that is held open, without ever following a link: every step
//! opens one name below an open directory, so a tree that changes underfoot cannot lead out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, readlinkat, statat};

use super::seen::Seen;
use super::trouble::Trouble;
use super::xattrs;
use crate::model::fingerprint::MediaKind;
use crate::tree_path::escape;

/// Longest path below the root, in bytes: `PATH_MAX`. What lies deeper is undecided.
const PATH_BYTES_MAX: usize = 4096;

/// A directory, as it was when its listing began.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) seen: Seen,
    pub(super) xattrs: xattrs::Digests,
    /// When its listing began.
    pub(super) begun: SystemTime,
}

/// What reading a regular file gave.
pub(super) type Hashed = Result<(MediaKind, xattrs::Digests), Trouble>;

/// An entry that is not a directory.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) seen: Seen,
    /// Of a symbolic link.
    pub(super) target: Option<String>,
    /// Of a regular file, once it was read.
    pub(super) hashed: Option<Hashed>,
}

/// What a directory holds, by path.
pub(super) struct Listed {
    pub(super) directory: Directory,
    pub(super) directories: BTreeSet<Vec<u8>>,
    pub(super) others: BTreeMap<Vec<u8>, Found>,
    pub(super) undecided: BTreeMap<Vec<u8>, Trouble>,
}

/// Opens a directory below the root, one name after the other. The root is the empty path.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = openat(root, ".", flags, Mode::empty())?;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        directory = openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

/// Lists a directory.
pub(super) fn list(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<Listed> {
    let directory = open(root, path)?;
    let begun = SystemTime::now();
    let mut listed = Listed {
        directory: Directory {
            seen: Seen::from(&fstat(&directory)?),
            xattrs: xattrs::of(directory.as_fd())?,
            begun,
        },
        directories: BTreeSet::new(),
        others: BTreeMap::new(),
        undecided: BTreeMap::new(),
    };
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let below = join(path, name);
        if let Err(trouble) = listed.add(directory.as_fd(), name, below.clone()) {
            listed.undecided.insert(below, trouble);
        }
    }
    Ok(listed)
}

/// Joins a directory's path and a name.
fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

impl Listed {
    fn add(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        path: Vec<u8>,
    ) -> Result<(), Trouble> {
        if path.len() > PATH_BYTES_MAX {
            let reason = format!("lies deeper than {PATH_BYTES_MAX} bytes of path");
            return Err(Trouble::Unreadable(reason));
        }
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
        let seen = Seen::from(&stat);
        let target = match seen.kind {
            FileType::Directory => {
                self.directories.insert(path);
                return Ok(());
            }
            FileType::Socket => return Ok(()),
            FileType::Symlink => {
                let target = readlinkat(directory, name, Vec::new()).map_err(io::Error::from)?;
                Some(escape(target.as_bytes()))
            }
            _ => None,
        };
        self.others.insert(path, Found { seen, target, hashed: None });
        Ok(())
    }
}
