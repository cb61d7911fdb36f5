//! The operators' runbook, executed: its command blocks are run in order, as printed, against a
//! sealed copy of the stack, and each must do what its marker says.
//!
//! `parse` reads the text and `messages` holds its table of errors against the scripts; neither
//! runs anything. `walk` does.

mod messages;
mod parse;
mod receiver;
mod walk;

use std::fmt;

pub use messages::{Claim, sources, unprinted};
pub use parse::{Expected, Place, Role, Runbook, Step};
pub use walk::{Broken, Done, Walk, Walked, walk};

/// What is wrong with the text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the text, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.line, self.what)
    }
}
