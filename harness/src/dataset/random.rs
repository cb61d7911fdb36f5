//! Randomness that is the same on every machine and day: BLAKE3 in keyed, extendable mode.
//! Each row and file draws from a stream of its own, so any of them can be made alone.

use blake3::{Hasher, OutputReader};
use uuid::Uuid;

/// What everything in a dataset derives from.
#[derive(Debug, Clone)]
pub(super) struct Seed {
    key: [u8; 32],
}

impl Seed {
    pub(super) fn new(seed: u64) -> Self {
        Self { key: blake3::derive_key("korrigo restore drill 2026 dataset", &seed.to_le_bytes()) }
    }

    /// The stream for one `index` of one `purpose`.
    pub(super) fn stream(&self, purpose: &str, index: u64) -> Stream {
        let mut hasher = Hasher::new_keyed(&self.key);
        // The index has a fixed width and goes first, so no two pairs read the same.
        hasher.update(&index.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Stream { reader: hasher.finalize_xof(), block: [0; BLOCK], used: BLOCK }
    }
}

const BLOCK: usize = 64;

/// An endless, reproducible sequence of bytes.
pub(super) struct Stream {
    reader: OutputReader,
    block: [u8; BLOCK],
    used: usize,
}

impl Stream {
    pub(super) fn u64(&mut self) -> u64 {
        if self.used == BLOCK {
            self.reader.fill(&mut self.block);
            self.used = 0;
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.block[self.used..self.used + 8]);
        self.used += 8;
        u64::from_le_bytes(bytes)
    }

    /// A number below `bound`, which is not zero. The bias is below bound / 2^64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.u64()) * u128::from(bound);
        u64::try_from(product >> 64).expect("a u128 shifted by 64 bits fits")
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("an index fits")]
    }

    /// True once in `n` draws.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Fills `bytes` at full speed, past the buffered block.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.reader.fill(bytes);
    }

    /// A version 4 uuid.
    pub(super) fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.u64().to_le_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// `length` characters of the URL-safe base64 alphabet, six bits each.
    pub(super) fn token(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes.into_iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_distinct() {
        let draw = |seed, purpose, index| Seed::new(seed).stream(purpose, index).u64();
        assert_eq!(draw(7, "copy", 3), draw(7, "copy", 3));
        assert_ne!(draw(7, "copy", 3), draw(8, "copy", 3));
        assert_ne!(draw(7, "copy", 3), draw(7, "copy", 4));
        assert_ne!(draw(7, "copy", 3), draw(7, "exam", 3));
    }

    /// Pins the bytes: a release that changed them would make old seeds mean other data.
    #[test]
    fn the_stream_of_a_seed_never_changes() {
        assert_eq!(Seed::new(1).stream("pin", 0).u64(), 11_842_704_083_077_679_972);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut stream = Seed::new(1).stream("bounds", 0);
        let drawn: Vec<u64> = (0..1000).map(|_| stream.between(3, 5)).collect();
        assert!(drawn.iter().all(|number| (3..=5).contains(number)));
        assert!((3..=5).all(|number| drawn.contains(&number)));
    }
}
