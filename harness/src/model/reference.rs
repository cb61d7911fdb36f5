//! Where rows name files: columns of paths below the media root, and of the hashes of the files.

use serde::{Deserialize, Serialize};

/// A column whose values are paths below the media root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceColumn {
    /// `schema.table`, each quoted as in SQL where it needs to be.
    pub table: String,
    /// The column.
    pub column: String,
    /// The column that records the hash of the file's content.
    #[serde(default)]
    pub hash: Option<HashColumn>,
}

/// A column that records hashes: hexadecimal, or `bytea`. Rows without one are not judged by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashColumn {
    /// The column.
    pub column: String,
    /// What was computed.
    pub algorithm: Algorithm,
}

/// A hash that rows record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256. Needs a fingerprint of media that was taken with it.
    Sha256,
    /// BLAKE3.
    Blake3,
}
