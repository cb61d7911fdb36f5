//! How a command ends: a verdict, which is the exit code of the process and, for programs, the
//! last line of standard output. Whatever the command was and whatever went wrong, that line is
//! written here and nowhere else. `docs/command-line.md` has its keys.

use std::path::PathBuf;
use std::process::ExitCode;

use harness::Error;
use harness::model::record::Verdict;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::called;
use crate::display;
use crate::flags::Format;

/// What a command came to.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "verdict")]
pub(crate) struct Ending {
    verdict: Verdict,
    exit_code: u8,
    report: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Ending {
    /// A verdict with the exit code that is its own.
    pub(crate) fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            exit_code: verdict.exit_code(),
            report: None,
            reasons: Vec::new(),
            error: None,
            hint: None,
            more: Map::new(),
        }
    }

    /// What was asked for is done.
    pub(crate) fn done() -> Self {
        Self::of(Verdict::Passed)
    }

    /// The request was not understood: nothing was found out, and nothing was started.
    pub(crate) fn misunderstood(error: &str, hint: Option<&str>) -> Self {
        let error = Error::usage(error);
        Self::from(&match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// The process exits with this instead of the verdict's own code.
    pub(crate) fn exit_code(mut self, exit_code: u8) -> Self {
        self.exit_code = exit_code;
        self
    }

    /// Where the whole of it is.
    pub(crate) fn report(mut self, report: impl Into<Option<PathBuf>>) -> Self {
        self.report = report.into();
        self
    }

    /// Why it is not passed.
    pub(crate) fn reasons(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.reasons = reasons.into_iter().collect();
        self
    }

    /// The error that ended it early.
    pub(crate) fn because(mut self, error: Option<&Error>) -> Self {
        self.error = error.map(Error::chain);
        self.hint = error.and_then(Error::next_step).map(|hint| called::said(hint).into_owned());
        self
    }

    /// A key of the command's own.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.insert(key.to_owned(), value.into());
        self
    }

    /// Ends: says to programs what it came to, and gives the code to exit with.
    pub(crate) fn close(&self, format: Format) -> ExitCode {
        if format == Format::Json {
            display::json_line(self);
        }
        ExitCode::from(self.exit_code)
    }
}

impl From<&Error> for Ending {
    fn from(error: &Error) -> Self {
        Self::of(Verdict::Undecided).exit_code(error.kind().exit_code()).because(Some(error))
    }
}
