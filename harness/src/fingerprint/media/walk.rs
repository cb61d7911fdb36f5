//! Walks a directory tree: levels are listed in parallel, all files are hashed in parallel, then
//! every directory is looked at again.
//!
//! What changed meanwhile is read again, a few times; what still does not rest is undecided. No
//! recursion: depth costs neither stack nor open descriptors.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use jiff::Timestamp;
use rayon::prelude::*;
use rustix::fs::{FileType, fstat};

use super::list::{Directory, Found, Hashed, list, open};
use super::seen::{REST, Seen};
use super::trouble::Trouble;
use super::{Options, read, xattrs};
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::model::fingerprint::{MediaEntry, MediaFingerprint, MediaKind};
use crate::tree_path::{escape, named};

/// Looks at what does not rest, the first included.
const ROUNDS_MAX: usize = 4;

/// Files hashed between two opens of their directory.
const BATCH_FILES: usize = 16;

/// Takes the fingerprint of the tree under `root`.
///
/// # Errors
/// The root itself cannot be opened as a directory. Anything below it that cannot be read is a
/// value: [`MediaFingerprint::undecided`].
pub fn take(root: &Path, options: Options, events: &Events) -> Result<MediaFingerprint> {
    let shown = root.display();
    let root = File::open(root).attempt(|| format!("cannot open media store \"{shown}\""))?;
    if !root.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Error::usage(format!("media store \"{shown}\" is not a directory")));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .attempt(|| "cannot start hashing threads")?;
    Ok(pool.install(|| {
        let mut walk = Walk::new(root.as_fd(), options, events);
        let mut restless = BTreeSet::from([Vec::new()]);
        for _ in 0..ROUNDS_MAX {
            walk.list(std::mem::take(&mut restless));
            walk.hash();
            restless = walk.look_again();
            if restless.is_empty() {
                break;
            }
            // What was just written cannot be told from what is being written.
            thread::sleep(REST);
        }
        walk.into_fingerprint()
    }))
}

/// Everything known of a tree, by path below its root.
struct Walk<'root> {
    root: BorrowedFd<'root>,
    options: Options,
    events: &'root Events,
    directories: BTreeMap<Vec<u8>, Directory>,
    others: BTreeMap<Vec<u8>, Found>,
    undecided: BTreeMap<Vec<u8>, Trouble>,
}

impl<'root> Walk<'root> {
    fn new(root: BorrowedFd<'root>, options: Options, events: &'root Events) -> Self {
        Self {
            root,
            options,
            events,
            directories: BTreeMap::new(),
            others: BTreeMap::new(),
            undecided: BTreeMap::new(),
        }
    }

    /// Lists these directories and all below them. Files that rest keep what was read of them.
    fn list(&mut self, directories: BTreeSet<Vec<u8>>) {
        let mut known = BTreeMap::new();
        for path in &directories {
            remove_tree(&mut self.directories, path);
            remove_tree(&mut self.undecided, path);
            known.extend(remove_tree(&mut self.others, path));
        }
        let mut level = directories;
        while !level.is_empty() {
            let root = self.root;
            let listed: Vec<_> =
                level.into_par_iter().map(|path| (list(root, &path), path)).collect();
            level = BTreeSet::new();
            for (listed, path) in listed {
                match listed {
                    Ok(listed) => {
                        self.directories.insert(path, listed.directory);
                        self.others.extend(listed.others);
                        self.undecided.extend(listed.undecided);
                        level.extend(listed.directories);
                    }
                    Err(error) => {
                        self.undecided.insert(path, error.into());
                    }
                }
            }
        }
        for (path, found) in known {
            if let Some(again) = self.others.get_mut(&path)
                && again.seen == found.seen
            {
                again.hashed = found.hashed.filter(|hashed| !may_pass(hashed));
            }
        }
    }

    /// Reads every regular file that was not read yet, each inode once.
    fn hash(&mut self) {
        let mut inodes = HashMap::new();
        let mut later = Vec::new();
        let mut pending = Vec::new();
        for (path, found) in &self.others {
            if found.seen.kind != FileType::RegularFile || found.hashed.is_some() {
                continue;
            }
            let first = match found.seen.links {
                1 => path,
                _ => *inodes.entry(found.seen.inode()).or_insert(path),
            };
            if first == path {
                pending.push((path, found));
            } else {
                later.push((path.clone(), first.clone()));
            }
        }
        let total = pending.iter().map(|(_, found)| found.seen.size).sum();
        let done = AtomicU64::new(0);
        let hashed: Vec<_> = pending
            .par_chunks(BATCH_FILES)
            .flat_map_iter(|batch| {
                let hashed = self.hash_batch(batch);
                let bytes: u64 = batch.iter().map(|(_, found)| found.seen.size).sum();
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                self.events.progress("media", done, Some(total));
                hashed
            })
            .collect();
        for (path, hashed) in hashed {
            self.others.entry(path).and_modify(|found| found.hashed = Some(hashed));
        }
        for (path, first) in later {
            let first = &self.others[&first];
            let (seen, hashed) = (first.seen, first.hashed.clone());
            self.others.entry(path).and_modify(|found| {
                found.hashed =
                    hashed.filter(|_| found.seen == seen).or(Some(Err(Trouble::Changed)));
            });
        }
    }

    fn hash_batch(&self, batch: &[(&Vec<u8>, &Found)]) -> Vec<(Vec<u8>, Hashed)> {
        let mut buffer = Vec::new();
        let mut held: Option<(&[u8], OwnedFd)> = None;
        let mut hash = |path, found: &Found| {
            let (parent, name) = split(path);
            let directory = match held.take() {
                Some((of, directory)) if of == parent => directory,
                _ => open(self.root, parent)?,
            };
            let hashed =
                read::file(directory.as_fd(), name, &found.seen, self.options.sha256, &mut buffer);
            held = Some((parent, directory));
            hashed
        };
        batch.iter().map(|(path, found)| ((*path).clone(), hash(path, found))).collect()
    }

    /// Looks at every directory again, and names those that must be listed again for all in them
    /// to rest.
    fn look_again(&mut self) -> BTreeSet<Vec<u8>> {
        let root = self.root;
        let again: Vec<_> = self
            .directories
            .par_iter()
            .map(|(path, known)| (path, known, look(root, path)))
            .filter(|(_, known, now)| {
                !matches!(now, Ok(now) if *now == known.seen && now.rests(known.begun))
            })
            .map(|(path, _, now)| (path.clone(), now))
            .collect();
        for (path, now) in again {
            let trouble = match now {
                Ok(now) => {
                    self.directories.entry(path.clone()).and_modify(|known| known.seen = now);
                    Trouble::Changed
                }
                Err(error) => error.into(),
            };
            self.undecided.insert(path, trouble);
        }
        let paths =
            self.undecided.iter().filter(|(_, trouble)| trouble.may_pass()).map(|(path, _)| path);
        let files =
            self.others.iter().filter(|(_, found)| found.hashed.as_ref().is_some_and(may_pass));
        let restless: BTreeSet<Vec<u8>> = paths
            .map(|path| if self.directories.contains_key(path) { path } else { split(path).0 })
            .chain(files.map(|(path, _)| split(path).0))
            .map(<[u8]>::to_vec)
            .collect();
        // What lies below another is listed with it.
        let is_below = |path: &[u8]| above(path).any(|above| restless.contains(above));
        restless.iter().filter(|path| !is_below(path)).cloned().collect()
    }

    fn into_fingerprint(self) -> MediaFingerprint {
        let mut fingerprint = MediaFingerprint::default();
        let mut links: HashMap<(u64, u64), Vec<String>> = HashMap::new();
        for (path, directory) in self.directories {
            let entry = entry(MediaKind::Directory, &directory.seen, directory.xattrs);
            fingerprint.entries.insert(key(&path), entry);
        }
        for (path, found) in self.others {
            let key = key(&path);
            let seen = found.seen;
            match found.into_kind() {
                Ok((kind, xattrs)) => {
                    if seen.links > 1 && seen.kind == FileType::RegularFile {
                        links.entry(seen.inode()).or_default().push(key.clone());
                    }
                    fingerprint.entries.insert(key, entry(kind, &seen, xattrs));
                }
                Err(trouble) => {
                    fingerprint.undecided.insert(key, trouble.to_string());
                }
            }
        }
        for group in links.into_values() {
            super::link(&mut fingerprint.entries, &group);
        }
        let undecided =
            self.undecided.iter().map(|(path, trouble)| (key(path), trouble.to_string()));
        fingerprint.undecided.extend(undecided);
        fingerprint.taken_at = Some(Timestamp::now());
        fingerprint
    }
}

impl Found {
    fn into_kind(self) -> Hashed {
        let device = Some(self.seen.special);
        let kind = match (self.seen.kind, self.target, self.hashed) {
            (FileType::RegularFile, _, Some(hashed)) => return hashed,
            (FileType::Symlink, Some(target), _) => MediaKind::Symlink { target },
            (FileType::Fifo, ..) => super::special("fifo", None),
            (FileType::CharacterDevice, ..) => super::special("character device", device),
            (FileType::BlockDevice, ..) => super::special("block device", device),
            (kind, ..) => {
                return Err(Trouble::Unreadable(format!("is of an unknown type: {kind:?}")));
            }
        };
        Ok((kind, xattrs::Digests::new()))
    }
}

fn may_pass(hashed: &Hashed) -> bool {
    hashed.as_ref().is_err_and(Trouble::may_pass)
}

fn look(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<Seen> {
    Ok(Seen::from(&fstat(open(root, path)?)?))
}

/// The directory of a path, and its name there.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

/// The directories above a path, innermost first, down to the root.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(parent(path), |path| parent(path))
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    (!path.is_empty()).then(|| split(path).0)
}

/// Takes a path and all that lies below it out of a map.
fn remove_tree<T>(map: &mut BTreeMap<Vec<u8>, T>, path: &[u8]) -> BTreeMap<Vec<u8>, T> {
    let is_inside = |other: &[u8]| {
        let rest = if path.is_empty() { Some(&[][..]) } else { other.strip_prefix(path) };
        matches!(rest, Some([] | [b'/', ..]))
    };
    let (inside, outside) =
        std::mem::take(map).into_iter().partition(|(other, _)| is_inside(other));
    *map = outside;
    inside
}

/// The key of an entry.
fn key(path: &[u8]) -> String {
    named(&escape(path))
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
