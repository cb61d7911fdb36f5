//! The data of one table, decompressed and counted.

use std::io::{self, BufReader, ErrorKind, Read};

use super::toc::{Compression, Entry};
use crate::recognise::seen::Seen;
use crate::recognise::sql::{CopyRows, Dialect, Item, Lexer, Postgres};

/// Chunks in which data is read.
const CHUNK_BYTES: usize = 128 * 1024;

/// Reads the data of an entry to its end: counts rows, and says what is wrong.
///
/// # Errors
/// The data is damaged, or what it is read from.
pub(super) fn read(
    data: impl Read,
    compression: Compression,
    entry: &Entry,
    statements: &mut Postgres,
    seen: &mut Seen,
) -> io::Result<u64> {
    let input = BufReader::with_capacity(CHUNK_BYTES, data);
    match compression {
        Compression::None => decompressed(input, entry, statements, seen),
        Compression::Zlib => {
            decompressed(flate2::bufread::ZlibDecoder::new(input), entry, statements, seen)
        }
        Compression::Lz4 => {
            decompressed(lz4_flex::frame::FrameDecoder::new(input), entry, statements, seen)
        }
        Compression::Zstd => {
            decompressed(zstd::Decoder::with_buffer(input)?, entry, statements, seen)
        }
    }
}

/// The same, of data that is in the clear. Returns how many bytes there were.
pub(super) fn decompressed(
    data: impl Read,
    entry: &Entry,
    statements: &mut Postgres,
    seen: &mut Seen,
) -> io::Result<u64> {
    match &entry.table {
        Some(table) if entry.is_copy => rows(data, table, entry, statements, seen),
        Some(table) => inserts(data, table, statements, seen),
        None => {
            let mut data = data;
            io::copy(&mut data, &mut io::sink())
        }
    }
}

fn rows(
    mut data: impl Read,
    table: &str,
    entry: &Entry,
    statements: &mut Postgres,
    seen: &mut Seen,
) -> io::Result<u64> {
    let (mut counted, mut bytes) = (CopyRows::default(), 0);
    let mut buffer = vec![0; CHUNK_BYTES];
    let read = loop {
        match data.read(&mut buffer) {
            Ok(0) => break Ok(bytes),
            Ok(read) => {
                bytes += read as u64;
                counted.push(&buffer[..read]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    statements.rows(table, counted.rows);
    if !counted.ended() {
        seen.damage(format!("the rows of {table} have no end: {} are there", counted.rows));
    }
    if let Some(odd) = entry.columns.and_then(|columns| counted.oddity(columns)) {
        seen.damage(format!("{table}: {odd}"));
    }
    read
}

/// Data of `pg_dump --inserts`.
fn inserts(
    data: impl Read,
    table: &str,
    statements: &mut Postgres,
    seen: &mut Seen,
) -> io::Result<u64> {
    statements.rows(table, 0);
    let mut lexer = Lexer::new(BufReader::with_capacity(CHUNK_BYTES, data), Dialect::Postgres);
    let mut rows = 0;
    while let Some(item) = lexer.next()? {
        if let Item::Statement(statement) = item {
            rows += statement.rows;
            statements.statement(&statement, seen);
        }
    }
    Ok(rows)
}
