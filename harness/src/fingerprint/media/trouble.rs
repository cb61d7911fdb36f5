//! Why a path is undecided.

use std::fmt;
use std::io;

/// What kept a path from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not what it was a moment ago. Another look may find it at rest.
    Changed,
    /// It is not there any more.
    Vanished,
    /// It will not get better by itself.
    Unreadable(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A component that became a file or a link was replaced.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Vanished,
            // A read that ends before the size says so: the file was cut meanwhile.
            io::ErrorKind::UnexpectedEof => Self::Changed,
            _ => Self::Unreadable(format!("cannot be read: {error}")),
        }
    }
}

impl Trouble {
    /// Whether another look may help.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(self, Self::Unreadable(_))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => formatter.write_str("changed while it was read"),
            Self::Vanished => formatter.write_str("vanished while it was read"),
            Self::Unreadable(reason) => formatter.write_str(reason),
        }
    }
}
