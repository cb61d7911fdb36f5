//! The fingerprint of a database: what a restore brings back is equal, whatever else is named.

mod catalogue;
mod explained;
mod large_objects;
mod references;
mod rows;
