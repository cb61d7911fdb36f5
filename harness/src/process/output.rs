//! What a command left, and what it takes to be content with it.

use crate::error::{Error, Result};

/// What a command left.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; absent when a signal ended it.
    pub exit_code: Option<i32>,
    /// Standard output, unless it was streamed.
    pub stdout: Vec<u8>,
    /// The end of standard error, secrets replaced.
    pub stderr: String,
    pub(super) command: String,
}

impl Output {
    /// Whether the exit code was 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.exit_code == Some(0)
    }

    /// Standard output as text, trimmed at the end.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// The last line of standard error that speaks of an error, else the last that says something,
    /// or the exit code. Details and hints come after what they are of.
    #[must_use]
    pub fn complaint(&self) -> String {
        let said = || self.stderr.lines().rev().filter(|line| !line.trim().is_empty());
        let last = said().find(|line| line.contains("error:")).or_else(|| said().next());
        match (last, self.exit_code) {
            (Some(line), _) => line.trim().to_owned(),
            (None, Some(code)) => format!("exit code {code}, nothing on standard error"),
            (None, None) => "ended by a signal".to_owned(),
        }
    }

    /// This output, or an undecided error that says what was attempted.
    pub fn require<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<Self> {
        if self.succeeded() {
            return Ok(self);
        }
        let tail = self.stderr.lines().rev().take(20).map(str::to_owned).collect::<Vec<_>>();
        Err(Error::undecided(message())
            .because(format!("{}: {}", self.command, self.complaint()))
            .details(tail.into_iter().rev()))
    }
}
