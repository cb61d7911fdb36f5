//! Fixtures and fault builders of the scenarios.

pub mod engine;
pub mod kept;
pub mod rehearsal;
pub mod scratch;
pub mod stacks;
pub mod standing;
pub mod turn;
pub mod victim;
pub mod xtask;
