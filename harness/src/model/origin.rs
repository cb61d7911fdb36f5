//! Where the data of a drill comes from: what a verdict is worth depends on it.

use serde::{Deserialize, Serialize};

/// Where the data of a drill comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The tool generated it. All drills did before records named an origin.
    #[default]
    Sample,
    /// It is what images and applications made of empty volumes.
    Empty,
    /// It was copied from the running project, by reads alone.
    Live,
    /// It came out of a backup that exists.
    Artefact,
}

impl Origin {
    /// The word used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Empty => "empty",
            Self::Live => "live",
            Self::Artefact => "artefact",
        }
    }

    /// What stands beside the verdict, so that nobody takes it for more than it is.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Sample => "on generated data, not on real data",
            Self::Empty => "on an empty stack, not on real data",
            Self::Live => "on data of the running project",
            Self::Artefact => "on a backup that exists",
        }
    }

    /// Whether the data is somebody's own.
    #[must_use]
    pub fn is_real(self) -> bool {
        matches!(self, Self::Live | Self::Artefact)
    }
}
