//! Numbers, strings and places as an archive of `pg_dump` writes them.
//!
//! Source: PostgreSQL, `src/bin/pg_dump/pg_backup_archiver.c`, `ReadInt`, `ReadStr`, `ReadOffset`.

use std::io::{self, ErrorKind, Read};

/// A statement longer than this is none that `pg_dump` wrote.
const STRING_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes of a number at most, as `pg_restore` has it.
pub(super) const INT_BYTES_MAX: u8 = 32;

/// Reads an archive forward once and knows where it is.
pub(super) struct Reader<R> {
    inner: R,
    pub(super) position: u64,
    /// Bytes of a number.
    pub(super) int_bytes: u8,
    /// Bytes of a place in the file.
    pub(super) offset_bytes: u8,
}

/// Where an entry's data lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The archive was written to a pipe: nobody could come back and say.
    Unknown,
    At(u64),
    /// It has no data.
    Nowhere,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, position: 0, int_bytes: 4, offset_bytes: 8 }
    }

    pub(super) fn exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(buffer)?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    /// Some bytes, or none at the end.
    pub(super) fn some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A byte, or none at the end.
    pub(super) fn byte_or_end(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            match self.some(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A number: its sign, then its bytes, the smallest first.
    pub(super) fn int(&mut self) -> io::Result<i64> {
        let mut bytes = [0; 1 + INT_BYTES_MAX as usize];
        let bytes = &mut bytes[..=usize::from(self.int_bytes.min(INT_BYTES_MAX))];
        self.exact(bytes)?;
        let value = i64::try_from(little_endian(&bytes[1..])?);
        let value = value.map_err(|_| invalid("a number is absurdly large"))?;
        Ok(if bytes[0] == 0 { value } else { -value })
    }

    /// A string; one that is absent is empty.
    pub(super) fn string(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.optional_string()?.unwrap_or_default())
    }

    pub(super) fn optional_string(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Ok(length) = u64::try_from(self.int()?) else { return Ok(None) };
        if length > STRING_BYTES_MAX {
            return Err(invalid("a text is absurdly long"));
        }
        let mut bytes = Vec::new();
        (&mut self.inner).take(length).read_to_end(&mut bytes)?;
        self.position += bytes.len() as u64;
        if (bytes.len() as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(bytes))
    }

    pub(super) fn place(&mut self) -> io::Result<Place> {
        let mut bytes = [0; 1 + INT_BYTES_MAX as usize];
        let bytes = &mut bytes[..=usize::from(self.offset_bytes.min(INT_BYTES_MAX))];
        self.exact(bytes)?;
        let at = little_endian(&bytes[1..])?;
        match bytes[0] {
            1 => Ok(Place::Unknown),
            2 => Ok(Place::At(at)),
            3 => Ok(Place::Nowhere),
            _ => Err(invalid("a place is none")),
        }
    }
}

fn little_endian(bytes: &[u8]) -> io::Result<u64> {
    let (low, high) = bytes.split_at(bytes.len().min(8));
    if high.iter().any(|byte| *byte != 0) {
        return Err(invalid("a number is absurdly large"));
    }
    Ok(low.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
