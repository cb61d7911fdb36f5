//! Reads one regular file, below a directory that is held open, into its digests.
//!
//! Never follows a link, never blocks on a fifo that took the file's place, and refuses content
//! that changed while it was read: the caller gets a reason instead of a digest.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use rayon::prelude::*;
use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::content::{Layout, PIECE_BYTES, Pieces};
use super::seen::Seen;
use super::trouble::Trouble;
use super::xattrs;
use crate::model::fingerprint::MediaKind;

/// Files from this size on are spread over the cores; smaller ones are spread by file.
const SHARED_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// Reads the file `name` of `directory`, which was last seen as `seen`.
pub(super) fn file(
    directory: BorrowedFd<'_>,
    name: &[u8],
    seen: &Seen,
    sha256: bool,
    buffer: &mut Vec<u8>,
) -> Result<(MediaKind, xattrs::Digests), Trouble> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(directory, name, flags, Mode::empty());
    let file = File::from(opened.map_err(|error| match error {
        Errno::LOOP => Trouble::Changed,
        error => io::Error::from(error).into(),
    })?);
    let begun = SystemTime::now();
    unchanged(&file, seen)?;
    let content = digest(&file, seen.size, sha256, buffer)?;
    let xattrs = xattrs::of(file.as_fd())?;
    unchanged(&file, seen)?;
    if seen.rests(begun) { Ok((content, xattrs)) } else { Err(Trouble::Changed) }
}

fn unchanged(file: &File, seen: &Seen) -> Result<(), Trouble> {
    let now = fstat(file).map_err(io::Error::from)?;
    if Seen::from(&now) == *seen { Ok(()) } else { Err(Trouble::Changed) }
}

fn digest(file: &File, size: u64, sha256: bool, buffer: &mut Vec<u8>) -> io::Result<MediaKind> {
    let layout = Layout::of(size);
    let mut pieces = Pieces::new(layout);
    // SHA-256 is a chain: only one thread can follow it.
    let mut sha256 = sha256.then(Sha256::new);
    if size >= SHARED_BYTES_MIN && sha256.is_none() {
        let hashed = layout
            .pieces()
            .collect::<Vec<_>>()
            .into_par_iter()
            .map_init(Vec::new, |buffer, (offset, len)| {
                let bytes = piece(file, offset, len, buffer)?;
                Ok((offset, layout.piece(offset, bytes)))
            })
            .collect::<io::Result<Vec<_>>>()?;
        for (offset, piece) in hashed {
            pieces.add(offset, piece);
        }
    } else {
        for (offset, len) in layout.pieces() {
            let bytes = piece(file, offset, len, buffer)?;
            if let Some(sha256) = &mut sha256 {
                sha256.update(bytes);
            }
            pieces.add(offset, layout.piece(offset, bytes));
        }
    }
    pieces.into_kind(sha256).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn piece<'buffer>(
    file: &File,
    offset: u64,
    len: usize,
    buffer: &'buffer mut Vec<u8>,
) -> io::Result<&'buffer [u8]> {
    if buffer.len() < len {
        // Zeroed by the allocator: `resize` writes byte by byte in a development build.
        *buffer = vec![0; PIECE_BYTES];
    }
    let bytes = &mut buffer[..len];
    file.read_exact_at(bytes, offset)?;
    Ok(bytes)
}
