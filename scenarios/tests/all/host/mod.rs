//! Commands and files of this host. No stack runs.

mod cli;
mod commits;
mod media;
mod media_unrest;
mod offsite;
