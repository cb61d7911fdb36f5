//! The console as an operator and a program meet it: help, plans, endings, renderings of records,
//! and what is said of every kind of bad input. Nothing here needs a container.
//!
//! Texts are snapshots. `INSTA_UPDATE=always cargo test -p xtask --test console` writes them anew:
//! read the difference before it is committed.

mod alone;
mod console;
mod endings;
mod errors;
mod help;
mod init;
mod plan;
mod records;
