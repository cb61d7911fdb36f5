//! What differs between two entries of the same path, each difference with its words.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::model::divergence::{DamageClass, Severity};
use crate::model::fingerprint::{ChunkDigests, MediaEntry, MediaKind};

/// Digits of [`ChunkDigests`] a chunk.
const CHUNK_DIGITS: usize = 8;

/// One difference of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Only the baseline has it.
    Missing,
    /// Only the restored store has it.
    Extra,
    /// It is something else.
    Type(&'static str, &'static str),
    /// Its size, with up to where the content is the same, if known.
    Size(u64, u64, Option<u64>),
    /// Its content at the same size, with where.
    Content(Option<Span>),
    /// A symbolic link's target.
    Target(String, String),
    /// A device's numbers.
    Device(String, String),
    /// Permission bits.
    Mode(u32, u32),
    /// Owner and group.
    Owner((u32, u32), (u32, u32)),
    /// Modification time.
    Modified((i64, u32), (i64, u32)),
    /// Names of extended attributes: lost, gained, changed.
    Xattrs(Vec<String>, Vec<String>, Vec<String>),
    /// Which file it is a hard link to.
    Link(Option<String>, Option<String>),
}

/// Where contents differ, to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    from: u64,
    to: u64,
    chunks: usize,
    of: usize,
}

/// Everything that differs, most telling first.
pub(super) fn changes(was: &MediaEntry, is: &MediaEntry) -> Vec<Change> {
    let mut changes = Vec::new();
    changes.extend(kind_change(&was.kind, &is.kind));
    if let (MediaKind::File { linked_to: was, .. }, MediaKind::File { linked_to: is, .. }) =
        (&was.kind, &is.kind)
        && was != is
    {
        changes.push(Change::Link(was.clone(), is.clone()));
    }
    if was.mode != is.mode {
        changes.push(Change::Mode(was.mode, is.mode));
    }
    let owners = ((was.uid, was.gid), (is.uid, is.gid));
    if owners.0 != owners.1 {
        changes.push(Change::Owner(owners.0, owners.1));
    }
    if was.modified != is.modified {
        changes.push(Change::Modified(was.modified, is.modified));
    }
    changes.extend(xattr_change(&was.xattrs, &is.xattrs));
    changes
}

fn kind_change(was: &MediaKind, is: &MediaKind) -> Option<Change> {
    match (was, is) {
        (
            MediaKind::File { size: was_size, blake3: was_digest, chunks: was_chunks, .. },
            MediaKind::File { size: is_size, blake3: is_digest, chunks: is_chunks, .. },
        ) => {
            let chunks = was_chunks.as_ref().zip(is_chunks.as_ref());
            if was_size != is_size {
                let same = chunks.and_then(|(was, is)| same_until(was, is));
                Some(Change::Size(*was_size, *is_size, same))
            } else if was_digest != is_digest {
                let span = chunks.and_then(|(was, is)| span(was, is, *was_size));
                Some(Change::Content(span))
            } else {
                None
            }
        }
        (MediaKind::Directory, MediaKind::Directory) => None,
        (MediaKind::Symlink { target: was }, MediaKind::Symlink { target: is }) => {
            (was != is).then(|| Change::Target(was.clone(), is.clone()))
        }
        (MediaKind::Special { device: was }, MediaKind::Special { device: is }) => {
            (was != is).then(|| Change::Device(was.clone(), is.clone()))
        }
        (was, is) => Some(Change::Type(noun(was), noun(is))),
    }
}

/// The chunks that differ between contents of one size.
fn span(was: &ChunkDigests, is: &ChunkDigests, size: u64) -> Option<Span> {
    if was.chunk_bytes != is.chunk_bytes {
        return None;
    }
    let differing: Vec<usize> = pairs(was, is)
        .enumerate()
        .filter_map(|(index, (was, is))| (was != is).then_some(index))
        .collect();
    let (first, last) = (*differing.first()?, *differing.last()?);
    Some(Span {
        from: first as u64 * was.chunk_bytes,
        to: size.min((last as u64 + 1) * was.chunk_bytes),
        chunks: differing.len(),
        of: was.digests.len() / CHUNK_DIGITS,
    })
}

/// Up to where contents of different sizes are the same.
fn same_until(was: &ChunkDigests, is: &ChunkDigests) -> Option<u64> {
    let same = pairs(was, is).take_while(|(was, is)| was == is).count();
    (was.chunk_bytes == is.chunk_bytes && same > 0).then_some(same as u64 * was.chunk_bytes)
}

fn pairs<'digests>(
    was: &'digests ChunkDigests,
    is: &'digests ChunkDigests,
) -> impl Iterator<Item = (&'digests [u8], &'digests [u8])> {
    let was = was.digests.as_bytes().chunks(CHUNK_DIGITS);
    was.zip(is.digests.as_bytes().chunks(CHUNK_DIGITS))
}

fn xattr_change(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Option<Change> {
    let absent = |from: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        from.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
    };
    let changed = was
        .iter()
        .filter(|(name, value)| is.get(*name).is_some_and(|now| now != *value))
        .map(|(name, _)| name.clone())
        .collect();
    (was != is).then(|| Change::Xattrs(absent(was, is), absent(is, was), changed))
}

/// The word for a kind of entry.
pub(super) const fn noun(kind: &MediaKind) -> &'static str {
    match kind {
        MediaKind::File { .. } => "file",
        MediaKind::Directory => "directory",
        MediaKind::Symlink { .. } => "symbolic link",
        MediaKind::Special { .. } => "special file",
    }
}

impl Change {
    /// How much it matters, the least number most: what is gone, what is other data, what is
    /// new, who may read it, how it is kept, when it was written.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Type(..)
            | Self::Size(..)
            | Self::Content(_)
            | Self::Target(..)
            | Self::Device(..) => 1,
            Self::Extra => 2,
            Self::Mode(..) | Self::Owner(..) | Self::Xattrs(..) => 3,
            Self::Link(..) => 4,
            Self::Modified(..) => 5,
        }
    }

    /// What it means for the verdict, and why.
    pub(super) fn weight(&self) -> (Severity, &'static str) {
        match self.rank() {
            0..=2 => (Severity::Fatal, "data is not what it was"),
            3 => (Severity::Fatal, "privileges or attributes are not what they were"),
            4 => (Severity::Warned, "the content is the same, links to it are not"),
            _ => (Severity::Warned, "the content is the same, its time is not"),
        }
    }

    /// Whether it gives the directory that the entry is in another time.
    pub(super) fn touches_directory(&self) -> bool {
        self.rank() <= 2
    }

    /// Whether writing to a file does this.
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Self::Size(..) | Self::Content(_) | Self::Modified(..))
    }

    /// What makes two changes the same, for counting them together.
    pub(super) fn sort(&self) -> String {
        match self {
            Self::Size(..) => "size differs".to_owned(),
            Self::Content(_) => "content differs".to_owned(),
            Self::Target(..) => "target differs".to_owned(),
            Self::Modified(..) if self.class().is_some() => {
                "modification time lost its fraction of a second".to_owned()
            }
            Self::Modified(..) => "modification time differs".to_owned(),
            Self::Link(Some(_), None) => "hard link lost".to_owned(),
            Self::Link(..) => "hard link differs".to_owned(),
            exact => exact.to_string(),
        }
    }

    /// The known way of going bad that this is.
    pub(super) fn class(&self) -> Option<DamageClass> {
        match self {
            Self::Owner(..) => Some(DamageClass::OwnerLost),
            Self::Modified(was, is) if lost_digits(*was, *is) => Some(DamageClass::PrecisionLoss),
            _ => None,
        }
    }
}

/// Whether a time was cut to whole seconds, milliseconds or microseconds.
fn lost_digits(was: (i64, u32), is: (i64, u32)) -> bool {
    was != is
        && was.0 == is.0
        && [1_000_000_000, 1_000_000, 1_000].iter().any(|unit| was.1 / unit * unit == is.1)
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("missing"),
            Self::Extra => formatter.write_str("extra"),
            Self::Type(was, is) => write!(formatter, "{was} → {is}"),
            Self::Size(was, is, same) => {
                write!(formatter, "size {was} → {is} bytes")?;
                match same {
                    Some(offset) => write!(formatter, ", same up to offset {offset}"),
                    None => Ok(()),
                }
            }
            Self::Content(None) => formatter.write_str("content differs"),
            Self::Content(Some(span)) => write!(
                formatter,
                "content differs from offset {} to {} ({} of {} chunks)",
                span.from, span.to, span.chunks, span.of
            ),
            Self::Target(was, is) => write!(formatter, "target {was} → {is}"),
            Self::Device(was, is) => write!(formatter, "{was} → {is}"),
            Self::Mode(was, is) => write!(formatter, "mode {was:04o} → {is:04o}"),
            Self::Owner(was, is) => {
                write!(formatter, "owner {}:{} → {}:{}", was.0, was.1, is.0, is.1)
            }
            Self::Modified(was, is) => {
                write!(formatter, "modified {} → {}", Instant(*was), Instant(*is))
            }
            Self::Xattrs(lost, gained, changed) => {
                let parts = [("lost", lost), ("gained", gained), ("changed", changed)];
                let texts: Vec<_> = parts
                    .iter()
                    .filter(|(_, names)| !names.is_empty())
                    .map(|(what, names)| format!("{} {what}", names.join(", ")))
                    .collect();
                write!(formatter, "extended attributes {}", texts.join(", "))
            }
            Self::Link(Some(was), None) => write!(formatter, "hard link to {was} lost"),
            Self::Link(None, Some(is)) => write!(formatter, "became a hard link to {is}"),
            Self::Link(was, is) => write!(
                formatter,
                "hard link to {} → {}",
                was.as_deref().unwrap_or("none"),
                is.as_deref().unwrap_or("none")
            ),
        }
    }
}

struct Instant((i64, u32));

impl fmt::Display for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = self.0;
        match Timestamp::new(seconds, i32::try_from(nanoseconds).unwrap_or(0)) {
            Ok(instant) => write!(formatter, "{instant}"),
            Err(_) => write!(formatter, "{seconds}.{nanoseconds:09} s since 1970"),
        }
    }
}
