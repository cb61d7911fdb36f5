//! Digests the content of one large object as it streams by: what the server computes from the
//! pages that it keeps, computed where there is no server, as from a dump.

use super::page_hash;
use crate::error::{Error, Result};
use crate::model::fingerprint::{LargeObject, RowHash};

/// Bytes of a page, in servers whose blocks have the usual 8 KiB.
const PAGE_BYTES: usize = 2048;

/// What was read of one object so far.
#[derive(Debug, Clone)]
pub struct ObjectContent {
    digest: Digest,
    bytes: u64,
}

#[derive(Debug, Clone)]
enum Digest {
    Blake3(Box<blake3::Hasher>),
    Pages { sum: i128, number: i32, page: Vec<u8> },
}

impl ObjectContent {
    /// Nothing yet. The digest compares with those that were taken with `row_hash`.
    #[must_use]
    pub fn new(row_hash: RowHash) -> Self {
        let digest = match row_hash {
            RowHash::Blake3Lattice => Digest::Blake3(Box::default()),
            RowHash::Chain64 => Digest::Pages { sum: 0, number: 0, page: Vec::new() },
        };
        Self { digest, bytes: 0 }
    }

    /// Adds what follows.
    ///
    /// # Errors
    /// Undecided beyond the size that a large object can have.
    pub fn push(&mut self, data: &[u8]) -> Result<()> {
        self.bytes += data.len() as u64;
        match &mut self.digest {
            Digest::Blake3(hasher) => {
                hasher.update(data);
            }
            Digest::Pages { sum, number, page } => {
                let mut rest = data;
                while !rest.is_empty() {
                    let (taken, left) = rest.split_at(rest.len().min(PAGE_BYTES - page.len()));
                    page.extend_from_slice(taken);
                    rest = left;
                    if page.len() == PAGE_BYTES {
                        *sum += hash(page, *number);
                        page.clear();
                        let next = number.checked_add(1);
                        *number = next.ok_or_else(|| Error::undecided("too many pages"))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds what stands at an offset; what was left out before it reads as zeros.
    ///
    /// # Errors
    /// Undecided when it begins before what was added already.
    pub fn push_at(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        if offset < self.bytes {
            return Err(Error::undecided("pages of a large object overlap"));
        }
        while self.bytes < offset {
            let zeros = usize::try_from(offset - self.bytes).map_or(4096, |left| left.min(4096));
            self.push(&ZEROS[..zeros])?;
        }
        self.push(data)
    }

    /// The object, when it has ended.
    #[must_use]
    pub fn finish(self) -> LargeObject {
        let digest = match self.digest {
            Digest::Blake3(hasher) => hasher.finalize().to_hex().to_string(),
            Digest::Pages { mut sum, number, mut page } => {
                page.resize(PAGE_BYTES, 0);
                sum += hash(&page, number);
                format!("{sum:032x}")
            }
        };
        LargeObject { bytes: self.bytes, digest }
    }
}

/// Zeros may be a page or none, and count for nothing.
fn hash(page: &[u8], number: i32) -> i128 {
    let is_zeros = page.iter().all(|byte| *byte == 0);
    if is_zeros { 0 } else { i128::from(page_hash::hash(page, number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: [RowHash; 2] = [RowHash::Chain64, RowHash::Blake3Lattice];

    fn content(row_hash: RowHash, pieces: &[(u64, &[u8])]) -> LargeObject {
        let mut content = ObjectContent::new(row_hash);
        for (offset, data) in pieces {
            content.push_at(*offset, data).unwrap();
        }
        content.finish()
    }

    #[test]
    fn holes_read_as_zeros() {
        let mut zeros = vec![0; 10_000];
        zeros[..3].copy_from_slice(b"abc");
        for row_hash in HASHES {
            let whole = content(row_hash, &[(0, &zeros), (10_000, b"d")]);
            assert_eq!(content(row_hash, &[(0, b"abc"), (10_000, b"d")]), whole);
            assert_ne!(content(row_hash, &[(0, b"abc"), (9_999, b"d")]), whole);
        }
    }

    #[test]
    fn how_it_is_cut_while_it_streams_by_does_not_matter() {
        let data: Vec<u8> = (0..=250).cycle().take(9_000).collect();
        for row_hash in HASHES {
            let whole = content(row_hash, &[(0, &data)]);
            let mut cut = ObjectContent::new(row_hash);
            data.chunks(777).for_each(|piece| cut.push(piece).unwrap());
            assert_eq!(cut.finish(), whole);
        }
    }

    #[test]
    fn pages_that_overlap_are_refused() {
        let mut content = ObjectContent::new(RowHash::Chain64);
        content.push(b"abc").unwrap();
        assert!(content.push_at(2, b"x").is_err());
    }
}
