//! The manifest of a base backup: every file of it, and the write-ahead log that it needs.
//!
//! Source: PostgreSQL, "Backup Manifest Format", versions 1 and 2.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::sum::{Algorithm, Sum};
use crate::recognise::seen::Seen;
use crate::tree_path::{downward, escape};

/// What a manifest is called.
pub(super) const FILE: &str = "backup_manifest";

/// A manifest of a million files has less.
pub(super) const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a manifest promises.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// Files, by their path below the data directory.
    pub(super) files: HashMap<String, Promised>,
    pub(super) ranges: Vec<Range>,
    pub(super) system: Option<String>,
}

/// A file that a manifest promises.
#[derive(Debug)]
pub(super) struct Promised {
    pub(super) bytes: u64,
    pub(super) sum: Option<(Algorithm, String)>,
}

/// A piece of the write-ahead log, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) timeline: u32,
    pub(super) start: u64,
    pub(super) end: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    files: Vec<StoredFile>,
    #[serde(rename = "WAL-Ranges", default)]
    ranges: Vec<StoredRange>,
    #[serde(rename = "System-Identifier", default)]
    system: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StoredFile {
    #[serde(rename = "Path", default)]
    path: Option<String>,
    #[serde(rename = "Encoded-Path", default)]
    encoded: Option<String>,
    #[serde(rename = "Size")]
    size: u64,
    #[serde(rename = "Checksum-Algorithm", default)]
    algorithm: Option<String>,
    #[serde(rename = "Checksum", default)]
    checksum: Option<String>,
}

#[derive(Deserialize)]
struct StoredRange {
    #[serde(rename = "Timeline")]
    timeline: u32,
    #[serde(rename = "Start-LSN")]
    start: String,
    #[serde(rename = "End-LSN")]
    end: String,
}

/// Reads a manifest and holds it against its own sum.
pub(super) fn read(bytes: &[u8], seen: &mut Seen) -> Option<Manifest> {
    let last = b"\n\"Manifest-Checksum\":";
    let Some(at) = memchr::memmem::rfind(bytes, last) else {
        seen.damage("its manifest has no end: the sum of itself is missing");
        return None;
    };
    let (summed, line) = (&bytes[..=at], String::from_utf8_lossy(&bytes[at + last.len()..]));
    let found = Sha256::digest(summed);
    let found = data_encoding::HEXLOWER.encode(&found);
    if line.trim().trim_end_matches('}').trim().trim_matches('"') != found {
        seen.damage("its manifest was altered: it does not match the sum of itself");
    }
    match serde_json::from_slice::<Stored>(bytes) {
        Ok(stored) => Some(Manifest::of(stored, seen)),
        Err(error) => {
            seen.damage(format!("its manifest cannot be understood: {error}"));
            None
        }
    }
}

impl Manifest {
    fn of(stored: Stored, seen: &mut Seen) -> Self {
        let mut manifest =
            Self { system: stored.system.map(|it| it.to_string()), ..Self::default() };
        let without = stored.files.iter().filter(|file| file.checksum.is_none()).count();
        if without > 0 {
            seen.open(format!("its manifest has no sum of {without} of its files"));
        }
        for file in stored.files {
            match file.named() {
                Some(path) => {
                    manifest.files.insert(path, file.promised());
                }
                None => seen.damage("its manifest names a file outside of the data directory"),
            }
        }
        for range in stored.ranges {
            match (lsn(&range.start), lsn(&range.end)) {
                (Some(start), Some(end)) => {
                    manifest.ranges.push(Range { timeline: range.timeline, start, end });
                }
                _ => seen.damage("its manifest has no place in the write-ahead log"),
            }
        }
        manifest
    }
}

impl StoredFile {
    fn named(&self) -> Option<String> {
        let bytes = match (&self.path, &self.encoded) {
            (Some(path), _) => path.as_bytes().to_vec(),
            (None, Some(hex)) => data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?,
            (None, None) => return None,
        };
        downward(&escape(&bytes))
    }

    fn promised(&self) -> Promised {
        let algorithm = self.algorithm.as_deref().and_then(Algorithm::named);
        let sum = algorithm.zip(self.checksum.as_ref());
        let sum = sum.map(|(algorithm, sum)| (algorithm, sum.to_lowercase()));
        Promised { bytes: self.size, sum }
    }
}

impl Promised {
    /// What is wrong with a file that was read to its end.
    pub(super) fn oddity(&self, bytes: u64, sum: Option<Sum>) -> Option<String> {
        if bytes != self.bytes {
            return Some(format!("has {bytes} bytes, its manifest says {}", self.bytes));
        }
        let (_, expected) = self.sum.as_ref()?;
        (sum?.finish() != *expected).then(|| "was altered: its sum is another".to_owned())
    }

    /// The sum that its content is held against.
    pub(super) fn summing(&self) -> Option<Sum> {
        self.sum.as_ref().map(|(algorithm, _)| Sum::of(*algorithm))
    }
}

/// A place in the write-ahead log: `0/2000028`.
pub(super) fn lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let part = |hex: &str| u32::from_str_radix(hex.trim(), 16).ok().map(u64::from);
    Some((part(high)? << 32) | part(low)?)
}
