//! Archives of `pg_dump`: custom, tar and directory. The table of contents says what is promised;
//! then the data of every entry is read to its end, and rows are counted.

mod custom;
mod data;
mod folder;
mod large_objects;
mod reader;
mod tar;
mod toc;

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use self::reader::Reader;
pub(super) use self::tar::CONTENTS;
pub(super) use self::toc::MAGIC;
use self::toc::{Contents, Format};
use super::seen::Seen;
use super::wrapping::is_broken;
use crate::error::{Attempt, Result};
use crate::model::existing::Kind;

const CHUNK_BYTES: usize = 256 * 1024;

/// Reads a stream that begins with [`MAGIC`].
pub(super) fn read(stream: impl Read) -> Seen {
    let mut seen = Seen::of(Kind::CustomDump);
    let mut reader = Reader::new(BufReader::with_capacity(CHUNK_BYTES, stream));
    let contents = contents(&mut reader, &mut seen);
    let Some(mut contents) = contents else { return seen };
    if contents.head.format != Format::Custom {
        seen.damage("it is the table of contents of a dump whose data lies in other files");
        finish(contents, false, &mut seen);
        return seen;
    }
    let walked = custom::read(&mut reader, &mut contents, &mut seen);
    let whole = walked.is_ok();
    if let Err(error) = walked {
        seen.damage(if is_broken(&error) {
            error.to_string()
        } else if error.kind() == ErrorKind::UnexpectedEof {
            "it is cut: the archive ends within its data".to_owned()
        } else {
            format!("its data is damaged: {error}")
        });
    }
    finish(contents, whole, &mut seen);
    seen
}

/// Reads a tar stream whose first member is [`CONTENTS`].
pub(super) fn read_tar(stream: impl Read) -> Seen {
    let mut seen = Seen::of(Kind::TarDump);
    match tar::read(BufReader::with_capacity(CHUNK_BYTES, stream), &mut seen) {
        Ok(Some(contents)) => finish(contents, true, &mut seen),
        Ok(None) => seen.damage("there is nothing in it"),
        Err(error) => seen.damage(told(&error, "the archive")),
    }
    seen
}

/// Whether a folder holds a table of contents.
pub(super) fn is_folder(folder: &Path) -> bool {
    let mut magic = [0; 5];
    let read = File::open(folder.join("toc.dat")).and_then(|mut it| it.read_exact(&mut magic));
    read.is_ok() && magic == MAGIC
}

/// Reads a folder that holds a table of contents.
///
/// # Errors
/// A file of it cannot be read.
pub(super) fn read_folder(folder: &Path) -> Result<Seen> {
    let mut seen = Seen::of(Kind::DirectoryDump);
    let what = || format!("cannot read {}", folder.display());
    let file = File::open(folder.join("toc.dat")).attempt(what)?;
    let mut reader = Reader::new(BufReader::new(file));
    let Some(mut contents) = contents(&mut reader, &mut seen) else { return Ok(seen) };
    seen.says.unpacked_bytes = Some(folder::read(folder, &mut contents, &mut seen).attempt(what)?);
    finish(contents, true, &mut seen);
    Ok(seen)
}

fn contents(reader: &mut Reader<impl Read>, seen: &mut Seen) -> Option<Contents> {
    match toc::read(reader, seen) {
        Ok(contents) => Some(contents),
        Err(error) => {
            seen.damage(told(&error, "its table of contents"));
            None
        }
    }
}

fn told(error: &io::Error, what: &str) -> String {
    match error.kind() {
        _ if is_broken(error) => error.to_string(),
        ErrorKind::UnexpectedEof => format!("{what} is cut"),
        _ => format!("{what} is damaged: {error}"),
    }
}

fn finish(contents: Contents, whole: bool, seen: &mut Seen) {
    let mut open = Vec::new();
    contents.statements.finish(whole, &mut seen.says, &mut open);
    if seen.says.tables.values().all(std::collections::BTreeMap::is_empty) {
        seen.damage("there is no table in it");
    }
    if whole {
        for line in open {
            seen.open(line);
        }
    }
}
