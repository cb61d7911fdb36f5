//! Checks: what a drill promises to find out, and what it found.

use serde::{Deserialize, Serialize};

/// What came of a check. Only [`Outcome::Passed`] counts as proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Proved.
    Passed,
    /// Refuted.
    Failed,
    /// Holds, but the operator should look.
    Warned,
    /// Not applicable here; the reason is in the detail.
    Skipped,
    /// Could not be found out.
    Undecided,
}

impl Outcome {
    /// The word used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Warned => "warned",
            Self::Skipped => "skipped",
            Self::Undecided => "undecided",
        }
    }
}

/// A check that the plan promises. The verdict is computed from these, so one
/// that never reports makes the drill undecided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCheck {
    /// Stable name, such as `compare.database`.
    pub id: String,
    /// The requirement it serves, such as `FR-4.2`.
    pub requirement: String,
    /// What a pass means, in one line.
    pub title: String,
}

impl PlannedCheck {
    /// A planned check from its three texts.
    pub fn new(
        id: impl Into<String>,
        requirement: impl Into<String>,
        title: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), requirement: requirement.into(), title: title.into() }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The id of the planned check.
    pub id: String,
    /// The requirement it serves.
    pub requirement: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was seen: figures for a pass, the cause for anything else.
    pub detail: String,
}
