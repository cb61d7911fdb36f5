//! Encrypted pieces, opened by stand-ins for `age` and `gpg`: what matters is how they end.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};
use tokio_util::sync::CancellationToken;

use super::{bytes_of, damage, rows};
use crate::model::existing::{Kind, Piece, Wrapping};
use crate::process::Runner;
use crate::recognise::{Opener, recognise};

/// A program that takes the first line off what it is given, and then does this.
fn tool(folder: &TempDir, end: &str) -> PathBuf {
    let path = folder.path().join("tool");
    // Byte by byte: `read` takes no more than the line.
    fs::write(&path, format!("#!/bin/sh\nread -r line\n{end}\n")).expect("room");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a program");
    path
}

fn encrypted(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(b"age-encryption.org/v1\n").expect("room");
    file.write_all(content).expect("room");
    file
}

/// Looks at a piece on a thread outside of the runtime, as whoever calls does.
fn look(file: &Path, end: &str) -> (Piece, Runner) {
    let folder = TempDir::new().expect("a folder");
    let program = tool(&folder, end);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let runner = Runner::new(CancellationToken::new());
    let opener = Opener::new(runner.clone(), runtime.handle().clone())
        .with_identity("key.txt")
        .with_tools(&program, &program);
    (recognise(file, &opener).expect("readable"), runner)
}

#[test]
fn what_a_tool_decrypts_is_recognised_and_the_tool_is_recorded() {
    let file = encrypted(&zstd::encode_all(bytes_of("plain.sql").as_slice(), 1).expect("memory"));
    let (piece, runner) = look(file.path(), "cat");
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::PlainSql, ""));
    assert_eq!(piece.wrapped, [Wrapping::Age, Wrapping::Zstd]);
    assert_eq!(rows(&piece, "public.pupil"), Some(40));
    let commands = runner.commands();
    assert_eq!((commands.len(), commands[0].exit_code), (1, Some(0)));
    assert!(commands[0].command.ends_with("--decrypt --identity key.txt"));
}

#[test]
fn a_wrong_key_leaves_it_open_with_the_words_of_the_tool() {
    let file = encrypted(&bytes_of("plain.sql"));
    let (piece, _) = look(file.path(), "echo 'error: no identity matched' >&2; exit 1");
    assert_eq!((piece.kind, piece.damage.len()), (Kind::Encrypted, 0));
    assert!(piece.open[0].contains("no identity matched"), "{piece:?}");
    assert!(piece.open[0].contains("--identity FILE"), "{piece:?}");
}

#[test]
fn a_decryption_that_breaks_off_is_damage() {
    let file = encrypted(&bytes_of("plain.sql"));
    let (piece, _) = look(file.path(), "cat; echo 'error: bad chunk' >&2; exit 1");
    assert_eq!(piece.kind, Kind::PlainSql);
    assert!(damage(&piece).contains("what age decrypts breaks off: error: bad chunk"), "{piece:?}");
}

#[test]
fn a_tool_that_is_not_there_is_an_error() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let nowhere = Path::new("/nowhere/age");
    let opener = Opener::new(Runner::new(CancellationToken::new()), runtime.handle().clone())
        .with_identity("key.txt")
        .with_tools(nowhere, nowhere);
    let file = encrypted(b"");
    let error = recognise(file.path(), &opener).expect_err("no such tool");
    assert!(error.chain().contains("cannot start /nowhere/age"), "{}", error.chain());
}
