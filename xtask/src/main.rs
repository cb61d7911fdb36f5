//! Command line of the restore drill.

fn main() {}
