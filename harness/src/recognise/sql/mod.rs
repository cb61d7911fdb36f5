//! Scripts of SQL, read to their end without running them: what they promise, how many rows they
//! bring, and whether they are whole.
//!
//! Also reads the statements that an archive of `pg_dump` holds one by one.

mod lexer;
mod mariadb;
mod postgres;
mod rows;
mod text;
mod tokens;

use std::io::{self, BufReader, Read};

pub(crate) use self::lexer::Between;
pub(super) use self::lexer::{Dialect, Item, Lexer};
pub(crate) use self::mariadb::SYSTEM as SYSTEM_OF_MARIADB;
pub(super) use self::postgres::{Postgres, columns, copied};
pub(crate) use self::rows::CopyRows;
use self::text::Text;
pub(crate) use self::tokens::relation;
use super::seen::{Seen, shown};
use crate::model::existing::Kind;

/// Names of tables that are kept of one script.
const TABLES_MAX: usize = 200_000;

/// Chunks in which a script is read.
const CHUNK_BYTES: usize = 256 * 1024;

/// The dialect of a script that begins so, and what stands before it: none for what is no script.
pub(super) fn dialect(head: &[u8]) -> Option<(Dialect, &[u8])> {
    const FIRST: [(&[u8], Dialect); 8] = [
        (b"-- PostgreSQL database dump", Dialect::Postgres),
        (b"-- PostgreSQL database cluster dump", Dialect::Postgres),
        (b"-- Dumped from database version ", Dialect::Postgres),
        (b"SET statement_timeout = 0;", Dialect::Postgres),
        (b"-- MariaDB dump ", Dialect::MariaDb),
        (b"-- MySQL dump ", Dialect::MariaDb),
        (b"/*M!999999\\- enable the sandbox mode", Dialect::MariaDb),
        (b"/*!40101 SET @OLD_CHARACTER_SET_CLIENT", Dialect::MariaDb),
    ];
    let mut begin = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let known = FIRST.iter().find(|(first, _)| line.starts_with(first));
        if line.contains(&0) {
            return None;
        }
        if let Some((_, dialect)) = known {
            return Some((*dialect, &head[..begin]));
        }
        begin += line.len();
    }
    None
}

/// Reads a script to its end.
pub(super) fn read(dialect: Dialect, before: &[u8], stream: impl Read) -> Seen {
    let kind = match dialect {
        Dialect::Postgres => Kind::PlainSql,
        Dialect::MariaDb => Kind::MariaDbSql,
    };
    let mut seen = Seen::of(kind);
    if let Some(line) = stray(before) {
        seen.damage(format!("it does not begin with the dump, but with {}", shown(line)));
    }
    let text = BufReader::with_capacity(CHUNK_BYTES, Text::new(stream));
    let mut lexer = Lexer::new(text, dialect);
    let read = match dialect {
        Dialect::Postgres => postgres::read(&mut lexer, &mut seen),
        Dialect::MariaDb => mariadb::read(&mut lexer, &mut seen),
    };
    if let Err(error) = read {
        seen.damage(error.to_string());
    }
    lexer.input().get_ref().judge(&mut seen);
    seen
}

/// Of what stands before a dump, the first line that no dump begins with.
fn stray(before: &[u8]) -> Option<&[u8]> {
    let lines = before.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut stray = lines.filter(|line| {
        let expected = [&b"--"[..], b"\\restrict", b"/*", b"\xef\xbb\xbf--", b"SET "];
        !line.is_empty() && !expected.iter().any(|it| line.starts_with(it))
    });
    stray.next()
}

/// Whether it looks like a script of PowerShell's `>`, which writes two bytes a character.
pub(super) fn is_of_two_bytes(head: &[u8]) -> bool {
    let narrow = head.iter().copied().filter(|byte| *byte != 0).collect::<Vec<_>>();
    let marked = [&[0xff, 0xfe][..], &[0xfe, 0xff]].iter().any(|mark| head.starts_with(mark));
    marked && dialect(&narrow[2.min(narrow.len())..]).is_some()
}

/// A statement that is a message of the tool's, which was to go elsewhere.
fn is_message(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    ["pg_dump:", "pg_dumpall:", "mysqldump:", "mariadb-dump:", "Error response from daemon"]
        .iter()
        .any(|tool| text.starts_with(tool.as_bytes()))
}

/// Reads on and forgets: what a layer has at its end shows only to who reads it.
pub(super) fn drain(stream: &mut impl Read) -> io::Result<u64> {
    io::copy(stream, &mut io::sink())
}
