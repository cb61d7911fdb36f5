//! The sink of an owned stack: opened before anything of it is created, read when asked.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::OwnedStack;
use crate::error::{Error, Result};
use crate::stack::isolation::SealedStack;
use crate::stack::sink::{OpenSink, Seen};

/// How long it may take the sink to say what it has seen.
const SAID_WITHIN: Duration = Duration::from_secs(10);

/// What there is of a sink.
#[derive(Debug, Clone, Default)]
pub(super) enum Sink {
    /// The stack is to have none.
    #[default]
    Unwanted,
    /// It will be made of this image.
    Wanted(String),
    Open(OpenSink),
    /// Why there is none, or none any more.
    Broken(String),
}

impl OwnedStack {
    /// The same stack, whose services have outside names answered by a sink of this image from its
    /// first start on. Without one, it says so when it is asked what was sent.
    #[must_use]
    pub fn with_sink(self, image: Result<String>) -> Self {
        self.set(image.map_or_else(|cause| Sink::Broken(cause.chain()), Sink::Wanted));
        self
    }

    /// Starts the sink, if there is to be one, and says whether that was now. A copy without is as
    /// sealed as one with.
    pub(super) async fn open_sink(&self) -> Result<bool> {
        let Sink::Wanted(image) = self.sink() else { return Ok(false) };
        let started = OpenSink::start(&self.engine, &self.run, &self.sealed, &image).await;
        self.set(match started {
            Ok(sink) => Sink::Open(sink),
            Err(cause) if cause.kind() == crate::ErrorKind::Interrupted => return Err(cause),
            Err(cause) => Sink::Broken(cause.chain()),
        });
        Ok(true)
    }

    /// The sealed stack, whose services ask the sink, if there is one.
    pub(super) fn resolving(&self) -> SealedStack {
        match self.sink() {
            Sink::Open(sink) => self.sealed.resolving_at(&sink.addresses),
            Sink::Unwanted | Sink::Wanted(_) | Sink::Broken(_) => self.sealed.clone(),
        }
    }

    /// Has what is sent from now on be of a new part, and gives back its number.
    ///
    /// # Errors
    /// Undecided when there is no sink, and why.
    pub async fn turn_sink(&self) -> Result<u64> {
        let mut sink = match self.sink() {
            Sink::Open(sink) => sink,
            Sink::Unwanted | Sink::Wanted(_) => {
                return Err(Error::undecided("nothing was started that could send anything"));
            }
            Sink::Broken(why) => return Err(Error::undecided(why)),
        };
        let part = sink.turn(&self.engine).await?;
        self.set(Sink::Open(sink));
        Ok(part)
    }

    /// What the services have tried to send so far.
    ///
    /// # Errors
    /// Undecided when there is no sink, or it does not answer, and why.
    pub async fn sent(&self) -> Result<Seen> {
        self.turn_sink().await?;
        let Sink::Open(sink) = self.sink() else { return Ok(Seen::default()) };
        let asked = Instant::now();
        loop {
            if let Some(seen) = sink.seen(&self.engine).await? {
                return Ok(seen);
            }
            if asked.elapsed() > SAID_WITHIN {
                let limit_s = SAID_WITHIN.as_secs();
                return Err(Error::undecided(format!("the sink says nothing within {limit_s} s")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) fn sink(&self) -> Sink {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, sink: Sink) {
        *self.sink.lock().unwrap_or_else(PoisonError::into_inner) = sink;
    }
}
