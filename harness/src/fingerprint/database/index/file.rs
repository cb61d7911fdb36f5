//! The list of a table's rows as a file: for each row its key and 32 bits of each column's
//! hash, without values. Sorted runs, each a zstd frame of its own, merged while reading, so
//! that memory stays flat at any size; beside it, as JSON, a few rows in full.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use listing::{HashKey, Lister};
use serde::{Deserialize, Serialize};

use crate::error::{Attempt, Result};
use crate::model::row_list::{Entry, SampleRow};

/// Bytes of a key at most: an index takes a third of a page, compressed.
const KEY_BYTES_MAX: usize = 16 << 20;

/// What is said about a list of rows, beside the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// The table.
    pub table: String,
    /// Columns in the order of the hashes.
    pub columns: Vec<String>,
    /// Whether rows are known by a primary key; otherwise by a hash of all they hold.
    pub keyed: bool,
    /// What the values were hashed under.
    #[serde(default, skip_serializing_if = "HashKey::is_none")]
    pub key: HashKey,
    /// Where each sorted run starts, in bytes.
    runs: Vec<u64>,
    /// Some rows in full, the same ones in every list that has their keys.
    pub sample: Vec<SampleRow>,
}

impl Header {
    pub(super) fn new(table: String, columns: Vec<String>, keyed: bool, key: HashKey) -> Self {
        Self { table, columns, keyed, key, runs: Vec::new(), sample: Vec::new() }
    }

    /// Reads the header of the list at `path`.
    ///
    /// # Errors
    /// Undecided when it is not there or is none.
    pub fn open(path: &Path) -> Result<Self> {
        let beside = header_path(path);
        let unreadable = || format!("cannot read {}", beside.display());
        let file = File::open(&beside).attempt(unreadable)?;
        serde_json::from_reader(BufReader::new(file)).attempt(unreadable)
    }
}

/// Writes one list.
pub(super) struct Writer {
    path: PathBuf,
    output: BufWriter<File>,
    written: u64,
    header: Header,
    lister: Lister,
}

impl Writer {
    pub(super) fn create(path: PathBuf, header: Header, lister: Lister) -> Result<Self> {
        let output = BufWriter::new(private(&path)?);
        Ok(Self { path, output, written: 0, header, lister })
    }

    /// Adds a row, as `COPY` writes it.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<()> {
        self.lister.push(line);
        if self.lister.is_full() { self.flush() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.header.sample = self.lister.into_sample();
        let beside = header_path(&self.path);
        let unwritten = || format!("cannot write {}", self.path.display());
        self.output.flush().attempt(unwritten)?;
        serde_json::to_writer(private(&beside)?, &self.header)
            .attempt(|| format!("cannot write {}", beside.display()))
    }

    /// Writes the rows held so far as one sorted run.
    fn flush(&mut self) -> Result<()> {
        let run = self.lister.take_run().attempt(|| "cannot sort and compress rows")?;
        let Some(run) = run else { return Ok(()) };
        self.output.write_all(&run).attempt(|| format!("cannot write {}", self.path.display()))?;
        self.header.runs.push(self.written);
        self.written += run.len() as u64;
        Ok(())
    }
}

/// Opens a file that nobody else may read: keys and samples are data of the source.
fn private(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .attempt(|| format!("cannot create {}", path.display()))
}

/// The header of the list at `path`.
#[must_use]
pub fn header_path(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Reads one list back, in the order of the keys.
pub struct Reader {
    /// What is said about the list.
    pub header: Header,
    runs: Vec<Run>,
    /// The next row of each run, least key first.
    next: BinaryHeap<Reverse<Head>>,
}

/// The next row of a run.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    key: Vec<u8>,
    columns: Vec<u32>,
    run: usize,
}

impl Reader {
    /// Opens a list.
    ///
    /// # Errors
    /// Undecided when the file is not there or is no list of rows.
    pub fn open(path: &Path) -> Result<Self> {
        let header = Header::open(path)?;
        let mut reader = Self { runs: Vec::new(), next: BinaryHeap::new(), header };
        for index in 0..reader.header.runs.len() {
            let run = Run::open(path, reader.header.runs[index], reader.header.columns.len());
            reader.runs.push(run.attempt(|| format!("cannot read {}", path.display()))?);
            reader.advance(index)?;
        }
        Ok(reader)
    }

    fn advance(&mut self, run: usize) -> Result<()> {
        let row = self.runs[run]
            .row()
            .attempt(|| format!("the list of rows of {} is cut or damaged", self.header.table))?;
        self.next.extend(row.map(|(key, columns)| Reverse(Head { key, columns, run })));
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(Head { key, columns, run }) = self.next.pop()?;
        Some(self.advance(run).map(|()| Entry { key, columns }))
    }
}

/// One sorted run.
struct Run {
    input: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    columns: usize,
}

impl Run {
    fn open(path: &Path, offset: u64, columns: usize) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let input = BufReader::new(zstd::Decoder::new(file)?.single_frame());
        Ok(Self { input, columns })
    }

    fn row(&mut self) -> std::io::Result<Option<(Vec<u8>, Vec<u32>)>> {
        let mut length = [0; 4];
        match self.input.read(&mut length[..1])? {
            0 => return Ok(None),
            _ => self.input.read_exact(&mut length[1..])?,
        }
        let length =
            usize::try_from(u32::from_le_bytes(length)).map_err(|_| ErrorKind::InvalidData)?;
        // An artefact's list may be anybody's.
        if length > KEY_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut row = vec![0; length + self.columns * 4];
        self.input.read_exact(&mut row)?;
        let hashes =
            row[length..].as_chunks().0.iter().map(|hash| u32::from_le_bytes(*hash)).collect();
        row.truncate(length);
        Ok(Some((row, hashes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_back_as_one_sorted_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.rows");
        let columns = vec!["id".to_owned(), "note".to_owned()];
        let header = Header::new("public.exam".to_owned(), columns, true, HashKey::random());
        let lister = Lister::new(2, vec![0], header.key, 0);
        let mut writer = Writer::create(path.clone(), header.clone(), lister).unwrap();
        for run in [[3, 1, 5], [4, 2, 6]] {
            for id in run {
                writer.push(format!("{id}\t{}", id * 10).as_bytes()).unwrap();
            }
            writer.flush().unwrap();
        }
        writer.finish().unwrap();

        let rows: Vec<Entry> = Reader::open(&path).unwrap().map(Result::unwrap).collect();
        let entry = |id: u32| {
            let fields = [id, id * 10].map(|field| field.to_string());
            let columns = fields.iter().map(|field| header.key.short(field.as_bytes())).collect();
            Entry { key: id.to_string().into_bytes(), columns }
        };
        let expected: Vec<Entry> = (1..=6).map(entry).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_cut_list_is_an_error_and_not_a_short_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.rows");
        let header = Header::new("public.exam".to_owned(), Vec::new(), true, HashKey::NONE);
        let lister = Lister::new(0, Vec::new(), HashKey::NONE, 0);
        let mut writer = Writer::create(path.clone(), header, lister).unwrap();
        for id in 0..1000 {
            writer.push(id.to_string().as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 7]).unwrap();
        let read = Reader::open(&path).and_then(|mut rows| rows.try_for_each(|row| row.map(drop)));
        assert!(read.is_err());
    }
}
