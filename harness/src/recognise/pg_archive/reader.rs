//! Numbers, strings and places as an archive of `pg_dump` writes them.
//!
//! Source: PostgreSQL, `src/bin/pg_dump/pg_backup_archiver.c`, `ReadInt`, `ReadStr`, `ReadOffset`.

use std::io::{self, ErrorKind, Read};

/// A statement longer than this is none that `pg_dump` wrote.
const STRING_BYTES_MAX: u64 = 16 * 1024 * 1024;

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
        let negative = self.byte()? != 0;
        let value = self.little_endian(self.int_bytes)?;
        let value = i64::try_from(value).map_err(|_| invalid("a number is absurdly large"))?;
        Ok(if negative { -value } else { value })
    }

    fn little_endian(&mut self, bytes: u8) -> io::Result<u64> {
        let mut value = 0_u64;
        for at in 0..u32::from(bytes) {
            let byte = u64::from(self.byte()?);
            if at < 8 {
                value |= byte << (at * 8);
            } else if byte != 0 {
                return Err(invalid("a number is absurdly large"));
            }
        }
        Ok(value)
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
        let flag = self.byte()?;
        let at = self.little_endian(self.offset_bytes)?;
        match flag {
            1 => Ok(Place::Unknown),
            2 => Ok(Place::At(at)),
            3 => Ok(Place::Nowhere),
            _ => Err(invalid("a place is none")),
        }
    }
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
