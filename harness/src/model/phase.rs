//! The phases of a drill, in the order in which they run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One phase of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// A backup that exists is read, before anything is started.
    Recognise,
    /// Engine, compose, configuration, images.
    Prepare,
    /// The copy is filled from the running project, and held against it.
    Fill,
    /// The sealed copy of the stack comes up and is healthy.
    Start,
    /// The dataset is loaded.
    Seed,
    /// The integrity state of the source, under the backup's snapshot.
    Baseline,
    /// The artefact is taken.
    Backup,
    /// The artefact is read back in full before anything is destroyed.
    ArtefactCheck,
    /// The data is destroyed and proved gone.
    Disaster,
    /// The artefact is restored, the application being stopped.
    Restore,
    /// The application is started and becomes ready.
    Boot,
    /// The service is asked until every health probe is green.
    Green,
    /// The restored state is fingerprinted and held against the baseline.
    Compare,
    /// What was restored is judged by all that can be proved without its source.
    Judge,
    /// The service is asked to do its work.
    Probes,
    /// The same volumes are copied plainly, as a measure.
    Copy,
    /// The record is written.
    Report,
    /// Everything that this run created is removed.
    Teardown,
}

impl Phase {
    /// The name used on the terminal, in records and in events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Recognise => "recognise",
            Self::Prepare => "prepare",
            Self::Fill => "fill",
            Self::Start => "start",
            Self::Seed => "seed",
            Self::Baseline => "baseline",
            Self::Backup => "backup",
            Self::ArtefactCheck => "artefact-check",
            Self::Disaster => "disaster",
            Self::Restore => "restore",
            Self::Boot => "boot",
            Self::Green => "green",
            Self::Compare => "compare",
            Self::Judge => "judge",
            Self::Probes => "probes",
            Self::Copy => "copy",
            Self::Report => "report",
            Self::Teardown => "teardown",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
