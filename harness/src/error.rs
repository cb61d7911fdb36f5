//! The one error type. It says what failed, on what, and what to do next.
//!
//! A problem found *in the data* is never an error: that is a check that failed,
//! or a divergence. An error means that the tool could not find out.

use std::error::Error as StdError;
use std::fmt;

/// Result of everything in this crate that can be prevented from finding out.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error means for the process that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request itself is wrong: options, configuration, a missing file.
    Usage,
    /// The tool could not find out: no engine, a tool crashed, a wait ran out.
    Undecided,
    /// The operator interrupted the run.
    Interrupted,
}

impl ErrorKind {
    /// Process exit code, as documented in `docs/exit-codes.md`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Interrupted => 130,
        }
    }
}

/// What failed, why, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    details: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, details: Vec::new(), source: None }
    }

    /// The request is wrong. `message` is lowercase and has no final period.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The tool could not find out. `message` is lowercase and has no final period.
    pub fn undecided(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Undecided, message)
    }

    /// The operator interrupted the run.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "interrupted")
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds raw lines that show the cause, such as the end of a log.
    #[must_use]
    pub fn details<L: Into<String>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Chains the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What this error means for the process.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do next, if the error knows.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Raw lines that show the cause.
    #[must_use]
    pub fn detail_lines(&self) -> &[String] {
        &self.details
    }

    /// The whole chain in one line, for records: `message: cause: cause`.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// Turns any failure into an undecided [`Error`] that says what was attempted.
pub trait Attempt<T> {
    /// `cannot read "x"` and the like; built only on failure.
    fn attempt<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Attempt<T> for Result<T, E> {
    fn attempt<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T> {
        self.map_err(|cause| Error::undecided(message()).because(cause))
    }
}
