//! Fixtures and fault builders of the scenarios.

pub mod postgres;
pub mod rehearsal;
