//! Frames a tar stream member by member, exactly as GNU tar does, up to its end marker.
//!
//! The `tar` crate decodes the header blocks; its reader is not used, because it splits PAX
//! records at newlines (names and attributes may hold them) and takes a stream cut between two
//! members for a whole one. Source: POSIX.1-2017, `pax`, Extended Description; GNU tar manual,
//! appendix D.

mod member;
mod pax;

use std::io::{self, ErrorKind, Read};

use tar::Header;

pub(crate) use self::member::{Kind, Member};
use self::pax::Records;

/// Unit of the format.
const BLOCK_BYTES: usize = 512;

/// What a member's extended header or long name may hold at most. Linux bounds a file's
/// attributes to 64 KiB each and its path to 4 KiB; only an attack needs more than this.
const EXTENSION_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A tar stream, read forward once.
pub(crate) struct TarStream<R> {
    reader: R,
    /// Bytes of the current member's content not yet read.
    content: u64,
    /// Zeros after it, up to the block's end.
    padding: u64,
    /// Records for all members that follow.
    global: Records,
}

/// Extended headers that describe the next member.
#[derive(Default)]
struct Extensions {
    records: Records,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<R: Read> TarStream<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, content: 0, padding: 0, global: Records::default() }
    }

    /// The next member, or none after a complete end marker with nothing but zeros behind it.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] for a stream that was cut, [`ErrorKind::InvalidData`] for one
    /// that is no tar stream or not an unambiguous one.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_content()?;
            let Some(header) = self.header()? else {
                return self.end().map(|()| None);
            };
            match header.entry_type().as_byte() {
                b'x' => extensions.records.extend(&self.extension(header.entry_size()?)?)?,
                b'g' => {
                    let records = self.extension(header.entry_size()?)?;
                    self.global.extend(&records)?;
                }
                b'L' => extensions.path = Some(until_nul(self.extension(header.entry_size()?)?)),
                b'K' => extensions.link = Some(until_nul(self.extension(header.entry_size()?)?)),
                _ => {
                    let records = self.global.overridden_by(extensions.records);
                    let member = Member::new(&header, &records, extensions.path, extensions.link)?;
                    self.expect(member.stored_bytes())?;
                    return Ok(Some(member));
                }
            }
        }
    }

    /// Reads the current member's content; 0 at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted =
            usize::try_from(self.content).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            match self.reader.read(&mut buffer[..wanted]) {
                Ok(0) => return Err(cut()),
                Ok(read) => {
                    self.content -= read as u64;
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Fills the buffer with the current member's content.
    pub(crate) fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => return Err(invalid("a member is shorter than it says")),
                read => filled += read,
            }
        }
        Ok(())
    }

    fn expect(&mut self, size: u64) -> io::Result<()> {
        let stored = size
            .checked_next_multiple_of(BLOCK_BYTES as u64)
            .filter(|stored| i64::try_from(*stored).is_ok())
            .ok_or_else(|| invalid("a member is absurdly large"))?;
        self.content = size;
        self.padding = stored - size;
        Ok(())
    }

    fn skip_content(&mut self) -> io::Result<()> {
        let skipped = self.content + std::mem::take(&mut self.padding);
        self.content = 0;
        let passed = io::copy(&mut (&mut self.reader).take(skipped), &mut io::sink())?;
        if passed < skipped { Err(cut()) } else { Ok(()) }
    }

    /// A header block, or none for a block of zeros.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut header = Header::new_old();
        self.block(header.as_mut_bytes())?;
        let bytes = header.as_bytes();
        if is_zero(bytes) {
            return Ok(None);
        }
        // The sum takes its own eight bytes for spaces.
        let plain = bytes[..148].iter().chain(&bytes[156..]);
        let sum = plain.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ');
        if header.cksum()? != sum {
            return Err(invalid("a header's checksum does not match"));
        }
        Ok(Some(header))
    }

    /// After the first zero block: the second must follow, and nothing else.
    fn end(&mut self) -> io::Result<()> {
        let mut block = [0; BLOCK_BYTES];
        self.block(&mut block)?;
        if !is_zero(&block) {
            return Err(invalid("the end marker is incomplete"));
        }
        let mut rest = vec![0; 64 * 1024];
        loop {
            match self.reader.read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(read) if is_zero(&rest[..read]) => {}
                Ok(_) => return Err(invalid("something follows the end marker")),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > EXTENSION_BYTES_MAX {
            return Err(invalid("an extended header is absurdly large"));
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(size).read_to_end(&mut bytes)?;
        self.content = 0;
        if (read as u64) < size { Err(cut()) } else { Ok(bytes) }
    }

    fn block(&mut self, block: &mut [u8; BLOCK_BYTES]) -> io::Result<()> {
        self.reader.read_exact(block).map_err(|error| match error.kind() {
            // A reader that says itself what ended early knows better.
            ErrorKind::UnexpectedEof if error.get_ref().is_none() => cut(),
            _ => error,
        })
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    name.truncate(end);
    name
}

fn cut() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the stream ends before its end marker")
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}
