//! Commands and files of this host. No stack runs.

mod cli;
mod media;
mod media_unrest;
mod offsite;
