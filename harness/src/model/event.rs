//! Progress, as it leaves the drill sideways. Consumers draw it; nothing reads it back.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::check::Check;
use super::phase::Phase;

/// Something that just happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// The run's id, which labels everything it creates.
        run_id: String,
    },
    /// A phase began.
    PhaseStarted {
        /// Which one.
        phase: Phase,
    },
    /// A phase ended.
    PhaseFinished {
        /// Which one.
        phase: Phase,
        /// How long it took, in seconds.
        seconds: f64,
        /// Whether it did all it had to do.
        completed: bool,
    },
    /// Work of a known size advanced.
    Progress {
        /// What is being worked on.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all, where known.
        total: Option<u64>,
    },
    /// Something worth a line.
    Note {
        /// The line.
        text: String,
    },
    /// A check reported.
    CheckReported {
        /// The result.
        #[serde(flatten)]
        check: Check,
    },
}

/// Where events go. Cheap to clone; sending never blocks and never fails the work.
#[derive(Debug, Clone)]
pub struct Events {
    sender: Option<mpsc::UnboundedSender<Event>>,
}

impl Events {
    /// A sink, and the end from which its events are read.
    #[must_use]
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender: Some(sender) }, receiver)
    }

    /// A sink that nobody watches.
    #[must_use]
    pub fn ignored() -> Self {
        Self { sender: None }
    }

    /// Emits an event. A reader that has gone away is not the work's problem.
    pub fn emit(&self, event: Event) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(event);
        }
    }

    /// Emits a line.
    pub fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// Emits progress.
    pub fn progress(&self, what: impl Into<String>, done: u64, total: Option<u64>) {
        self.emit(Event::Progress { what: what.into(), done, total });
    }
}
