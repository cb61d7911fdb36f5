//! Looks at the beginning of a stream and gives it back.

use std::io::{self, ErrorKind, Read};

use super::wrapping::Stream;

/// A beginning that is long enough to tell all kinds apart, and to see what stands before a dump.
const HEAD_BYTES: usize = 64 * 1024;

/// A stream whose beginning has been looked at.
pub(super) struct Peeked {
    head: Vec<u8>,
    given: usize,
    /// What came in the place of more bytes while looking.
    error: Option<io::Error>,
    rest: Stream,
}

impl Peeked {
    pub(super) fn new(mut rest: Stream) -> Self {
        let mut head = vec![0; HEAD_BYTES];
        let (mut filled, mut error) = (0, None);
        while filled < head.len() {
            match rest.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(found) if found.kind() == ErrorKind::Interrupted => {}
                Err(found) => {
                    error = Some(found);
                    break;
                }
            }
        }
        head.truncate(filled);
        Self { head, given: 0, error, rest }
    }

    /// The beginning.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether it could not be looked at in full: reading says why.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Whether the stream is empty, and that is all that can be said of it.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.error.is_none()
    }
}

impl Read for Peeked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.head[self.given..];
        if left.is_empty() {
            return match self.error.take() {
                Some(error) => Err(error),
                None => self.rest.read(buffer),
            };
        }
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        self.given += read;
        Ok(read)
    }
}
