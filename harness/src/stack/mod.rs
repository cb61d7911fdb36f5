//! The sealed copy of a compose stack: its images, its isolation, its life and its end.
//!
//! Destruction needs an [`OwnedStack`], which exists only for what this run created.

pub mod compose;
pub mod engine;
pub mod images;
pub mod isolation;
mod owned;
mod readiness;
pub mod reap;
mod run;

pub use owned::{OwnedStack, OwnedVolume};
pub use run::{LABEL_HOST, LABEL_PROCESS, LABEL_RUN, RunId, RunLabels};
