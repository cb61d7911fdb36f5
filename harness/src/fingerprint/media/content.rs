//! Digests of a file's content, computed piece by piece in any order and on any core.
//!
//! BLAKE3 is a tree: the chaining values of a file's leaves are computed once, give the digest of
//! the whole when merged, and name the chunk where two files differ at no further cost. Source:
//! the BLAKE3 paper, section 2.1 (tree structure), and `blake3::hazmat`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use sha2::{Digest as _, Sha256};

use crate::model::fingerprint::{ChunkDigests, MediaKind};

/// Bytes read at a time: large enough to amortise the call, small enough to stay in a core's cache.
pub(super) const PIECE_BYTES: usize = 256 * 1024;

/// The finest chunk whose difference is named: what one round of 16 AVX-512 lanes hashes.
const CHUNK_BYTES_MIN: u64 = 16 * 1024;

/// Chunks a file at most, so that naming costs no more than 512 digits a file.
const CHUNKS_MAX: u64 = 64;

/// How a file of a given size is cut. Everything but the tail is a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    size: u64,
    chunk_bytes: u64,
}

impl Layout {
    pub(super) fn of(size: u64) -> Self {
        let chunk_bytes = size.div_ceil(CHUNKS_MAX).next_power_of_two().max(CHUNK_BYTES_MIN);
        Self { size, chunk_bytes }
    }

    /// Bytes of a leaf: never more than a piece, so that each piece is hashed where it was read.
    fn leaf_bytes(self) -> usize {
        usize::try_from(self.chunk_bytes).map_or(PIECE_BYTES, |chunk| chunk.min(PIECE_BYTES))
    }

    /// Offset and length of every piece, in order. An empty file has none.
    pub(super) fn pieces(self) -> impl Iterator<Item = (u64, usize)> {
        (0..self.size)
            .step_by(PIECE_BYTES)
            .map(move |offset| (offset, bounded_len(self.size - offset)))
    }

    /// Hashes one piece, which begins at `offset`.
    pub(super) fn piece(self, offset: u64, bytes: &[u8]) -> Piece {
        let leaf_bytes = self.leaf_bytes();
        // A content of one leaf is the root of its own tree.
        if self.size <= leaf_bytes as u64 {
            return Piece::Root(blake3::hash(bytes));
        }
        let offsets = (offset..).step_by(leaf_bytes);
        let leaves = bytes.chunks(leaf_bytes).zip(offsets).map(|(leaf, offset)| {
            Hasher::new().set_input_offset(offset).update(leaf).finalize_non_root()
        });
        Piece::Leaves(leaves.collect())
    }

    /// Merges all leaves, in order, into the digest of the whole and those of its chunks.
    fn merge(self, leaves: &[ChainingValue]) -> (blake3::Hash, ChunkDigests) {
        let (left, right) = leaves.split_at(left_leaves(leaves.len()));
        let root = merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash);
        let per_chunk = self.chunk_bytes / self.leaf_bytes() as u64;
        let chunks = ChunkDigests {
            chunk_bytes: self.chunk_bytes,
            digests: leaves
                .chunks(usize::try_from(per_chunk).unwrap_or(usize::MAX))
                .map(|chunk| hexadecimal(&subtree(chunk)[..4]))
                .collect(),
        };
        (root, chunks)
    }
}

/// A hashed piece.
pub(super) enum Piece {
    /// The only one: the digest of the whole.
    Root(blake3::Hash),
    /// Chaining values of its leaves, in order.
    Leaves(Vec<ChainingValue>),
}

/// The pieces of one content, hashed in any order, until the last one gives its digest.
pub(super) struct Pieces {
    layout: Layout,
    missing: u64,
    leaves: BTreeMap<u64, Vec<ChainingValue>>,
    digest: Option<(blake3::Hash, Option<ChunkDigests>)>,
}

impl Pieces {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            missing: layout.size.div_ceil(PIECE_BYTES as u64),
            leaves: BTreeMap::new(),
            digest: (layout.size == 0).then(|| (blake3::hash(&[]), None)),
        }
    }

    pub(super) fn add(&mut self, offset: u64, piece: Piece) {
        match piece {
            Piece::Root(digest) => self.digest = Some((digest, None)),
            Piece::Leaves(leaves) => {
                self.leaves.insert(offset, leaves);
                self.missing -= 1;
                if self.missing == 0 {
                    let leaves: Vec<_> = std::mem::take(&mut self.leaves).into_values().collect();
                    let (digest, chunks) = self.layout.merge(&leaves.concat());
                    self.digest = Some((digest, Some(chunks)));
                }
            }
        }
    }

    /// The file that has this content, once all pieces are there.
    pub(super) fn into_kind(self, sha256: Option<Sha256>) -> Option<MediaKind> {
        let (blake3, chunks) = self.digest?;
        Some(MediaKind::File {
            size: self.layout.size,
            blake3: blake3.to_hex().to_string(),
            sha256: sha256.map(|hasher| hexadecimal(&hasher.finalize())),
            chunks,
            linked_to: None,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Bytes of the next piece when `left` remain.
pub(super) fn bounded_len(left: u64) -> usize {
    usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES))
}

/// Leaves of the left subtree: the largest power of two that leaves at least one for the right.
fn left_leaves(leaves: usize) -> usize {
    1 << (leaves - 1).ilog2()
}

fn subtree(leaves: &[ChainingValue]) -> ChainingValue {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(left_leaves(leaves.len()));
    merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|index| u8::try_from((index ^ index >> 12) % 251).unwrap()).collect()
    }

    fn digest_in_pieces(bytes: &[u8]) -> (String, ChunkDigests) {
        let layout = Layout::of(bytes.len() as u64);
        let mut pieces = Pieces::new(layout);
        let ranges: Vec<_> = layout.pieces().collect();
        for (offset, len) in ranges.into_iter().rev() {
            let start = usize::try_from(offset).unwrap();
            pieces.add(offset, layout.piece(offset, &bytes[start..start + len]));
        }
        match pieces.into_kind(None) {
            Some(MediaKind::File { blake3, chunks, .. }) => (blake3, chunks.unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn merged_pieces_give_the_blake3_of_the_whole() {
        const KIB: usize = 1024;
        for size in [
            16 * KIB + 1,
            17 * KIB,
            32 * KIB,
            32 * KIB + 1,
            48 * KIB - 1,
            256 * KIB,
            256 * KIB + 1,
            1024 * KIB,
            1024 * KIB + 1,
            5 * 1024 * KIB + 77,
            33 * 1024 * KIB + 4097,
        ] {
            let bytes = content(size);
            let (root, chunks) = digest_in_pieces(&bytes);
            assert_eq!(root, blake3::hash(&bytes).to_string(), "{size} bytes");
            let count = (size as u64).div_ceil(chunks.chunk_bytes);
            assert!(count <= CHUNKS_MAX, "{size} bytes give {count} chunks");
            assert_eq!(chunks.digests.len() as u64, count * 8, "{size} bytes");
        }
    }

    #[test]
    fn one_flipped_byte_changes_only_the_digest_of_its_chunk() {
        let mut bytes = content(100 * 1024);
        let (_, before) = digest_in_pieces(&bytes);
        bytes[70_000] ^= 1;
        let (_, after) = digest_in_pieces(&bytes);
        let differing: Vec<_> = (0..before.digests.len() / 8)
            .filter(|chunk| before.digests[chunk * 8..][..8] != after.digests[chunk * 8..][..8])
            .collect();
        assert_eq!(differing, [70_000 / 16_384]);
    }
}
