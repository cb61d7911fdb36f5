//! How a server is set while it is restored.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a server is set while it is restored. Figures of the two are never mixed.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Durable throughout, as in production.
    #[default]
    Production,
    /// For bulk loading: nothing is safe until it is complete, and then all of it must be.
    Tuned,
}

impl Profile {
    /// Both, the durable one first.
    pub const ALL: [Self; 2] = [Self::Production, Self::Tuned];

    /// The word on the command line and in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Tuned => "tuned",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
