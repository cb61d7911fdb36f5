//! A list of a table's rows, in the order of their keys: what two of them are compared by.

pub use listing::SampleRow;

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The primary key as text, or a hash of the whole row where there is none.
    pub key: Vec<u8>,
    /// A hash of each column.
    pub columns: Vec<u32>,
}
