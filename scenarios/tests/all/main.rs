//! What needs containers, or commands of this host: intact first, then broken, then named.
//!
//! One binary, a folder for each kind of fixture. Whatever takes a fixture waits for its turn
//! (`scenarios::turn`), and what takes longest comes first, in turn and in the alphabet.

mod copies;
mod drills;
mod host;
mod servers;

/// Where folders of tests are.
const TMP: &str = env!("CARGO_TARGET_TMPDIR");

/// A folder for the reports of a test, gone with it.
fn reports() -> tempfile::TempDir {
    tempfile::tempdir_in(TMP).expect("a temporary folder")
}
