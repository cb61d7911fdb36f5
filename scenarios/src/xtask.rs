//! `cargo xtask …` as an operator runs it, and what it answered.

#![expect(clippy::must_use_candidate, reason = "what is demanded of an answer is demanded already")]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;

/// The command, built as it is now.
///
/// # Panics
/// When it cannot be built.
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "xtask"]).current_dir(workspace());
        build.assert().success();
        // Tests run from the folder `deps` of their profile's.
        let test = std::env::current_exe().expect("this test has a path");
        test.parent().and_then(Path::parent).expect("a target folder").join("xtask")
    })
}

/// The command, from the workspace's folder.
///
/// # Panics
/// When it cannot be built.
pub fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(workspace()).args(args);
    command
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a finished command answered.
#[derive(Debug)]
pub struct Answer {
    /// Standard output.
    pub said: String,
    /// Standard error.
    pub told: String,
}

/// Runs a command and demands its exit code.
///
/// # Panics
/// When it exits otherwise.
#[track_caller]
pub fn answer(mut command: Command, exit_code: i32) -> Answer {
    let Output { status, stdout, stderr } = command.output().expect("the command runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let answer = Answer { said: text(&stdout), told: text(&stderr) };
    assert_eq!(status.code(), Some(exit_code), "{answer:#?}");
    answer
}

impl Answer {
    /// Demands words on standard output or standard error.
    ///
    /// # Panics
    /// When one is not there.
    #[track_caller]
    pub fn names(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(
                self.said.contains(word) || self.told.contains(word),
                "{word:?} is not in {self:#?}"
            );
        }
        self
    }

    /// The last line of standard output: the verdict, every line before it an object.
    ///
    /// # Panics
    /// When a line is no JSON, or the last is no verdict.
    #[track_caller]
    pub fn verdict(&self) -> Value {
        let lines = self.said.lines().map(serde_json::from_str::<Value>);
        let lines = lines.collect::<Result<Vec<_>, _>>();
        let last = lines.expect("one JSON object a line").pop().expect("a line");
        assert_eq!(last["event"], "verdict", "{self:#?}");
        last
    }
}
