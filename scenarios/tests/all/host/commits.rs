//! `.ci/commits` on a repository of its own: good commits pass, and each bad one is named.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = "[docs] what is now so\n\nBefore, it was otherwise.";

/// Subject and body, and what is said of them.
const BAD: [(&str, &str); 5] = [
    ("what is now so\n\nBefore, it was otherwise.", "begin the subject with a scope"),
    ("[moon] what is now so\n\nBefore, it was otherwise.", "begin the subject with a scope"),
    (
        "[docs] a subject of seventy-five characters, which is one more than it may\n\nBefore.",
        "at most 72",
    ),
    ("[docs] what is now so", "it has no body"),
    ("[docs] what is now so\n\nSigned-off-by: nobody <nobody@example.org>", "it has no body"),
];

fn git(repository: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(repository).args(["-c", "user.name=a", "-c", "user.email=a@example.org"]);
    let output = git.args(args).output().expect("git runs");
    assert!(output.status.success(), "{output:?}");
}

fn commit(repository: &Path, message: &str) {
    git(repository, &["commit", "--quiet", "--allow-empty", "--message", message]);
}

fn check(repository: &Path, args: &[&str]) -> Output {
    let script = repository.join(".ci/commits");
    Command::new(script).args(args).output().expect("the script runs")
}

#[test]
fn commits_since_the_check_are_held_against_it_and_older_ones_are_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path();
    git(repository, &["init", "--quiet"]);
    commit(repository, "an old commit, of which nobody asked anything");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/commits");
    fs::create_dir(repository.join(".ci")).expect("created");
    fs::copy(script, repository.join(".ci/commits")).expect("copied");
    // In no commit yet, nothing is said to be well.
    assert_eq!(check(repository, &[]).status.code(), Some(3));
    git(repository, &["add", ".ci/commits"]);
    commit(repository, GOOD);
    commit(repository, "[ci] what is now so\n\nBefore: it was otherwise.\nNow: it is so.");
    let passed = check(repository, &[]);
    let said = String::from_utf8_lossy(&passed.stdout).into_owned();
    assert!(passed.status.success() && said.starts_with("2 commits"), "{passed:?}");

    for (message, complaint) in BAD {
        commit(repository, message);
        let failed = check(repository, &["HEAD^!"]);
        let told = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(failed.status.code() == Some(1) && told.contains(complaint), "{message}: {told}");
    }
    // The last one found is not the only one.
    let failed = check(repository, &[]);
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(told.lines().filter(|line| line.starts_with("    ")).count(), BAD.len(), "{told}");
}
