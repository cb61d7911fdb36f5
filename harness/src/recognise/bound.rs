//! Ends a stream that unpacks to far more than it can be worth: an archive bomb.

use std::io::{self, ErrorKind, Read};

use super::wrapping::{Stream, broken};

/// More than a thousand bytes out of one is what zeros make, and nothing that somebody wrote.
const TIMES_MAX: u64 = 1000;

/// Below this it does no harm, and a small dump of one repeated row is nothing bad.
const BYTES_HARMLESS: u64 = if cfg!(test) { 4 << 20 } else { 1 << 30 };

/// A stream that is bounded by what it is unpacked from.
pub(super) struct Bounded {
    inner: Stream,
    read: u64,
    bytes_max: u64,
}

impl Bounded {
    /// Of `packed` bytes, a stream of a thousand times as many at most.
    pub(super) fn new(inner: Stream, packed: u64) -> Self {
        Self { inner, read: 0, bytes_max: bytes_max(packed) }
    }

    /// Whether so many bytes are more than can come of these.
    pub(super) fn is_beyond(read: u64, packed: u64) -> bool {
        read > bytes_max(packed)
    }
}

fn bytes_max(packed: u64) -> u64 {
    packed.saturating_mul(TIMES_MAX).max(BYTES_HARMLESS)
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        if self.read > self.bytes_max {
            let what =
                format!("an archive bomb: it unpacks to more than {TIMES_MAX} times its size");
            return Err(broken(ErrorKind::InvalidData, what));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_beyond_its_bound_is_a_bomb() {
        let zeros = || Box::new(io::repeat(0).take(2 << 20));
        let mut sound = Bounded::new(zeros(), 1);
        io::copy(&mut sound, &mut io::sink()).expect("below what does harm");
        let mut bomb = Bounded { bytes_max: 1 << 20, ..Bounded::new(zeros(), 1) };
        let error = io::copy(&mut bomb, &mut io::sink()).expect_err("too much");
        assert!(error.to_string().contains("archive bomb"), "{error}");
    }
}
