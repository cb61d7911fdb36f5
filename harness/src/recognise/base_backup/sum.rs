//! Sums of files, as a manifest has them.

use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

/// How a sum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32c,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "CRC32C" => Some(Self::Crc32c),
            "SHA224" => Some(Self::Sha224),
            "SHA256" => Some(Self::Sha256),
            "SHA384" => Some(Self::Sha384),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// A sum that is being made.
pub(super) enum Sum {
    Crc32c(u32),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Sum {
    pub(super) fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32c => Self::Crc32c(0),
            Algorithm::Sha224 => Self::Sha224(Sha224::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha384 => Self::Sha384(Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32c(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
            Self::Sha224(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
            Self::Sha384(sum) => sum.update(bytes),
            Self::Sha512(sum) => sum.update(bytes),
        }
    }

    /// The sum as a manifest writes it. That of a CRC is in the server's order of bytes, and nobody
    /// makes servers of the other order any more.
    pub(super) fn finish(self) -> String {
        let hex = data_encoding::HEXLOWER;
        match self {
            Self::Crc32c(sum) => hex.encode(&sum.to_le_bytes()),
            Self::Sha224(sum) => hex.encode(&sum.finalize()),
            Self::Sha256(sum) => hex.encode(&sum.finalize()),
            Self::Sha384(sum) => hex.encode(&sum.finalize()),
            Self::Sha512(sum) => hex.encode(&sum.finalize()),
        }
    }
}
