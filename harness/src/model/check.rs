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

/// Ids of the checks that every drill makes.
pub mod id {
    /// The copy holds what the running project held when it was read.
    pub const FILLED: &str = "source.equal";
    /// The running project is as it was before it was read.
    pub const UNTOUCHED: &str = "source.untouched";
    /// The method covers every critical volume.
    pub const COVERED: &str = "method.covers";
    /// The backup could be taken.
    pub const BACKUP: &str = "backup.completed";
    /// The artefact reads back in full and matches its manifest.
    pub const ARTEFACT_INTACT: &str = "artefact.intact";
    /// The dump holds every row of every table.
    pub const ARTEFACT_ROWS: &str = "artefact.rows";
    /// The media archive holds every file and nothing hostile.
    pub const ARTEFACT_MEDIA: &str = "artefact.media";
    /// The archives of the volumes hold every file and nothing hostile.
    pub const ARTEFACT_VOLUMES: &str = "artefact.volumes";
    /// The method's own verification accepts the artefact.
    pub const ARTEFACT_VERIFIED: &str = "artefact.verified";
    /// The data is gone.
    pub const DISASTER: &str = "disaster.happened";
    /// The artefact could be restored.
    pub const RESTORE: &str = "restore.completed";
    /// The server has the source's durable settings before the service starts.
    pub const DURABLE: &str = "restore.durable";
    /// The restored service became ready, and every health probe green.
    pub const SERVICE: &str = "service.recovered";
    /// Every row is back.
    pub const DATABASE: &str = "compare.database";
    /// Every other fact of the catalogue is back.
    pub const CATALOGUE: &str = "compare.catalogue";
    /// Every B-tree index holds what its table holds.
    pub const INDEXES: &str = "compare.indexes";
    /// Every acceptance of a divergence is about one.
    pub const ACCEPTED: &str = "compare.accepted";
    /// Every file is back.
    pub const MEDIA: &str = "compare.media";
    /// Every file of the volumes that were archived as files is back.
    pub const VOLUMES: &str = "compare.volumes";
    /// Every SQLite file is sound and holds the rows that it held.
    pub const SQLITE: &str = "compare.sqlite";
    /// Every reference from a row to a file resolves.
    pub const REFERENCES: &str = "compare.references";
    /// Every service still runs when all was asked.
    pub const STAYS: &str = "service.stays";
    /// No table lost rows when the application started.
    pub const KEEPS: &str = "service.keeps-rows";
    /// The service answers the same requests as before.
    pub const ALIKE: &str = "service.alike";
    /// The service is not one that begins anew.
    pub const NOT_EMPTY: &str = "service.not-empty";
    /// The restored stack tried to send nothing but what is expected.
    pub const EGRESS: &str = "egress.expected";
    /// No image was replaced under its tag while the drill ran.
    pub const IMAGES: &str = "images.same";
    /// No acknowledged write older than the recovery point is lost.
    pub const LEDGER: &str = "ledger.kept";
    /// The recovery time objective is met.
    pub const RECOVERY_TIME: &str = "objective.recovery-time";
    /// The recovery point objective is met.
    pub const DATA_LOSS: &str = "objective.data-loss";
}
