//! The nouns of a drill: plain, serialisable, without I/O. Everything else speaks in them.

pub mod artefact;
pub mod audit;
pub mod check;
pub mod divergence;
pub mod event;
pub mod finding;
pub mod fingerprint;
pub mod mode;
pub mod phase;
pub mod profile;
pub mod record;
