//! Commands that carry a connection, and commands that read what another writes.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::net::{Shutdown, shutdown};

use super::{Command, CommandRecord, Output, Run, Runner, locked};
use crate::error::{Attempt, Result};

/// The connections that one command carried.
#[derive(Debug)]
pub(super) struct Carried {
    at_s: f64,
    count: u64,
    exit_code: Option<i32>,
    seconds: f64,
}

impl Command {
    /// Runs it with a connection for its standard input and output. What it leaves with 0 is closed in
    /// order, anything else is broken off: whoever is at the other end can tell these apart.
    ///
    /// There are hundreds of them in a drill, all of few commands: the record has a line for each
    /// command, with how often it was run, how the last ended, and how long all of them took.
    pub async fn connected_to(self, connection: OwnedFd) -> Result<Output> {
        let attempt = || "cannot hand a connection on";
        // The command reads and writes it as it would a pipe.
        rustix::io::ioctl_fionbio(&connection, false).attempt(attempt)?;
        let copy = || connection.try_clone().map(Stdio::from);
        let mut running = self.spawn(copy().attempt(attempt)?, copy().attempt(attempt)?)?;
        running.carries = true;
        let output = running.finish().await;
        if output.as_ref().is_ok_and(Output::succeeded) {
            // Whoever has gone already needs to be told nothing.
            let _ = shutdown(&connection, Shutdown::Write);
        } else {
            // The other end sees it fail, not end, where its kind of connection can do that.
            let _ = set_socket_linger(&connection, Some(Duration::ZERO));
        }
        output
    }

    /// Runs it while another command reads what it writes. How they end is for the caller to judge.
    pub async fn read_by_command(self, reader: Self) -> Result<(Output, Output)> {
        let (mut out, mut into) = io::pipe().attempt(|| "cannot make a pipe")?;
        let pass = || "cannot pass on what was read";
        let read = self.read_by(move |mut from| io::copy(&mut from, &mut into).attempt(pass));
        let written = reader.written_by(move |mut to| io::copy(&mut out, &mut to).attempt(pass));
        let ((from, _), (to, _)) = tokio::try_join!(read, written)?;
        Ok((from, to))
    }
}

impl Run {
    /// Takes down that a command carried a connection.
    pub(super) fn carried(&self, record: &CommandRecord) {
        let mut all = locked(&self.carried);
        let carried = all.entry(record.command.clone()).or_insert(Carried {
            at_s: record.at_s,
            count: 0,
            exit_code: None,
            seconds: 0.0,
        });
        carried.count += 1;
        carried.exit_code = record.exit_code;
        carried.seconds += record.seconds;
    }
}

impl Runner {
    /// A line for each command that carried connections.
    pub(super) fn carried(&self) -> Vec<CommandRecord> {
        let all = locked(&self.run.carried);
        let lines = all.iter().map(|(command, carried)| CommandRecord {
            at_s: carried.at_s,
            command: format!("{command} # {} connections", carried.count),
            exit_code: carried.exit_code,
            seconds: carried.seconds,
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{Ipv4Addr, Shutdown as Half, TcpListener, TcpStream};

    use tokio_util::sync::CancellationToken;

    use super::*;

    /// What a client of a shell script sees that says something and waits for the end.
    async fn asked(runner: &Runner, script: &str) -> (io::Result<String>, Option<i32>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let address = listener.local_addr().expect("an address");
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"question")?;
            stream.shutdown(Half::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        });
        let (stream, _) = listener.accept().expect("a client");
        let output = runner
            .command("sh")
            .args(["-c", script])
            .connected_to(stream.into())
            .await
            .expect("ran");
        (client.await.expect("the client ends"), output.exit_code)
    }

    #[tokio::test]
    async fn what_ends_well_is_closed_and_what_does_not_is_broken_off() {
        let runner = Runner::new(CancellationToken::new());
        let (answer, code) = asked(&runner, "cat; echo ' answered'").await;
        assert_eq!((answer.expect("an answer").as_str(), code), ("question answered\n", Some(0)));
        let (answer, code) = asked(&runner, "cat > /dev/null; exit 7").await;
        assert_eq!(answer.expect_err("broken off").kind(), ErrorKind::ConnectionReset);
        assert_eq!(code, Some(7));
    }

    #[tokio::test]
    async fn many_connections_are_one_line_of_the_record() {
        let runner = Runner::new(CancellationToken::new());
        for script in ["cat", "cat", "exit 3"] {
            asked(&runner, script).await.1.expect("an exit code");
        }
        let commands = runner.commands();
        let lines = commands.iter().map(|it| (it.command.as_str(), it.exit_code));
        let expected =
            [("sh -c 'exit 3' # 1 connections", Some(3)), ("sh -c cat # 2 connections", Some(0))];
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn one_command_reads_what_another_writes_and_both_endings_are_told() {
        let runner = Runner::new(CancellationToken::new());
        let sh = |script: &str| runner.command("sh").args(["-c", script]);
        let both = sh("head -c 300000 /dev/zero; exit 4").read_by_command(sh("wc -c")).await;
        let (from, to) = both.expect("both ran");
        assert_eq!((from.exit_code, to.text()), (Some(4), "300000".to_owned()));
        let both = sh("head -c 9000000 /dev/zero").read_by_command(sh("exit 5")).await;
        assert_eq!(both.expect("both ran").1.exit_code, Some(5));
    }
}
