//! What an operator's own statement about the data gave.

use serde::{Deserialize, Serialize};

/// What an invariant's SQL gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// So many rows, and a digest of all of them.
    Rows {
        /// Number of rows.
        count: i64,
        /// MD5 of their text, sorted.
        digest: String,
    },
    /// It could not be evaluated, in the server's words.
    Broken(String),
}
