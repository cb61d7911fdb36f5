//! The nouns of a drill: plain, serialisable, without I/O. Everything else speaks in them.

pub mod accept;
pub mod artefact;
pub mod audit;
pub mod check;
pub mod divergence;
pub mod django;
pub mod egress;
pub mod event;
pub mod existing;
pub mod finding;
pub mod fingerprint;
pub mod image;
pub mod invariant;
pub mod mode;
pub mod not_proved;
pub mod observed;
pub mod origin;
pub mod phase;
pub mod profile;
pub mod record;
pub mod reference;
pub mod row_list;
