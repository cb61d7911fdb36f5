//! A command that goes on for as long as somebody listens to it: its lines, as they come.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;

use super::{Command, Running, no_pipe};
use crate::error::Result;

/// The lines of a command that runs. Dropping it ends the command.
pub struct Lines {
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    running: Running,
}

impl Command {
    /// Starts it, to be listened to. Its time limit does not hold: whoever listens decides.
    pub fn lines(self) -> Result<Lines> {
        let mut running = self.spawn(Stdio::null(), Stdio::piped())?;
        let stdout = running.child.stdout.take().ok_or_else(no_pipe)?;
        Ok(Lines { lines: BufReader::new(stdout).lines(), running })
    }
}

impl Lines {
    /// The next line; nothing once the command has ended. May be dropped at any time: no line
    /// is lost.
    pub async fn next(&mut self) -> Option<String> {
        self.lines.next_line().await.ok().flatten()
    }

    /// Ends the command and has it recorded.
    pub async fn end(mut self) {
        // That it ended by itself is no failure.
        let _ = self.running.child.kill().await;
        self.running.record(None);
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use crate::process::Runner;

    #[tokio::test]
    async fn lines_come_one_by_one_and_the_command_is_recorded_when_it_is_ended() {
        let runner = Runner::new(CancellationToken::new());
        let command = runner.command("sh").args(["-c", "echo one; echo two; exec sleep 600"]);
        let mut lines = command.lines().expect("sh runs");
        assert_eq!(lines.next().await.as_deref(), Some("one"));
        assert_eq!(lines.next().await.as_deref(), Some("two"));
        assert!(runner.commands().is_empty());
        lines.end().await;
        assert_eq!(runner.commands().len(), 1);
    }

    #[tokio::test]
    async fn after_the_last_line_there_is_none() {
        let runner = Runner::new(CancellationToken::new());
        let mut lines = runner.command("echo").arg("once").lines().expect("it runs");
        assert_eq!(lines.next().await.as_deref(), Some("once"));
        assert_eq!(lines.next().await, None);
        lines.end().await;
    }
}
