//! The data of a tar archive of `pg_dump`: a member for each entry, behind `toc.dat`.
//!
//! Source: PostgreSQL, `src/bin/pg_dump/pg_backup_tar.c`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Read};

use super::data;
use super::large_objects::listed;
use super::reader::Reader;
use super::toc::{self, Contents, Entry};
use crate::recognise::seen::Seen;
use crate::tar_stream::TarStream;
use crate::tree_path::escape;

/// What the first member is called.
pub(in crate::recognise) const CONTENTS: &[u8] = b"toc.dat";

/// Names of large objects that are kept of one archive.
const NAMES_MAX: usize = 1_000_000;

/// Reads the archive to its end marker. Nothing of the stream has been read.
pub(super) fn read(stream: impl Read, seen: &mut Seen) -> io::Result<Option<Contents>> {
    let mut stream = TarStream::new(stream);
    let Some(_) = stream.next()? else { return Ok(None) };
    let mut contents = toc::read(&mut Reader::new(Content(&mut stream)), seen)?;
    let entries = std::mem::take(&mut contents.entries);
    let mut missing = entries.into_iter().map(by_file).collect::<HashMap<_, _>>();
    let (mut promised, mut objects) = (BTreeSet::new(), HashSet::new());
    let walked = loop {
        let member = match stream.next() {
            Ok(Some(member)) => member,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let name = escape(&member.path);
        if name.starts_with("blob_") && objects.len() < NAMES_MAX {
            objects.insert(name.clone());
        }
        let Some(entry) = missing.remove(&name) else { continue };
        let mut content = Content(&mut stream);
        let read = if entry.table.is_some() {
            data::decompressed(content, &entry, &mut contents.statements, seen).map(drop)
        } else {
            listed(&mut content).map(|names| promised.extend(names))
        };
        if let Err(error) = read {
            seen.damage(format!("the data of {} is cut", entry.named));
            break Err(error);
        }
    };
    let mut left = missing.into_values().collect::<Vec<_>>();
    left.sort_by_key(|entry| entry.id);
    for entry in left {
        seen.damage(format!("the data of {} is not there: {}", entry.named, entry.file));
    }
    for name in promised.iter().filter(|name| !objects.contains(*name)) {
        seen.damage(format!("the large object in {name} is not there"));
    }
    walked.map(|()| Some(contents))
}

/// An entry, by the member that holds its data. Large objects have one each, and a list: one for
/// all until PostgreSQL 15, and since then one for each entry.
fn by_file(entry: Entry) -> (String, Entry) {
    let file = match &entry.table {
        Some(_) => entry.file.clone(),
        None if entry.named == "BLOBS BLOBS" => "blobs.toc".to_owned(),
        None => format!("blobs_{}.toc", entry.id),
    };
    (file, entry)
}

/// The content of the current member.
struct Content<'a, R>(&'a mut TarStream<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
