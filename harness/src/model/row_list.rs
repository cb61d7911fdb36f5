//! A list of a table's rows, in the order of their keys: what two of them are compared by.

use serde::{Deserialize, Serialize};

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The primary key as text, or a hash of the whole row where there is none.
    pub key: Vec<u8>,
    /// A hash of each column.
    pub columns: Vec<u32>,
}

/// A row in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRow {
    /// The key, as in the list.
    pub key: String,
    /// Each column's value as text; absent where it is null.
    pub values: Vec<Option<String>>,
}
