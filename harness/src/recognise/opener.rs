//! Opens a piece as a stream of what is inside of its wrappings. Recognition reads it, and so does
//! a restore, so both see the same bytes.
//!
//! Encrypted pieces go through the operator's own `age` and `gpg`, with the operator's keys, as a
//! stream: nothing is ever written in clear. How the tool ended is known at the end of the stream,
//! and a tool that failed makes the stream fail there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::wrapping::{self, Stream, broken};
use crate::error::{Attempt, Error, Result};
use crate::model::existing::Wrapping;
use crate::process::{Output, Runner};

/// How long a tool may decrypt: a terabyte at 50 MB/s.
const DECRYPT_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);

/// Wrappings that one piece may have. Each costs a decoder's memory.
pub(super) const WRAPPINGS_MAX: usize = 3;

/// What would open a piece that is encrypted.
pub(super) const NEEDS_KEY: &str =
    "it is encrypted: --identity FILE opens it for age, a secret key in gpg's keyring for OpenPGP";

/// Opens pieces, with the keys that the operator has.
#[derive(Debug, Clone, Default)]
pub struct Opener {
    tools: Option<Tools>,
    identity: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Tools {
    runner: Runner,
    handle: Handle,
    age: OsString,
    gpg: OsString,
}

impl Opener {
    /// An opener that decrypts with the operator's tools. They are run, and recorded, by `runner`
    /// on the runtime of `handle`; whoever reads a stream does so on a thread outside of it.
    #[must_use]
    pub fn new(runner: Runner, handle: Handle) -> Self {
        let tools = Tools { runner, handle, age: "age".into(), gpg: "gpg".into() };
        Self { tools: Some(tools), identity: None }
    }

    /// An opener that runs nothing: what is encrypted stays closed.
    #[must_use]
    pub fn without_keys() -> Self {
        Self::default()
    }

    /// Uses an identity file of age.
    #[must_use]
    pub fn with_identity(mut self, identity: impl Into<PathBuf>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Other programs in the place of `age` and `gpg`.
    #[cfg(test)]
    pub(super) fn with_tools(mut self, age: &Path, gpg: &Path) -> Self {
        let tools = self.tools.as_mut().expect("it has tools");
        (tools.age, tools.gpg) = (age.into(), gpg.into());
        self
    }

    /// Whether there is a key to try on a wrapping.
    pub(super) fn has_key(&self, wrapping: Wrapping) -> bool {
        match wrapping {
            Wrapping::Age => self.tools.is_some() && self.identity.is_some(),
            Wrapping::Gpg => self.tools.is_some(),
            _ => true,
        }
    }

    /// The bytes inside of the wrappings, the outermost first, as [`super::recognise`] found them.
    /// Reading fails where a wrapping is damaged or the tool that decrypts fails; a stream that
    /// ends without an error was whole.
    ///
    /// # Errors
    /// The file cannot be opened, or there is no key.
    pub fn stream(&self, path: &Path, wrapped: &[Wrapping]) -> Result<Box<dyn Read + Send>> {
        let mut opened = self.opened(path, wrapped.first().copied())?;
        let inner = wrapped.iter().skip(usize::from(opened.decrypted));
        for wrapping in inner {
            let what = || format!("cannot open {}", path.display());
            opened.stream = wrapping::unwrapped(*wrapping, opened.stream).attempt(what)?;
        }
        Ok(opened.stream)
    }

    /// The file as it is, or decrypted if its outermost wrapping is an encryption.
    pub(super) fn opened(&self, path: &Path, outermost: Option<Wrapping>) -> Result<Opened> {
        let trouble = Trouble::default();
        let encrypted =
            outermost.filter(|wrapping| matches!(wrapping, Wrapping::Age | Wrapping::Gpg));
        if let Some(wrapping) = encrypted {
            let stream = self.decrypted(path, wrapping, &trouble)?;
            return Ok(Opened { stream, decrypted: true, trouble });
        }
        let file = File::open(path).attempt(|| format!("cannot read {}", path.display()))?;
        let stream = Box::new(Plain { file, trouble: trouble.clone() });
        Ok(Opened { stream, decrypted: false, trouble })
    }

    fn decrypted(&self, path: &Path, wrapping: Wrapping, trouble: &Trouble) -> Result<Stream> {
        let no_key =
            || Error::undecided(format!("cannot open {}", path.display())).because(NEEDS_KEY);
        let tools = self.tools.as_ref().ok_or_else(no_key)?;
        let command = match wrapping {
            Wrapping::Age => {
                let identity = self.identity.as_ref().ok_or_else(no_key)?;
                tools.runner.command(&tools.age).args(["--decrypt", "--identity"]).arg(identity)
            }
            // Without a terminal nobody could type a passphrase; the agent's memory is enough.
            _ => tools.runner.command(&tools.gpg).args([
                "--batch",
                "--no-tty",
                "--pinentry-mode=error",
                "--decrypt",
            ]),
        };
        let (pipe_sender, pipe) = mpsc::channel();
        let (end_sender, end) = mpsc::channel();
        let work = command.timeout(DECRYPT_TIMEOUT).fed_from(path.to_owned(), move |pipe| {
            // Nobody waits for it any more: the pipe closes, and the tool ends.
            let _ = pipe_sender.send(pipe);
            Ok(())
        });
        tools.handle.spawn(async move {
            let _ = end_sender.send(work.await.map(|(output, _)| output));
        });
        let Ok(pipe) = pipe.recv() else {
            // The tool did not start, and says why.
            return Err(match end.recv() {
                Ok(Err(error)) => error,
                _ => Error::undecided(format!("cannot decrypt {}", path.display())),
            });
        };
        let tool = wrapping::name(wrapping);
        let trouble = trouble.clone();
        Ok(Box::new(Decrypted { tool, pipe, end: Some(end), delivered: 0, trouble }))
    }
}

/// A stream, and why it could not be read if that is not its own fault.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// Whether its outermost wrapping is taken off.
    pub(super) decrypted: bool,
    pub(super) trouble: Trouble,
}

/// Why a stream could not be read, if that says nothing about the piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<Reason>>>);

#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// The disk or the share under it failed.
    Unreadable(String),
    /// There is something that would open it.
    Closed(String),
}

impl Trouble {
    fn set(&self, reason: Reason) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    pub(super) fn take(&self) -> Option<Reason> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A file whose failures are told apart from damage.
struct Plain {
    file: File,
    trouble: Trouble,
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            kind => {
                self.trouble.set(Reason::Unreadable(error.to_string()));
                broken(kind, error.to_string())
            }
        })
    }
}

/// What a tool decrypts.
struct Decrypted {
    tool: &'static str,
    pipe: File,
    /// Until the tool's end has been asked for.
    end: Option<Receiver<Result<Output>>>,
    delivered: u64,
    trouble: Trouble,
}

impl Read for Decrypted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.pipe.read(buffer)?;
        self.delivered += read as u64;
        match self.end.take() {
            Some(end) if read == 0 => self.ended(&end),
            end => {
                self.end = end;
                Ok(read)
            }
        }
    }
}

impl Decrypted {
    fn ended(&self, end: &Receiver<Result<Output>>) -> io::Result<usize> {
        let complaint = match end.recv() {
            Ok(Ok(output)) if output.succeeded() => return Ok(0),
            Ok(Ok(output)) => output.complaint(),
            Ok(Err(error)) => {
                // Cancelled, or beyond its time: that says nothing about the piece.
                self.trouble.set(Reason::Unreadable(error.chain()));
                return Err(broken(ErrorKind::Other, error.chain()));
            }
            Err(gone) => gone.to_string(),
        };
        // Neither tool hands out a byte that it has no key for, so a key is right once one came.
        if self.delivered == 0 {
            let what = format!("{} does not open it: {complaint}; {NEEDS_KEY}", self.tool);
            self.trouble.set(Reason::Closed(what));
        }
        Err(broken(
            ErrorKind::InvalidData,
            format!("what {} decrypts breaks off: {complaint}", self.tool),
        ))
    }
}
