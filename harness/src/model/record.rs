//! The record of a drill: everything that a report may show, in one serialisable value.
//! Its shape is documented in `docs/report-schema.md`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::artefact::{Manifest, Store};
use super::check::Check;
use super::divergence::Divergence;
use super::egress::Egress;
use super::existing::ExistingRecord;
use super::finding::Finding;
use super::image::ImageRecord;
use super::not_proved::NotProved;
use super::origin::Origin;
use super::phase::Phase;
use super::profile::Profile;

/// Version of the record's format.
pub const RECORD_SCHEMA: u32 = 1;

/// What a drill concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every planned check was proved.
    Passed,
    /// Something was lost, broken or too slow.
    Failed,
    /// Something could not be found out, and nothing was refuted.
    Undecided,
}

impl Verdict {
    /// The word used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Undecided => "undecided",
        }
    }

    /// Process exit code, as documented in `docs/exit-codes.md`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Undecided => 3,
        }
    }
}

/// The record of one drill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub schema_version: u32,
    /// The run's id.
    pub run_id: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// Seed of the dataset.
    pub seed: u64,
    /// The conclusion.
    pub verdict: Verdict,
    /// Why the verdict is not `passed`; empty when it is.
    pub reasons: Vec<String>,
    /// Where the data came from.
    #[serde(default)]
    pub origin: Origin,
    /// What the verdict does not cover.
    #[serde(default)]
    pub not_proved: Vec<NotProved>,
    /// The stack that was cloned.
    pub stack: StackRecord,
    /// The backup method.
    pub method: String,
    /// The disaster.
    pub disaster: String,
    /// How the server was set while it was restored.
    #[serde(default)]
    pub profile: Profile,
    /// Durations.
    pub timings: Timings,
    /// What was compared, and what differed.
    pub integrity: Integrity,
    /// Acknowledged writes, once a ledger was kept.
    pub ledger: LedgerRecord,
    /// What the copy tried to send, where that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// Every planned check with its outcome.
    pub checks: Vec<Check>,
    /// Judged observations of an audit.
    pub findings: Vec<Finding>,
    /// Every command that was run.
    pub commands: Vec<CommandRecord>,
    /// The artefact's manifest, once one was taken.
    pub artefact: Option<Manifest>,
    /// The backup that was judged, where it is none of this tool's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingRecord>,
    /// The machine and its tools, by name.
    pub environment: BTreeMap<String, String>,
    /// What was removed at the end, when the engine listed nothing of the run any more. Absent where
    /// the copy was kept, and until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removed>,
}

/// What a run had made in the engine and removed: ids of containers, names of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Containers that were there at the end.
    pub containers: BTreeSet<String>,
    /// Networks.
    pub networks: BTreeSet<String>,
    /// Volumes.
    pub volumes: BTreeSet<String>,
}

impl Removed {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { containers, networks, volumes } = self;
        let counted = |count: usize, what: &str| {
            format!("{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        let containers = counted(containers.len(), "container");
        let networks = counted(networks.len(), "network");
        let volumes = counted(volumes.len(), "volume");
        format!("{containers}, {networks}, {volumes}; nothing is left of the copy")
    }
}

/// The stack that was cloned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackRecord {
    /// Folder name of the stack.
    pub name: String,
    /// Services in start order as compose lists them.
    pub services: Vec<String>,
    /// Scale of the dataset, as asked for.
    pub scale: String,
    /// The image that each service ran, as the engine had it when the copy started.
    #[serde(default)]
    pub images: BTreeMap<String, ImageRecord>,
}

/// Durations of a drill, in seconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Disaster to the first fully green probe round. Absent if that never came.
    pub recovery_time_s: Option<f64>,
    /// Recovery point to the last acknowledged write that is gone, where a ledger was kept;
    /// otherwise the age of the recovery point when the disaster struck: the most that can be lost.
    pub data_loss_s: Option<f64>,
    /// What the tool took itself: the time in which it waited for no command, no answer of the
    /// service and no server. Absent in records that are older than this figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness_s: Option<f64>,
    /// Every phase that ran.
    pub phases: Vec<PhaseTiming>,
    /// What the restore spent its time on. Steps may run side by side.
    #[serde(default)]
    pub restore_steps: Vec<StepTiming>,
    /// Plain copies of the same volumes, where the drill was asked to make some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyTiming>,
}

/// Duration of one step of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// What was done.
    pub step: String,
    /// The store that it brings back, where it is about one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
    /// How long, in seconds.
    pub seconds: f64,
}

/// What a plain copy of a volume costs: the bound that a restore is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyTiming {
    /// The store that it holds.
    pub store: Store,
    /// The volume.
    pub volume: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Copying every file within the volume and flushing it to disk, in seconds.
    pub seconds: f64,
}

/// Duration of a phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PhaseTiming {
    /// Which one.
    pub name: Phase,
    /// How long, in seconds.
    pub seconds: f64,
}

/// What was compared, and what differed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Integrity {
    /// Tables whose rows were compared.
    pub tables_compared: u64,
    /// Rows compared.
    pub rows_compared: u64,
    /// Files compared.
    pub files_compared: u64,
    /// Bytes of files compared.
    pub bytes_compared: u64,
    /// Volumes compared file by file.
    #[serde(default)]
    pub volumes_compared: u64,
    /// Databases of SQLite compared table by table; their tables and rows are counted with all others.
    #[serde(default)]
    pub sqlite_compared: u64,
    /// References from rows to files that were resolved.
    pub references_checked: u64,
    /// Sequences and other facts of the catalogue compared.
    pub facts_compared: u64,
    /// What differed.
    pub divergences: Vec<Divergence>,
    /// What could not be compared, and why.
    pub undecided: Vec<String>,
    /// What is no part of the comparison, by name, and why: foreign tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
}

/// Acknowledged writes made during a drill.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LedgerRecord {
    /// Writes that the service acknowledged.
    pub acknowledged: u64,
    /// Of these, found after the restore.
    pub recovered: u64,
    /// Of these, gone.
    pub lost: u64,
    /// Of the lost, those acknowledged after the recovery point: the loss that is expected.
    #[serde(default)]
    pub lost_after_recovery_point: u64,
    /// Writes that were sent and never acknowledged: they may be there or not.
    #[serde(default)]
    pub indeterminate: u64,
    /// Keys that are there although nobody ever wrote them.
    #[serde(default)]
    pub unexpected: u64,
    /// Recovery point to the last lost acknowledgement, in seconds; 0 if none is lost.
    #[serde(default)]
    pub data_loss_s: Option<f64>,
}

/// A command that was run: evidence that can be pasted into a shell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Seconds since the run began.
    pub at_s: f64,
    /// Shell-quoted, secrets replaced by their names.
    pub command: String,
    /// Exit code; absent when it was ended by a signal or a time limit.
    pub exit_code: Option<i32>,
    /// How long it took, in seconds.
    pub seconds: f64,
}
