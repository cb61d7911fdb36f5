//! Renderings of what was found, each from plain values. Pure.

pub mod audit_fr;
pub mod junit;
pub mod sarif;
pub mod stored;
pub mod terminal;
