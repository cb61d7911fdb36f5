//! From the record of a drill to the figures that a bench compares. Pure.

use std::fmt;

use serde::Serialize;

use crate::model::artefact::Manifest;
use crate::model::phase::Phase;
use crate::model::record::{Record, Verdict};

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Taking the backup, in seconds.
    Backup,
    /// Size of the artefact, in bytes.
    ArtefactSize,
    /// Reading it back in full, in seconds.
    ArtefactCheck,
    /// Restoring the stores, in seconds.
    Restore,
    /// One step of the restore, in seconds.
    Step(String),
    /// Starting the application, in seconds.
    Boot,
    /// From there to the first green round of health probes, in seconds.
    Green,
    /// Disaster to the first green round, in seconds.
    RecoveryTime,
    /// Copying and flushing a volume plainly, in seconds.
    Copy(String),
    /// The restore as a multiple of copying all volumes.
    RestorePerCopy,
}

impl Figure {
    /// Whether it counts seconds.
    #[must_use]
    pub fn is_time(&self) -> bool {
        !matches!(self, Self::ArtefactSize | Self::RestorePerCopy)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backup => formatter.pad("backup"),
            Self::ArtefactSize => formatter.pad("artefact size"),
            Self::ArtefactCheck => formatter.pad("artefact check"),
            Self::Restore => formatter.pad("restore"),
            Self::Step(step) => formatter.pad(&format!("  {step}")),
            Self::Boot => formatter.pad("boot"),
            Self::Green => formatter.pad("green"),
            Self::RecoveryTime => formatter.pad("recovery time"),
            Self::Copy(volume) => formatter.pad(&format!("copy of {volume}")),
            Self::RestorePerCopy => formatter.pad("restore ÷ copy"),
        }
    }
}

/// The figures of a drill; none of one that did not pass.
#[must_use]
pub fn figures(record: &Record) -> Vec<(Figure, f64)> {
    if record.verdict != Verdict::Passed {
        return Vec::new();
    }
    let timings = &record.timings;
    let spent = |phase| {
        let parts = timings.phases.iter().filter(|timing| timing.name == phase);
        parts.map(|timing| timing.seconds).sum::<f64>()
    };
    let size = record.artefact.as_ref().map_or(0, Manifest::size) as f64;
    let restore_s = spent(Phase::Restore);
    let mut figures = vec![
        (Figure::Backup, spent(Phase::Backup)),
        (Figure::ArtefactSize, size),
        (Figure::ArtefactCheck, spent(Phase::ArtefactCheck)),
        (Figure::Restore, restore_s),
    ];
    let steps = timings.restore_steps.iter();
    figures.extend(steps.map(|timing| (Figure::Step(timing.step.clone()), timing.seconds)));
    figures.push((Figure::Boot, spent(Phase::Boot)));
    figures.push((Figure::Green, spent(Phase::Green)));
    figures.extend(timings.recovery_time_s.map(|seconds| (Figure::RecoveryTime, seconds)));
    let copies = timings.copies.iter();
    figures.extend(copies.map(|copy| (Figure::Copy(copy.volume.clone()), copy.seconds)));
    let copied_s = timings.copies.iter().map(|copy| copy.seconds).sum::<f64>();
    if copied_s > 0.0 {
        figures.push((Figure::RestorePerCopy, restore_s / copied_s));
    }
    figures
}
