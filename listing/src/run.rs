//! Rows as they come, held until they are worth sorting: a run is each row's key and 32 bits of
//! each column's hash, in the order of the keys, as one zstd frame.

use std::io;

use crate::key::HashKey;
use crate::row;
use crate::sample::{Sample, SampleRow};

/// Bytes of rows that are held in memory and sorted at a time.
const RUN_BYTES: usize = 8 << 20;

/// zstd's fastest: what is compressed is hashes, mostly.
const LEVEL: i32 = 1;

/// Lists the rows of one table.
#[derive(Debug)]
pub struct Lister {
    columns: usize,
    key: Vec<usize>,
    hashed_under: HashKey,
    arena: Vec<u8>,
    /// Start of each row in the arena, and the length of its key.
    rows: Vec<(usize, usize)>,
    sample: Sample,
}

impl Lister {
    /// Of a table with so many columns, whose primary key is made of those at these places, with
    /// so many rows in full.
    #[must_use]
    pub fn new(columns: usize, key: Vec<usize>, hashed_under: HashKey, samples: usize) -> Self {
        let sample = Sample::new(samples);
        Self { columns, key, hashed_under, arena: Vec::new(), rows: Vec::new(), sample }
    }

    /// Adds a row: a line of `COPY`, without its end.
    pub fn push(&mut self, line: &[u8]) {
        // A table without columns has rows, and no fields.
        let fields: Vec<&[u8]> = row::fields(line).take(self.columns).collect();
        let key = row::key(line, &fields, &self.key, self.hashed_under);
        self.sample.offer(&key, &fields);
        self.rows.push((self.arena.len(), key.len()));
        self.arena.extend_from_slice(key.as_bytes());
        for field in fields {
            self.arena.extend_from_slice(&self.hashed_under.short(field).to_le_bytes());
        }
    }

    /// Whether what is held is worth a run.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.arena.len() >= RUN_BYTES
    }

    /// Takes what is held as one sorted run, if there is any: of each row the length of its key
    /// in four bytes, its key, and four bytes a column.
    ///
    /// # Errors
    /// A key is longer than 4 GiB, or zstd fails.
    pub fn take_run(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let (arena, width) = (&self.arena, self.columns * 4);
        self.rows.sort_unstable_by_key(|(start, key)| &arena[*start..start + key]);
        let mut run = Vec::with_capacity(arena.len() + self.rows.len() * 4);
        for (start, key) in &self.rows {
            let length = u32::try_from(*key).map_err(|_| io::ErrorKind::FileTooLarge)?;
            run.extend_from_slice(&length.to_le_bytes());
            run.extend_from_slice(&arena[*start..start + key + width]);
        }
        self.arena.clear();
        self.rows.clear();
        zstd::encode_all(run.as_slice(), LEVEL).map(Some)
    }

    /// The rows in full.
    #[must_use]
    pub fn into_sample(self) -> Vec<SampleRow> {
        self.sample.into_rows()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_sorted_by_key_and_holds_a_hash_of_each_column() {
        let mut lister = Lister::new(2, vec![0], HashKey::NONE, 1);
        assert_eq!(lister.take_run().unwrap(), None);
        for line in ["b\t1", "a\t\\N"] {
            lister.push(line.as_bytes());
        }
        let run = lister.take_run().unwrap().unwrap();
        let row = |key: &str, other: &str| {
            let hashes = [key, other].map(|it| HashKey::NONE.short(it.as_bytes()).to_le_bytes());
            [&1_u32.to_le_bytes()[..], key.as_bytes(), &hashes.concat()].concat()
        };
        let expected = [row("a", "\\N"), row("b", "1")].concat();
        assert_eq!(zstd::decode_all(run.as_slice()).unwrap(), expected);
        assert!(!lister.is_full());
        assert_eq!(lister.take_run().unwrap(), None);
        assert_eq!(lister.into_sample().len(), 1);
    }

    #[test]
    fn a_table_without_columns_has_rows() {
        let mut lister = Lister::new(0, Vec::new(), HashKey::NONE, 1);
        lister.push(b"");
        let run = lister.take_run().unwrap().unwrap();
        assert_eq!(zstd::decode_all(run.as_slice()).unwrap().len(), 4 + 32);
    }
}
