//! Walks a directory tree without ever following a link: every step opens one name below a
//! directory that is held open, so a tree that changes underfoot cannot lead out of its root.
//!
//! Levels are listed in parallel, then all files are hashed in parallel, then every directory is
//! looked at again. No recursion: depth costs neither stack nor open descriptors.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use rayon::prelude::*;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, readlinkat, statat};

use super::read::{self, CHANGED, Reason, unreadable};
use super::seen::Seen;
use super::{Options, xattrs};
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::model::fingerprint::{MediaEntry, MediaFingerprint, MediaKind};
use crate::tree_path::{escape, named};

/// Longest path below the root, in bytes: `PATH_MAX`. What lies deeper is undecided.
const PATH_BYTES_MAX: usize = 4096;

/// Files hashed between two opens of their directory.
const BATCH_FILES: usize = 64;

/// Takes the fingerprint of the tree under `root`.
///
/// # Errors
/// The root itself cannot be opened as a directory. Anything below it that cannot be read is a
/// value: [`MediaFingerprint::undecided`].
pub fn take(root: &Path, options: Options, events: &Events) -> Result<MediaFingerprint> {
    let open =
        File::open(root).attempt(|| format!("cannot open media store \"{}\"", root.display()))?;
    if !open.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Error::usage(format!("media store \"{}\" is not a directory", root.display())));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .attempt(|| "cannot start hashing threads")?;
    Ok(pool.install(|| {
        let listing = Listing::of(open.as_fd());
        let contents = hash(open.as_fd(), &listing, options, events);
        listing.into_fingerprint(open.as_fd(), contents)
    }))
}

/// Joins a directory's path and a name; the root is the empty path.
fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

/// The key of an entry.
fn key(path: &[u8]) -> String {
    named(&escape(path))
}

/// A directory as it was first seen.
struct Directory {
    path: Vec<u8>,
    seen: Seen,
    xattrs: xattrs::Digests,
}

/// An entry that is not a directory, by its directory and its name there.
struct Found {
    directory: usize,
    name: Vec<u8>,
    seen: Seen,
    target: Option<String>,
}

/// Everything below a root, before any content is read.
#[derive(Default)]
struct Listing {
    directories: Vec<Directory>,
    others: Vec<Found>,
    undecided: BTreeMap<String, Reason>,
}

/// What one directory holds.
struct Listed {
    directory: Directory,
    children: Vec<Vec<u8>>,
    others: Vec<Found>,
    undecided: BTreeMap<String, Reason>,
}

impl Listing {
    fn of(root: BorrowedFd<'_>) -> Self {
        let mut listing = Self::default();
        let mut level = vec![Vec::new()];
        while !level.is_empty() {
            let listed: Vec<_> = level
                .into_par_iter()
                .map(|path| {
                    let listed = list(root, &path);
                    (path, listed)
                })
                .collect();
            level = Vec::new();
            for (path, listed) in listed {
                match listed {
                    Ok(listed) => level.extend(listing.add(listed)),
                    Err(error) => {
                        listing.undecided.insert(key(&path), unreadable(&error));
                    }
                }
            }
        }
        listing
    }

    /// Adds one directory and gives the paths of those in it.
    fn add(&mut self, listed: Listed) -> Vec<Vec<u8>> {
        let index = self.directories.len();
        self.directories.push(listed.directory);
        self.undecided.extend(listed.undecided);
        self.others.extend(listed.others.into_iter().map(|mut found| {
            found.directory = index;
            found
        }));
        listed.children
    }

    fn path(&self, found: &Found) -> Vec<u8> {
        join(&self.directories[found.directory].path, &found.name)
    }
}

/// Opens a directory below the root, one name after the other.
fn open_directory(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = openat(root, ".", flags, Mode::empty())?;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        directory = openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

fn list(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<Listed> {
    let directory = open_directory(root, path)?;
    let mut listed = Listed {
        directory: Directory {
            path: path.to_vec(),
            seen: Seen::from(&fstat(&directory)?),
            xattrs: xattrs::of(directory.as_fd())?,
        },
        children: Vec::new(),
        others: Vec::new(),
        undecided: BTreeMap::new(),
    };
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let below = join(path, name);
        if let Err(reason) = listed.entry(directory.as_fd(), name, below.clone()) {
            listed.undecided.insert(key(&below), reason);
        }
    }
    Ok(listed)
}

impl Listed {
    fn entry(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        path: Vec<u8>,
    ) -> Result<(), Reason> {
        if path.len() > PATH_BYTES_MAX {
            return Err(format!("lies deeper than {PATH_BYTES_MAX} bytes of path"));
        }
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| unreadable(&error.into()))?;
        let seen = Seen::from(&stat);
        let target = match seen.kind {
            FileType::Directory => {
                self.children.push(path);
                return Ok(());
            }
            FileType::Socket => return Ok(()),
            FileType::Symlink => {
                let target = readlinkat(directory, name, Vec::new())
                    .map_err(|error| unreadable(&error.into()))?;
                Some(escape(target.as_bytes()))
            }
            _ => None,
        };
        self.others.push(Found { directory: 0, name: name.to_vec(), seen, target });
        Ok(())
    }
}

type Hashed = Result<(MediaKind, xattrs::Digests), Reason>;

/// Hashes every regular file, each inode once. By index of [`Listing::others`].
fn hash(
    root: BorrowedFd<'_>,
    listing: &Listing,
    options: Options,
    events: &Events,
) -> HashMap<usize, Hashed> {
    let mut inodes = HashMap::new();
    let files: Vec<usize> = (0..listing.others.len())
        .filter(|&index| {
            let seen = &listing.others[index].seen;
            let first = seen.links == 1
                || *inodes.entry((seen.device, seen.inode)).or_insert(index) == index;
            seen.kind == FileType::RegularFile && first
        })
        .collect();
    let total = files.iter().map(|&index| listing.others[index].seen.size).sum();
    let done = AtomicU64::new(0);
    let hashed: HashMap<_, _> = files
        .par_chunks(BATCH_FILES)
        .flat_map_iter(|batch| {
            let hashed = hash_batch(root, listing, batch, options.sha256);
            let bytes: u64 = batch.iter().map(|&index| listing.others[index].seen.size).sum();
            let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
            events.progress("media", done, Some(total));
            hashed
        })
        .collect();
    // Hard links share what their first name gave.
    (0..listing.others.len())
        .filter(|&index| listing.others[index].seen.kind == FileType::RegularFile)
        .map(|index| {
            let seen = &listing.others[index].seen;
            let first = inodes.get(&(seen.device, seen.inode)).copied().unwrap_or(index);
            let first_seen = &listing.others[first].seen;
            let result =
                if first_seen == seen { hashed[&first].clone() } else { Err(CHANGED.to_owned()) };
            (index, result)
        })
        .collect()
}

fn hash_batch(
    root: BorrowedFd<'_>,
    listing: &Listing,
    batch: &[usize],
    sha256: bool,
) -> Vec<(usize, Hashed)> {
    let mut buffer = Vec::new();
    let mut open: Option<(usize, io::Result<OwnedFd>)> = None;
    batch
        .iter()
        .map(|&index| {
            let found = &listing.others[index];
            let directory = match open.take() {
                Some((directory, descriptor)) if directory == found.directory => descriptor,
                _ => open_directory(root, &listing.directories[found.directory].path),
            };
            let hashed = match &directory {
                Ok(directory) => {
                    read::file(directory.as_fd(), &found.name, &found.seen, sha256, &mut buffer)
                }
                Err(error) => Err(unreadable(error)),
            };
            open = Some((found.directory, directory));
            (index, hashed)
        })
        .collect()
}

impl Listing {
    fn into_fingerprint(
        self,
        root: BorrowedFd<'_>,
        mut hashed: HashMap<usize, Hashed>,
    ) -> MediaFingerprint {
        let mut fingerprint = MediaFingerprint {
            taken_at: None,
            entries: BTreeMap::new(),
            undecided: self.undecided.clone(),
        };
        let mut links: HashMap<(u64, u64), Vec<String>> = HashMap::new();
        for (index, found) in self.others.iter().enumerate() {
            let key = key(&self.path(found));
            match found.kind(hashed.remove(&index)) {
                Ok((kind, xattrs)) => {
                    if found.seen.links > 1 && matches!(kind, MediaKind::File { .. }) {
                        let inode = (found.seen.device, found.seen.inode);
                        links.entry(inode).or_default().push(key.clone());
                    }
                    fingerprint.entries.insert(key, entry(kind, &found.seen, xattrs));
                }
                Err(reason) => {
                    fingerprint.undecided.insert(key, reason);
                }
            }
        }
        for group in links.into_values() {
            super::link(&mut fingerprint.entries, &group);
        }
        let again: Vec<_> =
            self.directories.par_iter().map(|directory| directory.look_again(root)).collect();
        for (directory, again) in self.directories.into_iter().zip(again) {
            let key = key(&directory.path);
            let seen = again.unwrap_or_else(|reason| {
                fingerprint.undecided.insert(key.clone(), reason);
                directory.seen
            });
            if seen != directory.seen {
                fingerprint.undecided.insert(key.clone(), CHANGED.to_owned());
            }
            let entry = entry(MediaKind::Directory, &seen, directory.xattrs);
            fingerprint.entries.insert(key, entry);
        }
        fingerprint.taken_at = Some(Timestamp::now());
        fingerprint
    }
}

impl Directory {
    fn look_again(&self, root: BorrowedFd<'_>) -> Result<Seen, Reason> {
        open_directory(root, &self.path)
            .and_then(|directory| Ok(Seen::from(&fstat(&directory)?)))
            .map_err(|error| unreadable(&error))
    }
}

impl Found {
    fn kind(&self, hashed: Option<Hashed>) -> Result<(MediaKind, xattrs::Digests), Reason> {
        if let Some(hashed) = hashed {
            return hashed;
        }
        let (major, minor) = self.seen.special;
        let kind = match (self.seen.kind, &self.target) {
            (FileType::Symlink, Some(target)) => MediaKind::Symlink { target: target.clone() },
            (FileType::Fifo, _) => super::special("fifo", None),
            (FileType::CharacterDevice, _) => {
                super::special("character device", Some((major, minor)))
            }
            (FileType::BlockDevice, _) => super::special("block device", Some((major, minor))),
            (kind, _) => return Err(format!("is of an unknown type: {kind:?}")),
        };
        Ok((kind, xattrs::Digests::new()))
    }
}

fn entry(kind: MediaKind, seen: &Seen, xattrs: xattrs::Digests) -> MediaEntry {
    MediaEntry {
        kind,
        mode: seen.mode,
        uid: seen.uid,
        gid: seen.gid,
        modified: seen.modified,
        xattrs,
    }
}
