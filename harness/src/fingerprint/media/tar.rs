//! The fingerprint of a store that can only be reached through a container: the same facts, from
//! the tar stream of `tar --format=posix --xattrs --numeric-owner -C STORE -cf - .`
//!
//! One thread frames the stream, the others hash its pieces in any order. Memory is bounded by
//! the pieces under way. What GNU tar itself could not read it only reports on standard error:
//! the caller must also demand its exit code.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rayon::Scope;
use sha2::{Digest as _, Sha256};

use super::content::{Layout, PIECE_BYTES, Pieces};
use super::{Options, link, special, xattrs};
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::model::fingerprint::{MediaEntry, MediaFingerprint, MediaKind};
use crate::tar_stream::{Kind, Member, TarStream};
use crate::tree_path::{downward, escape};

/// Pieces read ahead for each hashing thread.
const PIECES_AHEAD: usize = 4;

/// Takes the fingerprint of the tree that a tar stream carries.
///
/// # Errors
/// The stream is cut, malformed, or names paths outside of its root: never a shorter fingerprint.
pub fn take_from_tar(
    reader: impl Read,
    options: Options,
    events: &Events,
) -> Result<MediaFingerprint> {
    let mut tar = TarStream::new(reader);
    let ((), taken) = take_members(options, events, |collect| {
        while let Some(member) = tar.next().attempt(|| "cannot read the tar stream")? {
            let path = inside(&member.path)?;
            if member.kind == Kind::HardLink {
                inside(&member.link)?;
            }
            collect(&mut tar, member).attempt(|| format!("cannot read \"{path}\""))?;
        }
        Ok(())
    })?;
    taken
}

/// Takes the fingerprint of the members that `drive` hands over, each with the stream to read its
/// content from. None may lead out of the tree.
pub(crate) fn take_members<R: Read, T>(
    options: Options,
    events: &Events,
    drive: impl FnOnce(&mut dyn FnMut(&mut TarStream<R>, Member) -> io::Result<()>) -> Result<T>,
) -> Result<(T, Result<MediaFingerprint>)> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .attempt(|| "cannot start hashing threads")?;
    let mut taking = Taking {
        buffers: Buffers::new(options.jobs * PIECES_AHEAD + 1),
        sha256: options.sha256,
        bytes_done: 0,
        read: BTreeMap::new(),
        links: Vec::new(),
        undecided: BTreeMap::new(),
    };
    let driven = pool.in_place_scope(|scope| {
        drive(&mut |tar, member| {
            taking.member(tar, member, scope)?;
            events.progress("media", taking.bytes_done, None);
            Ok(())
        })
    })?;
    Ok((driven, taking.into_fingerprint()))
}

/// The path of a member or of a hard link's target, below the stream's root.
fn inside(path: &[u8]) -> Result<String> {
    let text = escape(path);
    downward(&text).ok_or_else(|| {
        Error::undecided(format!("the tar stream names \"{text}\", outside of its root"))
            .hint("archive the store with `tar -C STORE .`")
    })
}

/// A member as an entry, with its content if it is a file.
fn entry(member: &Member, content: Option<Content>) -> Result<MediaEntry> {
    let device = Some(member.device);
    let kind = match member.kind {
        Kind::File => content.and_then(Content::into_kind),
        Kind::Directory => Some(MediaKind::Directory),
        Kind::Symlink => Some(MediaKind::Symlink { target: escape(&member.link) }),
        Kind::Fifo => Some(special("fifo", None)),
        Kind::CharacterDevice => Some(special("character device", device)),
        Kind::BlockDevice => Some(special("block device", device)),
        Kind::HardLink | Kind::Other(_) => None,
    };
    let kind = kind.ok_or_else(|| {
        let path = escape(&member.path);
        Error::undecided(format!("cannot read \"{path}\", of type {:?}", member.kind))
    })?;
    let mut attributes = xattrs::Digests::new();
    // A link's own attributes cannot belong to it; see `xattrs`.
    if matches!(kind, MediaKind::File { .. } | MediaKind::Directory) {
        for (name, value) in member.xattrs.iter().filter(|(name, _)| xattrs::belongs(name)) {
            xattrs::insert(&mut attributes, name, value);
        }
    }
    Ok(MediaEntry {
        kind,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        modified: member.modified,
        xattrs: attributes,
    })
}

/// Gives every hard link the entry of its target and records their group.
fn resolve_links(fingerprint: &mut MediaFingerprint, links: Vec<(String, String)>) {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, target) in links {
        match fingerprint.entries.get(&target).cloned() {
            Some(_) if fingerprint.entries.contains_key(&path) => {
                fingerprint.undecided.insert(path, "appears twice in the stream".to_owned());
            }
            Some(entry) => {
                fingerprint.entries.insert(path.clone(), entry);
                groups.entry(target).or_default().push(path);
            }
            None => {
                let reason = format!("is a hard link to {target}, which the stream does not hold");
                fingerprint.undecided.insert(path, reason);
            }
        }
    }
    for (target, mut group) in groups {
        group.push(target);
        link(&mut fingerprint.entries, &group);
    }
}

/// The reading side: what was read so far.
struct Taking {
    buffers: Buffers,
    sha256: bool,
    bytes_done: u64,
    read: BTreeMap<String, (Member, Option<Content>)>,
    links: Vec<(String, String)>,
    undecided: BTreeMap<String, String>,
}

impl Taking {
    fn member<R: Read>(
        &mut self,
        tar: &mut TarStream<R>,
        member: Member,
        scope: &Scope<'_>,
    ) -> io::Result<()> {
        let path = inside(&member.path).map_err(io::Error::other)?;
        if member.kind == Kind::HardLink {
            self.links.push((path, inside(&member.link).map_err(io::Error::other)?));
            return Ok(());
        }
        let content = self.content(tar, &member, scope)?;
        if self.read.insert(path.clone(), (member, content)).is_some() {
            self.undecided.insert(path, "appears twice in the stream".to_owned());
        }
        Ok(())
    }

    /// Reads a file's content and leaves its pieces to the pool.
    fn content<R: Read>(
        &mut self,
        tar: &mut TarStream<R>,
        member: &Member,
        scope: &Scope<'_>,
    ) -> io::Result<Option<Content>> {
        if member.kind != Kind::File {
            return Ok(None);
        }
        let layout = Layout::of(member.size);
        let pieces = Arc::new(Mutex::new(Pieces::new(layout)));
        let mut sha256 = self.sha256.then(Sha256::new);
        for (offset, len) in layout.pieces() {
            let mut buffer = self.buffers.take();
            tar.read_exact(&mut buffer[..len])?;
            if let Some(sha256) = &mut sha256 {
                sha256.update(&buffer[..len]);
            }
            let (pieces, give_back) = (Arc::clone(&pieces), self.buffers.give_back());
            scope.spawn(move |_| {
                let piece = layout.piece(offset, &buffer[..len]);
                // The reader may have given up; then nobody waits for the buffer.
                let _ = give_back.send(buffer);
                pieces.lock().unwrap_or_else(PoisonError::into_inner).add(offset, piece);
            });
        }
        self.bytes_done += member.size;
        Ok(Some(Content { pieces, sha256 }))
    }

    /// When every piece was hashed.
    fn into_fingerprint(self) -> Result<MediaFingerprint> {
        let entries: Result<_> = self
            .read
            .into_iter()
            .map(|(path, (member, content))| Ok((path, entry(&member, content)?)))
            .collect();
        let (entries, undecided) = (entries?, self.undecided);
        let mut fingerprint =
            MediaFingerprint { taken_at: Some(Timestamp::now()), entries, undecided };
        resolve_links(&mut fingerprint, self.links);
        Ok(fingerprint)
    }
}

/// A content that was read and may still be hashed.
struct Content {
    pieces: Arc<Mutex<Pieces>>,
    sha256: Option<Sha256>,
}

impl Content {
    /// None unless every piece was hashed.
    fn into_kind(self) -> Option<MediaKind> {
        let pieces = Arc::into_inner(self.pieces)?;
        pieces.into_inner().unwrap_or_else(PoisonError::into_inner).into_kind(self.sha256)
    }
}

/// Buffers in circulation: reading waits for hashing to give one back.
struct Buffers {
    free: mpsc::Receiver<Vec<u8>>,
    give_back: mpsc::Sender<Vec<u8>>,
}

impl Buffers {
    fn new(count: usize) -> Self {
        let (give_back, free) = mpsc::channel();
        for _ in 0..count {
            let _ = give_back.send(vec![0; PIECE_BYTES]);
        }
        Self { free, give_back }
    }

    fn take(&self) -> Vec<u8> {
        // This side holds a sender, so the channel cannot close; a lost buffer is replaced.
        self.free.recv().unwrap_or_else(|_| vec![0; PIECE_BYTES])
    }

    fn give_back(&self) -> mpsc::Sender<Vec<u8>> {
        self.give_back.clone()
    }
}
