//! Why a step did not hold: the service refuted it, or it could not be found out.

use std::error::Error as StdError;
use std::io;

/// A step that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The service answered wrongly, refused, or did not answer.
    Refuted,
    /// The time given to this attempt ran out.
    TimedOut,
    /// Something on our side kept us from finding out.
    Unknown,
}

impl Fault {
    pub(super) fn refuted(detail: impl Into<String>) -> Self {
        Self { kind: FaultKind::Refuted, detail: detail.into() }
    }

    pub(super) fn timed_out(detail: impl Into<String>) -> Self {
        Self { kind: FaultKind::TimedOut, detail: detail.into() }
    }

    pub(super) fn unknown(detail: impl Into<String>) -> Self {
        Self { kind: FaultKind::Unknown, detail: detail.into() }
    }

    /// A template's name that has no value yet.
    pub(super) fn without_value(name: &str) -> Self {
        Self::unknown(format!("{{{{{name}}}}} has no value"))
    }
}

impl From<reqwest::Error> for Fault {
    /// Whatever the service or its TLS end did is its fault; a name that does not resolve,
    /// a machine without a route or without file descriptors is not.
    fn from(error: reqwest::Error) -> Self {
        // The URL is in the trace already, and its query may hold a secret.
        let error = error.without_url();
        let detail = innermost(&error);
        if error.is_builder() {
            return Self::unknown(format!("the request cannot be made: {detail}"));
        }
        match io_cause(&error) {
            Some(kind) if is_ours(kind) => Self::unknown(detail),
            _ => Self::refuted(detail),
        }
    }
}

/// The kind of the innermost I/O error: layers wrap it as `Other`, outside of the chain.
fn io_cause(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut found = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>())?;
    while let Some(inner) = found.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        found = inner;
    }
    Some(found.kind())
}

fn is_ours(kind: io::ErrorKind) -> bool {
    !matches!(
        kind,
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            // What rustls calls a certificate or a protocol that it does not accept.
            | io::ErrorKind::InvalidData
    )
}

/// The most specific message of the chain: `Connection refused (os error 111)`.
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn StdError + 'static)| (*cause).source())
}
