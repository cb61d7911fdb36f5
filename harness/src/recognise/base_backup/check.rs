//! Holds the files of a base backup against its manifest, one after the other.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read};

use super::manifest::Manifest;
use crate::recognise::seen::Seen;

const CHUNK_BYTES: usize = 128 * 1024;

/// Files that a server or an operator makes, which no manifest lists (`pg_verifybackup`).
const NOT_LISTED: [&str; 5] = [
    "backup_manifest",
    "postgresql.auto.conf",
    "standby.signal",
    "recovery.signal",
    "tablespace_map",
];

/// A check of files.
pub(super) struct Check<'a> {
    manifest: &'a Manifest,
    met: HashSet<String>,
    pub(super) bytes: u64,
    pub(super) files: u64,
    buffer: Vec<u8>,
}

impl<'a> Check<'a> {
    pub(super) fn new(manifest: &'a Manifest) -> Self {
        let buffer = vec![0; CHUNK_BYTES];
        Self { manifest, met: HashSet::new(), bytes: 0, files: 0, buffer }
    }

    /// Reads a file to its end.
    ///
    /// # Errors
    /// It cannot be read to its end.
    pub(super) fn file(
        &mut self,
        path: &str,
        mut content: impl Read,
        seen: &mut Seen,
    ) -> io::Result<()> {
        self.files += 1;
        let promised = self.manifest.files.get(path);
        let mut sum = promised.and_then(super::manifest::Promised::summing);
        let mut bytes = 0;
        loop {
            match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => {
                    bytes += read as u64;
                    if let Some(sum) = &mut sum {
                        sum.push(&self.buffer[..read]);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes += bytes;
        let Some(promised) = promised else {
            if !self.manifest.files.is_empty() && !NOT_LISTED.contains(&path) {
                seen.damage(format!("{path} is not in its manifest"));
            }
            return Ok(());
        };
        self.met.insert(path.to_owned());
        if let Some(odd) = promised.oddity(bytes, sum) {
            seen.damage(format!("{path} {odd}"));
        }
        Ok(())
    }

    /// Names what was promised and has not been met.
    pub(super) fn finish(self, seen: &mut Seen) {
        let files = self.manifest.files.keys();
        let mut missing = files.filter(|path| !self.met.contains(*path)).collect::<Vec<_>>();
        missing.sort();
        for path in missing {
            seen.damage(format!("{path} is missing"));
        }
        seen.says.files = Some(self.files);
        seen.says.unpacked_bytes = Some(self.bytes);
    }
}
