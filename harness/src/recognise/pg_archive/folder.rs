//! The data of a directory of `pg_dump`: a file for each entry, beside `toc.dat`.
//!
//! Source: PostgreSQL, `src/bin/pg_dump/pg_backup_directory.c`.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::data;
use super::large_objects::listed;
use super::toc::{Compression, Contents, Entry};
use crate::recognise::peek::Peeked;
use crate::recognise::seen::Seen;
use crate::recognise::wrapping::{self, Stream};

/// Reads the file of every entry to its end.
///
/// # Errors
/// A file is there and cannot be read.
pub(super) fn read(folder: &Path, contents: &mut Contents, seen: &mut Seen) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::mem::take(&mut contents.entries) {
        let Some(stream) = opened(folder, &entry.file)? else {
            seen.damage(format!("the data of {} is not there: {}", entry.named, entry.file));
            continue;
        };
        let read = if entry.table.is_some() {
            data::read(stream, Compression::None, &entry, &mut contents.statements, seen)
        } else {
            objects(folder, stream, &entry, seen)
        };
        match read {
            Ok(read) => bytes += read,
            Err(error) => seen.damage(format!("the data of {}: {error}", entry.named)),
        }
    }
    Ok(bytes)
}

/// Reads each large object of a list to its end.
fn objects(folder: &Path, mut list: Stream, entry: &Entry, seen: &mut Seen) -> io::Result<u64> {
    let mut bytes = 0;
    for file in listed(&mut list)? {
        match opened(folder, &file)? {
            Some(mut stream) => match io::copy(&mut stream, &mut io::sink()) {
                Ok(read) => bytes += read,
                Err(error) => seen.damage(format!("the large object in {file}: {error}")),
            },
            None => {
                seen.damage(format!("{}: the large object in {file} is not there", entry.named));
            }
        }
    }
    Ok(bytes)
}

/// The file of this name, or what it became when it was compressed; unwrapped.
fn opened(folder: &Path, name: &str) -> io::Result<Option<Stream>> {
    let Some(path) = within(folder, name) else { return Ok(None) };
    for ending in ["", ".gz", ".lz4", ".zst"] {
        let mut path = path.clone().into_os_string();
        path.push(ending);
        match File::open(PathBuf::from(path)) {
            Ok(file) => return unwrapped(Box::new(file)).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The place of a file in the folder; none of a name that leads out of it.
fn within(folder: &Path, name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != ".." && name != ".";
    plain.then(|| folder.join(name))
}

fn unwrapped(file: Stream) -> io::Result<Stream> {
    let stream = Peeked::new(file);
    match wrapping::of(stream.head()) {
        Some(wrapping) => wrapping::unwrapped(wrapping, Box::new(stream)),
        None => Ok(Box::new(stream) as Box<dyn Read + Send>),
    }
}
