//! Every reference between documents, compose files and code leads somewhere: links and anchors,
//! named files and lines, ids of checks and requirements, commands and options of this tool.
//! The repository has no dangling one; a folder with one of each kind has each named.

mod book;
mod markdown;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use book::Book;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// What `--help` says of each subcommand, and of those below it.
fn commands() -> BTreeMap<String, String> {
    let help = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).output();
        String::from_utf8(output.expect("it runs").stdout).expect("text")
    };
    let whole = |name: &str| {
        let text = help(&[name, "--help"]);
        let below = listed(&text).into_iter().map(|below| help(&[name, &below, "--help"]));
        below.fold(text, |all, more| all + &more)
    };
    let names = listed(&help(&["--help"]));
    names.into_iter().map(|name| (name.clone(), whole(&name))).collect()
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let list = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next());
    let names = list.unwrap_or_default().lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split_whitespace().next()?;
        (!line.starts_with("   ") && name != "help").then(|| name.to_owned())
    });
    names.collect()
}

#[test]
fn every_reference_of_the_repository_resolves() {
    let book = Book::read(&root());
    assert!(book.files.len() > 200, "only {} files were found", book.files.len());
    let commands = commands();
    assert!(commands.contains_key("audit") && commands.contains_key("dr-drill"), "{commands:?}");
    let dangling = book.dangling(&commands);
    assert!(dangling.is_empty(), "{} dangling:\n{}", dangling.len(), dangling.join("\n"));
}

/// One broken reference of each kind, and one of each that holds.
const BROKEN: [(&str, &str, &str); 12] = [
    ("docs/a.md", "[gone](gone.md)", "gone.md"),
    ("docs/a.md", "[anchor](b.md#no-such-heading)", "no-such-heading"),
    ("docs/a.md", "[own](#nowhere)", "nowhere"),
    ("docs/a.md", "`harness/src/lib.rs:9999`", "9999"),
    ("docs/a.md", "`harness/src/gone.rs`", "harness/src/gone.rs"),
    ("docs/a.md", "`settings_gone.py`", "settings_gone.py"),
    ("docs/a.md", "`security.W999`", "security.W999"),
    ("docs/a.md", "`headers.vanished`", "headers.vanished"),
    ("docs/a.md", "As FR-9.1 says", "FR-9.1"),
    ("docs/a.md", "`cargo xtask rehearse`", "rehearse"),
    ("docs/a.md", "```sh\ncargo xtask audit --no-such-option\n```", "--no-such-option"),
    ("compose/compose.yaml", "# see scripts/gone.sh\n", "scripts/gone.sh"),
];

const HOLDING: &str = "# Top\n\n## What holds, all of it\n\n[b](b.md#what-is-there) \
    [top](#what-holds-all-of-it) `harness/src/lib.rs:1` `lib.rs` `security.W008` \
    `headers.missing` FR-2.1 `cargo xtask audit --policy owasp`\n\n\
    ```sh\ncargo xtask dr-drill --method all   # every one\n```\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("created");
        fs::write(file, text).expect("written");
    };
    write("docs/a.md", HOLDING);
    write("docs/b.md", "# What is there\n");
    write("compose/compose.yaml", "# see ../docs/b.md\nservices: {}\n");
    write(
        "harness/src/lib.rs",
        "//! One line.\nconst A: &str = \"headers.{}\";\nconst B: &str = \"missing\";\n",
    );
    folder
}

#[test]
fn each_kind_of_dangling_reference_is_named_with_its_line() {
    let commands = commands();
    let clean = folder();
    assert_eq!(Book::read(clean.path()).dangling(&commands), Vec::<String>::new());
    for (file, text, word) in BROKEN {
        let folder = folder();
        let path = folder.path().join(file);
        let before = fs::read_to_string(&path).expect("a file");
        fs::write(&path, format!("{before}\n{text}\n")).expect("written");
        let dangling = Book::read(folder.path()).dangling(&commands);
        let line = before.lines().count() + 2;
        let [only] = &dangling[..] else { panic!("{text:?} gives {dangling:?}") };
        assert!(only.contains(word), "{only}");
        // A fenced command is on the line after its fence.
        let near = [line, line + 1].iter().any(|line| only.starts_with(&format!("{file}:{line}:")));
        assert!(near, "{only} is not at line {line}");
    }
}
