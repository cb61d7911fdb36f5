//! Fixtures and fault builders of the scenarios.
//!
//! `scratch.rs` beside this file is the fixture of a scratch server. Tests include it by its
//! path, so that testcontainers stays a dependency of tests alone.

pub mod rehearsal;
pub mod standing;
