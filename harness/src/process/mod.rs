//! The one place that spawns processes. Every command is bounded in time, ended when the
//! run is cancelled, and recorded with secrets replaced by their names: the record is evidence.
//!
//! A non-zero exit code is a value here; what it means is for the caller to say.

mod connection;
mod lines;
mod output;
mod waits;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command as TokioCommand};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::connection::Carried;
pub use self::lines::Lines;
pub use self::output::Output;
use self::waits::Waits;

use crate::error::{Attempt, Error, Result};
use crate::model::record::CommandRecord;

/// A command that says nothing about its limit gets this one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// Of standard error, this many bytes at the end are kept.
const STDERR_KEPT_BYTES: usize = 64 * 1024;

/// Values shorter than this are not treated as secrets: replacing them would mangle the record.
const SECRET_MIN_CHARS: usize = 6;

/// Spawns the commands of one run and keeps their record.
#[derive(Debug, Clone)]
pub struct Runner {
    run: Arc<Run>,
    cancelled: CancellationToken,
}

#[derive(Debug)]
struct Run {
    started: Instant,
    commands: Mutex<Vec<CommandRecord>>,
    /// Commands that carried connections.
    carried: Mutex<BTreeMap<String, Carried>>,
    secrets: Mutex<Vec<Secret>>,
    waits: Waits,
}

#[derive(Debug)]
struct Secret {
    name: String,
    value: String,
}

impl Runner {
    /// A runner whose commands end when `cancelled` is.
    #[must_use]
    pub fn new(cancelled: CancellationToken) -> Self {
        let run = Run {
            started: Instant::now(),
            commands: Mutex::default(),
            carried: Mutex::default(),
            secrets: Mutex::default(),
            waits: Waits::default(),
        };
        Self { run: Arc::new(run), cancelled }
    }

    /// The same run, deaf to cancellation: cleaning up must not be interrupted by what caused it.
    #[must_use]
    pub fn for_cleanup(&self) -> Self {
        Self { run: Arc::clone(&self.run), cancelled: CancellationToken::new() }
    }

    /// Fires when the run is cancelled.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// From now on `value` appears as `<name>` in records and messages.
    pub fn keep_secret(&self, name: &str, value: &str) {
        if value.chars().count() >= SECRET_MIN_CHARS {
            let mut secrets = locked(&self.run.secrets);
            secrets.push(Secret { name: name.to_owned(), value: value.to_owned() });
            // Longest first, so that a secret containing another is replaced whole.
            secrets.sort_by_key(|secret| std::cmp::Reverse(secret.value.len()));
        }
    }

    /// `text` with every known secret replaced by its name.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        locked(&self.run.secrets).iter().fold(text.to_owned(), |text, secret| {
            text.replace(&secret.value, &format!("<{}>", secret.name))
        })
    }

    /// Every command that ended so far.
    #[must_use]
    pub fn commands(&self) -> Vec<CommandRecord> {
        let mut commands = locked(&self.run.commands).clone();
        commands.extend(self.carried());
        commands
    }

    /// Waits for a service: for an answer, for a server's work, or until it is ready.
    pub async fn waiting<T>(&self, answer: impl Future<Output = T>) -> T {
        let _wait = self.run.waits.begin();
        answer.await
    }

    /// How long the run has waited for neither a command nor a service: what it took itself.
    #[must_use]
    pub fn own_time(&self) -> Duration {
        self.run.started.elapsed().saturating_sub(self.run.waits.total())
    }

    /// A command to be completed and run.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        Command {
            runner: self.clone(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command being put together.
#[derive(Debug)]
#[must_use = "a command does nothing until it is run"]
pub struct Command {
    runner: Runner,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, OsString)>,
    dir: Option<PathBuf>,
    timeout: Duration,
}

impl Command {
    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of its environment. Values are not recorded.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets its working folder.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Bounds its duration.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs it to its end. Standard input is empty.
    pub async fn run(self) -> Result<Output> {
        self.run_with(Vec::new()).await
    }

    /// Runs it to its end with `input` on standard input.
    pub async fn run_with(self, input: Vec<u8>) -> Result<Output> {
        let mut running = self.spawn(Stdio::piped(), Stdio::piped())?;
        let stdin = running.child.stdin.take();
        let feed = tokio::spawn(async move {
            if let Some(mut stdin) = stdin {
                // A command that stops reading early says why by itself.
                let _ = stdin.write_all(&input).await;
            }
        });
        let stdout = running.child.stdout.take();
        let read = tokio::spawn(async move { read_to_end(stdout).await });
        let mut output = running.finish().await?;
        feed.abort();
        output.stdout = read.await.attempt(|| "cannot read standard output")?;
        Ok(output)
    }

    /// Runs it while `work` reads its standard output on a thread of its own.
    pub async fn read_by<T: Send + 'static>(
        self,
        work: impl FnOnce(File) -> Result<T> + Send + 'static,
    ) -> Result<(Output, Result<T>)> {
        let mut running = self.spawn(Stdio::null(), Stdio::piped())?;
        let pipe = stdout_pipe(&mut running)?;
        let work = tokio::task::spawn_blocking(move || work(pipe));
        let output = running.finish().await?;
        Ok((output, joined(work).await))
    }

    /// Runs it while `work` writes its standard input on a thread of its own.
    pub async fn written_by<T: Send + 'static>(
        self,
        work: impl FnOnce(File) -> Result<T> + Send + 'static,
    ) -> Result<(Output, Result<T>)> {
        let mut running = self.spawn(Stdio::piped(), Stdio::piped())?;
        let stdin = running.child.stdin.take().ok_or_else(no_pipe)?;
        let pipe = File::from(stdin.into_owned_fd().attempt(|| "cannot take standard input")?);
        let stdout = running.child.stdout.take();
        let read = tokio::spawn(async move { read_to_end(stdout).await });
        let work = tokio::task::spawn_blocking(move || work(pipe));
        let mut output = running.finish().await?;
        output.stdout = read.await.attempt(|| "cannot read standard output")?;
        Ok((output, joined(work).await))
    }

    /// Runs it with a file on standard input while `work` reads its standard output.
    pub async fn fed_from<T: Send + 'static>(
        self,
        file: PathBuf,
        work: impl FnOnce(File) -> Result<T> + Send + 'static,
    ) -> Result<(Output, Result<T>)> {
        let input = File::open(&file).attempt(|| format!("cannot read {}", file.display()))?;
        let mut running = self.spawn(Stdio::from(input), Stdio::piped())?;
        let pipe = stdout_pipe(&mut running)?;
        let work = tokio::task::spawn_blocking(move || work(pipe));
        let output = running.finish().await?;
        Ok((output, joined(work).await))
    }

    fn spawn(self, stdin: Stdio, stdout: Stdio) -> Result<Running> {
        let shown = self.runner.redact(&self.shown());
        let mut command = TokioCommand::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C on the terminal reaches us, and we end it in order.
            .process_group(0)
            .kill_on_drop(true);
        if let Some(dir) = self.dir {
            command.current_dir(dir);
        }
        let mut child = command.spawn().map_err(|cause| {
            Error::undecided(format!("cannot start {}", self.program.display())).because(cause)
        })?;
        let stderr = child.stderr.take();
        let stderr = tokio::spawn(async move { read_tail(stderr).await });
        Ok(Running {
            runner: self.runner,
            shown,
            child,
            stderr,
            started: Instant::now(),
            timeout: self.timeout,
            carries: false,
        })
    }

    /// The command as one would type it, in its folder.
    fn shown(&self) -> String {
        let words = std::iter::once(&self.program)
            .chain(&self.args)
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>();
        // A NUL cannot be passed to a process anyway; `spawn` will say so.
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
    }
}

struct Running {
    runner: Runner,
    shown: String,
    child: Child,
    stderr: JoinHandle<Vec<u8>>,
    started: Instant,
    timeout: Duration,
    /// Whether it carries a connection: beside what the run does, and for somebody who waits.
    carries: bool,
}

enum End {
    Exited(std::io::Result<std::process::ExitStatus>),
    TimedOut,
    Cancelled,
}

impl Running {
    fn record(&self, exit_code: Option<i32>) {
        let record = CommandRecord {
            at_s: (self.started - self.runner.run.started).as_secs_f64(),
            command: self.shown.clone(),
            exit_code,
            seconds: self.started.elapsed().as_secs_f64(),
        };
        if self.carries {
            self.runner.run.carried(&record);
        } else {
            locked(&self.runner.run.commands).push(record);
        }
    }

    async fn finish(mut self) -> Result<Output> {
        let end = tokio::select! {
            status = self.child.wait() => End::Exited(status),
            () = tokio::time::sleep(self.timeout) => End::TimedOut,
            () = self.runner.cancelled.cancelled() => End::Cancelled,
        };
        if !matches!(end, End::Exited(_)) {
            // Killing closes the pipes, so that whoever reads or writes them ends too.
            let _ = self.child.kill().await;
        }
        let exit_code = match &end {
            End::Exited(Ok(status)) => status.code(),
            _ => None,
        };
        self.record(exit_code);
        if !self.carries {
            self.runner.run.waits.add(self.started, Instant::now());
        }
        let stderr = self.stderr.await.unwrap_or_default();
        let stderr = self.runner.redact(&String::from_utf8_lossy(&stderr));
        match end {
            End::Exited(Ok(_)) => {
                Ok(Output { exit_code, stdout: Vec::new(), stderr, command: self.shown })
            }
            End::Exited(Err(cause)) => {
                Err(Error::undecided(format!("lost track of {}", self.shown)).because(cause))
            }
            End::Cancelled => Err(Error::interrupted()),
            End::TimedOut => {
                let limit_s = self.timeout.as_secs();
                Err(Error::undecided(format!("{} did not end within {limit_s} s", self.shown))
                    .details(stderr.lines().rev().take(5).map(str::to_owned)))
            }
        }
    }
}

fn stdout_pipe(running: &mut Running) -> Result<File> {
    let stdout = running.child.stdout.take().ok_or_else(no_pipe)?;
    Ok(File::from(stdout.into_owned_fd().attempt(|| "cannot take standard output")?))
}

async fn joined<T>(work: JoinHandle<Result<T>>) -> Result<T> {
    match work.await {
        Ok(result) => result,
        Err(panic) => Err(Error::undecided("the thread on the pipe panicked").because(panic)),
    }
}

fn no_pipe() -> Error {
    Error::undecided("the process has no pipe to stream through")
}

async fn read_to_end(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before a failure is still worth having; the exit code tells the rest.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    bytes
}

async fn read_tail(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let mut tail = Vec::new();
    let mut chunk = [0; 8192];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        tail.extend_from_slice(&chunk[..count]);
        if tail.len() > 2 * STDERR_KEPT_BYTES {
            tail.drain(..tail.len() - STDERR_KEPT_BYTES);
        }
    }
    tail
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::error::ErrorKind;

    fn runner() -> Runner {
        Runner::new(CancellationToken::new())
    }

    #[tokio::test]
    async fn exit_code_and_output_are_values() {
        let output = runner().command("sh").args(["-c", "echo out; echo bad >&2; exit 4"]);
        let output = output.run().await.expect("sh runs");
        assert_eq!(output.exit_code, Some(4));
        assert_eq!(output.text(), "out");
        assert_eq!(output.complaint(), "bad");
    }

    #[tokio::test]
    async fn input_reaches_the_command() {
        let output = runner().command("wc").arg("-c").run_with(vec![b'x'; 200_000]).await;
        assert_eq!(output.expect("wc runs").text(), "200000");
    }

    #[tokio::test]
    async fn both_directions_stream() {
        let (output, read) = runner()
            .command("sh")
            .args(["-c", "head -c 3000000 /dev/zero"])
            .read_by(|mut pipe| {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).attempt(|| "read")?;
                Ok(bytes.len())
            })
            .await
            .expect("sh runs");
        assert!(output.succeeded());
        assert_eq!(read.expect("read"), 3_000_000);

        let (output, written) = runner()
            .command("wc")
            .arg("-c")
            .written_by(|mut pipe| pipe.write_all(&vec![7; 100_000]).attempt(|| "write"))
            .await
            .expect("wc runs");
        written.expect("written");
        assert_eq!(output.text(), "100000");
    }

    #[tokio::test]
    async fn a_command_that_never_ends_is_ended() {
        let command = runner().command("sleep").arg("600").timeout(Duration::from_millis(50));
        let error = command.run().await.expect_err("the limit is shorter");
        assert_eq!(error.kind(), ErrorKind::Undecided);
        assert!(error.to_string().contains("did not end within"));
    }

    #[tokio::test]
    async fn cancellation_ends_commands_but_not_the_cleanup() {
        let runner = runner();
        runner.cancellation().cancel();
        let error = runner.command("sleep").arg("600").run().await.expect_err("cancelled");
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        let output = runner.for_cleanup().command("true").run().await.expect("runs all the same");
        assert!(output.succeeded());
        assert_eq!(runner.commands().len(), 2);
    }

    #[tokio::test]
    async fn secrets_never_reach_the_record_or_a_message() {
        let runner = runner();
        runner.keep_secret("PASSWORD", "hunter2-hunter2");
        let script = "echo hunter2-hunter2 >&2; exit 1";
        let output = runner.command("sh").args(["-c", script]).run().await.expect("sh runs");
        assert_eq!(output.complaint(), "<PASSWORD>");
        let error = output.require(|| "cannot do it").expect_err("exit code 1");
        assert!(!error.chain().contains("hunter2"));
        assert!(runner.commands()[0].command.contains("<PASSWORD>"));
    }
}
