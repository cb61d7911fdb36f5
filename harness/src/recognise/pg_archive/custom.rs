//! The data of a custom archive: a block for each entry, one behind the other, each in chunks.
//!
//! Source: PostgreSQL, `src/bin/pg_dump/pg_backup_custom.c`. Blocks are read in their order and held
//! against the places that the table of contents gives: `pg_restore` goes there.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};

use super::data;
use super::reader::{Place, Reader, invalid};
use super::toc::{Compression, Contents, Entry};
use crate::recognise::seen::Seen;
use crate::recognise::wrapping::is_broken;

const BLOCK_DATA: u8 = 1;
const BLOCK_BLOBS: u8 = 3;

/// Reads every block to its end.
pub(super) fn read<R: Read>(
    reader: &mut Reader<R>,
    contents: &mut Contents,
    seen: &mut Seen,
) -> io::Result<()> {
    let mut missing = HashMap::new();
    for entry in std::mem::take(&mut contents.entries) {
        missing.insert(entry.id, entry);
    }
    let walked = blocks(reader, contents, &mut missing, seen);
    let mut left = missing.into_values().collect::<Vec<_>>();
    left.sort_by_key(|entry| entry.id);
    for entry in left {
        seen.damage(format!("the data of {} is not there", entry.named));
    }
    walked
}

fn blocks<R: Read>(
    reader: &mut Reader<R>,
    contents: &mut Contents,
    missing: &mut HashMap<i64, Entry>,
    seen: &mut Seen,
) -> io::Result<()> {
    loop {
        let position = reader.position;
        let Some(kind) = reader.byte_or_end()? else { return Ok(()) };
        let id = reader.int()?;
        let Some(entry) = missing.remove(&id) else {
            seen.damage(format!("the block at {position} belongs to no entry"));
            return Ok(());
        };
        if let Place::At(promised) = entry.place
            && promised != position
        {
            seen.damage(format!(
                "{} is said to be at {promised} and is at {position}",
                entry.named
            ));
        }
        match kind {
            BLOCK_DATA => block(reader, contents, &entry, seen)?,
            BLOCK_BLOBS => {
                while reader.int()? != 0 {
                    block(reader, contents, &entry, seen)?;
                }
            }
            _ => {
                seen.damage(format!("the block at {position} is of no known kind"));
                return Ok(());
            }
        }
    }
}

/// One block, or the content of one large object. Damage within it is the block's: the next begins
/// where its chunks end.
fn block<R: Read>(
    reader: &mut Reader<R>,
    contents: &mut Contents,
    entry: &Entry,
    seen: &mut Seen,
) -> io::Result<()> {
    let Contents { head, statements, .. } = contents;
    let mut chunks = Chunks { reader, left: 0, ended: false, failed: false, pending: None };
    // An empty block has no stream in it at all.
    let is_empty = !chunks.begin()?;
    let compression = if is_empty { Compression::None } else { head.compression };
    let read = data::read(&mut chunks, compression, entry, statements, seen);
    if chunks.failed {
        let what = read.err().map_or_else(String::new, |error| error.to_string());
        seen.damage(format!("{} is cut: {what}", entry.named));
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if let Err(error) = read {
        if is_broken(&error) {
            return Err(error);
        }
        seen.damage(format!("the data of {} is damaged: {error}", entry.named));
    }
    chunks.drain()
}

/// The chunks of a block, as one stream.
struct Chunks<'a, R> {
    reader: &'a mut Reader<R>,
    left: u64,
    ended: bool,
    /// Whether the archive itself could not be read on.
    failed: bool,
    /// What comes in the place of more bytes.
    pending: Option<io::Error>,
}

impl<R: Read> Chunks<'_, R> {
    /// Reads the length of the next chunk, if there is one.
    fn begin(&mut self) -> io::Result<bool> {
        if self.left == 0 && !self.ended {
            let length = self.reader.int()?;
            self.left = u64::try_from(length).map_err(|_| invalid("a chunk has no length"))?;
            self.ended = self.left == 0;
        }
        Ok(!self.ended)
    }

    /// Fills the buffer from as many chunks as it takes: with `--compress=0` each row is one.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.once(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if filled > 0 => {
                    // What came before it is worth having.
                    self.pending = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        if !self.begin()? {
            return Ok(0);
        }
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |it| it.min(buffer.len()));
        match self.reader.some(&mut buffer[..wanted])? {
            0 => Err(io::Error::new(ErrorKind::UnexpectedEof, "the archive ends within it")),
            read => {
                self.left -= read as u64;
                Ok(read)
            }
        }
    }

    /// What the decompression left over.
    fn drain(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Chunks<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).inspect_err(|_| self.failed = true)
    }
}
