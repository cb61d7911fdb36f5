//! Audits: what was observed of a service, judged by rules that are written down.
//!
//! Everything here is pure: it is given observations, and neither opens a connection
//! nor reads a file.

pub mod observatory;
