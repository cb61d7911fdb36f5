//! Divergences: what differs between two fingerprints, named so that a person can act.

use serde::{Deserialize, Serialize};

/// What kind of thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DivergenceKind {
    /// A table is missing, extra, or its rows differ.
    Table,
    /// A sequence stands elsewhere.
    Sequence,
    /// A large object is missing, extra or differs.
    LargeObject,
    /// A fact of the catalogue differs: a constraint, an owner, a grant, a role ….
    Catalogue,
    /// An index is damaged: its content contradicts its table.
    Index,
    /// A file is missing, extra, or differs.
    File,
    /// A row names a file that is not there, or whose content is not the recorded one.
    Reference,
}

/// A known way in which data goes bad, recognised from what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamageClass {
    /// Values lost digits: microseconds, numeric scale, float precision.
    PrecisionLoss,
    /// Text went through the wrong encoding.
    EncodingDamage,
    /// Text was cut.
    TruncatedText,
    /// A sequence stands behind what it feeds.
    SequenceBehind,
    /// An owner or a grant is gone.
    OwnerLost,
    /// Text sorts differently.
    CollationChanged,
}

/// How many rows of a table differ, and some of them by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDifference {
    /// Rows of the baseline that are not there.
    pub missing: u64,
    /// Rows that the baseline does not have.
    pub extra: u64,
    /// Rows under the same key with other values.
    pub changed: u64,
    /// Some of them: `missing 17`, `changed 4f0c…`. Bounded.
    pub samples: Vec<String>,
    /// Some of the values that changed. Bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueChange>,
}

/// One value that changed. Unless values were asked for, only its shape: `99.99`, `Xxxx`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChange {
    /// Key of its row.
    pub key: String,
    /// Its column.
    pub column: String,
    /// In the baseline.
    pub before: String,
    /// Now.
    pub after: String,
}

/// One difference between two fingerprints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// What kind of thing differs.
    pub kind: DivergenceKind,
    /// The thing: `public.grading_annotation`, `copies/2026/c-17.pdf`.
    pub subject: String,
    /// What differs, in one line without values of the data.
    pub detail: String,
    /// For a table: how many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowDifference>,
    /// For a table: which columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The known way of going bad that this looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<DamageClass>,
}
