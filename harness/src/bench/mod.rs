//! Backup and restore timings: which drills run in which order, and what their figures say.
//! Every figure comes from a drill that passed; a fast restore of the wrong data is no figure.

mod figures;
mod schedule;
mod statistics;

pub use figures::{Figure, Sample, figures};
pub use schedule::{Turn, schedule};
pub use statistics::{Row, Spread, summarise};
