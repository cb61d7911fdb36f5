//! The sealed copy of a compose stack: its images, its isolation, its life and its end.
//!
//! Destruction needs an [`OwnedStack`], which exists only for what this run created.

pub mod authority;
mod checks;
pub mod compose;
pub mod database;
pub mod engine;
mod fill;
pub mod images;
pub mod isolation;
mod owned;
mod private_files;
pub mod reach;
mod readiness;
pub mod reap;
mod run;
pub mod sink;
mod site;
pub mod unset;
mod watch;

pub(crate) use owned::layer::{Layer, layers};
pub use owned::{OwnedStack, OwnedVolume};
pub use readiness::Unready;
pub use run::{LABEL_RUN, RunId, RunLabels, is_alive};
pub use site::Site;
