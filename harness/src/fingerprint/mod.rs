//! Fingerprints: the integrity state of a database and of a media store, read from the store
//! itself. Problems found in the data are values; an error means that a store was not read.

pub mod catalogue;
pub mod database;
mod lattice;
pub mod media;
pub mod references;
pub mod sqlite;
