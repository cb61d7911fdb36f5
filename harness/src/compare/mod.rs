//! Comparisons of two fingerprints. Pure: what differs is named, what was not read is undecided.

pub mod media;
