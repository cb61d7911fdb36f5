//! A collision-resistant digest of a multiset, whatever the order it arrives in.
//!
//! `LtHash` over 1024 lanes of 16 bits: each element is expanded to 2048 bytes by BLAKE3 and
//! added lane by lane; finding two multisets with the same sum is a short-vector problem.
//! Bellare and Micciancio, "A new paradigm for collision-free hashing", 1997; parameters of
//! Lewi, Kim, Maykov and Weis, "Securing update propagation with homomorphic hashing", 2019.

use solana_lattice_hash::lt_hash::LtHash;

/// The sum so far. Sums of parts add up to the sum of the whole.
#[derive(Clone)]
pub(super) struct Lattice {
    sum: Box<LtHash>,
}

impl Default for Lattice {
    fn default() -> Self {
        Self { sum: Box::new(LtHash::identity()) }
    }
}

impl Lattice {
    /// Adds one element.
    pub(super) fn insert(&mut self, element: &[u8]) {
        self.sum.mix_in(&LtHash::with(blake3::Hasher::new().update(element)));
    }

    /// Adds all elements of another sum.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.mix_in(&other.sum);
    }

    /// 256 bits, lowercase hexadecimal.
    pub(super) fn digest(&self) -> String {
        blake3::Hash::from_bytes(self.sum.checksum().0).to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(elements: &[&str]) -> String {
        let mut lattice = Lattice::default();
        for element in elements {
            lattice.insert(element.as_bytes());
        }
        lattice.digest()
    }

    #[test]
    fn the_order_does_not_matter_and_the_parts_add_up() {
        assert_eq!(digest(&["a", "b", "c"]), digest(&["c", "a", "b"]));
        let (mut left, mut right) = (Lattice::default(), Lattice::default());
        left.insert(b"a");
        right.insert(b"b");
        left.merge(&right);
        assert_eq!(left.digest(), digest(&["a", "b"]));
    }

    #[test]
    fn duplicates_and_boundaries_matter() {
        let all = [&["a", "b"][..], &["a", "b", "b"], &["a", "a", "b"], &["ab"], &["", "ab"], &[]];
        for (index, one) in all.iter().enumerate() {
            for other in &all[..index] {
                assert_ne!(digest(one), digest(other), "{one:?} {other:?}");
            }
        }
    }
}
