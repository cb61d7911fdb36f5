//! What is done once for every value of a database: a row, as `COPY` writes it, becomes its key
//! and a hash of each column, in sorted and compressed runs, and a few rows are kept in full. A
//! script of SQL is cut into its statements.
//!
//! A crate of its own, because `cargo xtask` runs development builds: this one is optimised in
//! them, and the harness need not be. No files, no server.

mod key;
mod row;
mod run;
mod sample;
pub mod script;

pub use self::key::HashKey;
pub use self::row::{fields, value};
pub use self::run::Lister;
pub use self::sample::SampleRow;
