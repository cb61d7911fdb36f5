//! From the record of a drill to the figures that a bench compares. Pure.

use std::fmt;

use serde::Serialize;

use crate::model::artefact::{Manifest, Store};
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
    /// All steps that bring back one store, in seconds.
    Store(Store),
    /// Starting the application, in seconds.
    Boot,
    /// From there to the first green round of health probes, in seconds.
    Green,
    /// Disaster to the first green round, in seconds.
    RecoveryTime,
    /// Copying and flushing a store's volume plainly, in seconds.
    Copy(Store),
}

/// A figure of one drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What was measured.
    pub figure: Figure,
    /// Seconds or bytes.
    pub value: f64,
    /// The value as a multiple of copying the same bytes in the same drill: a store's of that
    /// store's volume, any other of all volumes. Absent where nothing was copied.
    pub per_copy: Option<f64>,
}

impl Figure {
    /// Whether it counts seconds.
    #[must_use]
    pub fn is_time(&self) -> bool {
        !matches!(self, Self::ArtefactSize)
    }

    /// The store that it is about, if it is about one.
    fn store(&self) -> Option<Store> {
        match self {
            Self::Store(store) | Self::Copy(store) => Some(*store),
            _ => None,
        }
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
            Self::Store(store) => formatter.pad(&format!("  all of the {}", store.name())),
            Self::Copy(store) => formatter.pad(&format!("plain copy of the {}", store.name())),
        }
    }
}

/// The figures of a drill; none of one that did not pass.
#[must_use]
pub fn figures(record: &Record) -> Vec<Sample> {
    if record.verdict != Verdict::Passed {
        return Vec::new();
    }
    let copies = &record.timings.copies;
    let copied_s = |store: Option<Store>| {
        let copies = copies.iter().filter(|copy| store.is_none_or(|it| it == copy.store));
        copies.map(|copy| copy.seconds).sum::<f64>()
    };
    let samples = values(record).into_iter().map(|(figure, value)| {
        let copied_s = copied_s(figure.store());
        let per_copy = (figure.is_time() && copied_s > 0.0).then(|| value / copied_s);
        Sample { figure, value, per_copy }
    });
    samples.collect()
}

fn values(record: &Record) -> Vec<(Figure, f64)> {
    let timings = &record.timings;
    let spent = |phase| {
        let parts = timings.phases.iter().filter(|timing| timing.name == phase);
        parts.map(|timing| timing.seconds).sum::<f64>()
    };
    let size = record.artefact.as_ref().map_or(0, Manifest::size) as f64;
    let mut values = vec![
        (Figure::Backup, spent(Phase::Backup)),
        (Figure::ArtefactSize, size),
        (Figure::ArtefactCheck, spent(Phase::ArtefactCheck)),
        (Figure::Restore, spent(Phase::Restore)),
    ];
    let steps = timings.restore_steps.iter();
    values.extend(steps.clone().map(|step| (Figure::Step(step.step.clone()), step.seconds)));
    for store in [Store::Database, Store::Media] {
        let steps = steps.clone().filter(|step| step.store == Some(store));
        let seconds = steps.map(|step| step.seconds).collect::<Vec<_>>();
        if !seconds.is_empty() {
            values.push((Figure::Store(store), seconds.iter().sum()));
        }
    }
    values.push((Figure::Boot, spent(Phase::Boot)));
    values.push((Figure::Green, spent(Phase::Green)));
    values.extend(timings.recovery_time_s.map(|seconds| (Figure::RecoveryTime, seconds)));
    let copies = timings.copies.iter();
    values.extend(copies.map(|copy| (Figure::Copy(copy.store), copy.seconds)));
    values
}
