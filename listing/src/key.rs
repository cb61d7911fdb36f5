//! The key under which a list of rows hashes values. Whoever does not have it cannot try values
//! out, nor tell by two lists which values are the same.

use serde::{Deserialize, Serialize};

/// A key, or the absence of one: lists that were taken apart compare only without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Option<String>", into = "Option<String>")]
pub struct HashKey(Option<blake3::Hash>);

impl HashKey {
    /// No key: lists of any two databases compare.
    pub const NONE: Self = Self(None);

    /// A new one from the system's random source.
    #[must_use]
    pub fn random() -> Self {
        let mut hasher = blake3::Hasher::new();
        for _ in 0..4 {
            hasher.update(uuid::Uuid::new_v4().as_bytes());
        }
        Self(Some(hasher.finalize()))
    }

    /// The hash of a value, or of a row.
    pub(crate) fn hash(&self, bytes: &[u8]) -> blake3::Hash {
        match &self.0 {
            None => blake3::hash(bytes),
            Some(key) => blake3::keyed_hash(key.as_bytes(), bytes),
        }
    }

    /// 32 bits of it: they tell which column differs; that the row does, the digest of its table
    /// has told.
    #[must_use]
    pub fn short(&self, field: &[u8]) -> u32 {
        let [a, b, c, d, ..] = *self.hash(field).as_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl From<HashKey> for Option<String> {
    fn from(key: HashKey) -> Self {
        key.0.map(|key| key.to_hex().to_string())
    }
}

impl TryFrom<Option<String>> for HashKey {
    type Error = blake3::HexError;

    fn try_from(text: Option<String>) -> Result<Self, Self::Error> {
        text.map(blake3::Hash::from_hex).transpose().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_come_back_from_text() {
        let (one, other) = (HashKey::random(), HashKey::random());
        assert_ne!(one, other);
        assert_ne!(one.hash(b"12.5"), other.hash(b"12.5"));
        for key in [one, HashKey::NONE] {
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<HashKey>(&text).unwrap(), key);
        }
        assert!(serde_json::from_str::<HashKey>("\"short\"").is_err());
    }
}
