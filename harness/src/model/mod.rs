//! The nouns of a drill: plain, serialisable, without I/O. Everything else speaks in them.

pub mod artefact;
pub mod check;
pub mod divergence;
pub mod event;
pub mod fingerprint;
pub mod phase;
pub mod record;
