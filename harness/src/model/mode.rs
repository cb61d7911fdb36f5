//! The two ways in which a stack is run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a stack is reached. Both are real: HTTP behind somebody else's TLS, and HTTPS.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Over plain HTTP.
    #[default]
    Http,
    /// Over HTTPS; plain HTTP redirects.
    Tls,
}

impl Mode {
    /// Both, the plain one first.
    pub const ALL: [Self; 2] = [Self::Http, Self::Tls];

    /// The word on the terminal and in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
        }
    }

    /// The scheme of its addresses.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "https",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
