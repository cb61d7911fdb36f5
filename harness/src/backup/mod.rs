//! Ways to back up and restore. A method takes an artefact, reads it back in full, and
//! restores it; what an artefact is worth is never taken from an exit code alone.

pub mod archive;
mod artefact;
pub mod media;
pub mod pg_dump;

pub use artefact::{Artefact, PartWriter};
