//! A connection carried through a command: what comes in is its standard input, what it writes
//! goes out. Not recorded: there is one for every connection, and the record is for people.

use std::process::Stdio;

use tokio::io::{self, AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::process::Command as TokioCommand;

use super::Command;
use crate::error::{Attempt, Result};

impl Command {
    /// Carries `stream` until either end closes, or the run is cancelled.
    pub(crate) async fn carry(self, stream: impl AsyncRead + AsyncWrite) -> Result<()> {
        let mut command = TokioCommand::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().attempt(|| "cannot carry a connection")?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(mut stdin), Some(mut stdout)) = (stdin, stdout) else { return Ok(()) };
        let (mut from, mut to) = io::split(stream);
        let up = async move {
            let _ = io::copy(&mut from, &mut stdin).await;
            // Dropping it says that nothing more comes; the answer may.
            drop(stdin);
            std::future::pending::<()>().await;
        };
        let down = async move {
            let _ = io::copy(&mut stdout, &mut to).await;
            let _ = to.shutdown().await;
        };
        tokio::select! {
            () = up => {}
            () = down => {}
            () = self.runner.cancelled.cancelled() => {}
        }
        Ok(())
    }
}
