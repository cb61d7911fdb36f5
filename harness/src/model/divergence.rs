//! Divergences: what differs between two fingerprints, named so that a person can act.

use serde::{Deserialize, Serialize};

use crate::printable::printable;

/// What kind of thing differs, data before what is built on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DivergenceKind {
    /// A table is missing, extra, or its rows differ.
    Table,
    /// A large object is missing, extra or differs.
    LargeObject,
    /// A file is missing, extra, or differs.
    File,
    /// A file of a volume is missing, extra, or differs; the volume's name comes first.
    Volume,
    /// A database of SQLite is missing, damaged, or its rows differ.
    Sqlite,
    /// A row names a file that is not there, or whose content is not the recorded one.
    Reference,
    /// An index is damaged: its content contradicts its table.
    Index,
    /// A sequence stands elsewhere.
    Sequence,
    /// A fact of the catalogue differs: a constraint, an owner, a grant, a role ….
    Catalogue,
}

impl DivergenceKind {
    /// The word used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Sequence => "sequence",
            Self::LargeObject => "large-object",
            Self::Catalogue => "catalogue",
            Self::Index => "index",
            Self::File => "file",
            Self::Volume => "volume",
            Self::Sqlite => "sqlite",
            Self::Reference => "reference",
        }
    }

    /// Why a difference of this kind refutes, unless more is known of it.
    fn refutes_because(self) -> &'static str {
        match self {
            Self::Table | Self::LargeObject | Self::File | Self::Volume | Self::Sqlite => {
                "data is not what it was"
            }
            Self::Reference => "a row names data that is not there",
            Self::Index => "queries by it return wrong rows",
            Self::Sequence => "numbers may be given twice, or never",
            Self::Catalogue => "structure or privileges are not what they were",
        }
    }
}

/// What a divergence means for the verdict. The gravest first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Data, structure or privileges are not what they were: refutes.
    #[default]
    Fatal,
    /// Nothing is lost, but somebody should look: does not refute, and is shown.
    Warned,
    /// What a correct restore does: shown, and nothing to look at.
    Note,
}

impl Severity {
    /// The word that a line about it begins with.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fatal => "differs",
            Self::Warned => "warned",
            Self::Note => "note",
        }
    }
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
    /// The thing, as SQL quotes it or as a path is written, and safe for a terminal:
    /// `public.grading_annotation`, `public."a.b"`, `copies/2026/c-17.pdf`.
    pub subject: String,
    /// What differs, in one line without values of the data.
    pub detail: String,
    /// What it means for the verdict.
    #[serde(default)]
    pub severity: Severity,
    /// Why it means that.
    #[serde(default)]
    pub reason: String,
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

impl Divergence {
    /// A divergence that refutes, as every one does of which nothing else is known.
    #[must_use]
    pub fn new(
        kind: DivergenceKind,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            subject: printable(&subject.into()).into_owned(),
            detail: printable(&detail.into()).into_owned(),
            severity: Severity::Fatal,
            reason: kind.refutes_because().to_owned(),
            rows: None,
            columns: Vec::new(),
            class: None,
        }
    }

    /// The same, meaning something else for the verdict, and why.
    #[must_use]
    pub fn weighed(self, severity: Severity, reason: impl Into<String>) -> Self {
        Self { severity, reason: reason.into(), ..self }
    }

    /// Whether it refutes.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }

    /// It in one line: what differs, and why that means what it does unless it goes without saying.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { subject, detail, reason, .. } = self;
        // Records that are older than reasons have none.
        if reason.is_empty() || (self.is_fatal() && reason == self.kind.refutes_because()) {
            format!("{subject}: {detail}")
        } else {
            format!("{subject}: {detail} ({reason})")
        }
    }
}
