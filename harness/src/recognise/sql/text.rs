//! Looks at the bytes of a script as they stream by: zeros, which no script holds, and bytes that
//! are not of the encoding that it names.

use std::io::{self, Read};

use memchr::memchr;

use crate::recognise::seen::Seen;

/// A script's bytes, counted.
pub(super) struct Text<R> {
    inner: R,
    position: u64,
    zero_at: Option<u64>,
    not_utf8_at: Option<u64>,
    /// Bytes of a character that a chunk has cut.
    cut: Vec<u8>,
}

impl<R> Text<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, position: 0, zero_at: None, not_utf8_at: None, cut: Vec::new() }
    }

    pub(super) fn judge(&self, seen: &mut Seen) {
        if let Some(at) = self.zero_at {
            seen.damage(format!(
                "a byte of zero at {at}: no script has one, a file that was never written out does"
            ));
        }
        let names_utf8 = seen.says.encoding.as_deref() == Some("UTF8");
        if let (Some(at), true) = (self.not_utf8_at, names_utf8) {
            seen.damage(format!("the bytes at {at} are no UTF-8, which it says that it is in"));
        }
        seen.says.unpacked_bytes = Some(self.position);
    }

    fn look(&mut self, chunk: &[u8]) {
        if self.zero_at.is_none() {
            self.zero_at = memchr(0, chunk).map(|at| self.position + at as u64);
        }
        if self.not_utf8_at.is_none() {
            self.look_for_utf8(chunk);
        }
        self.position += chunk.len() as u64;
    }

    fn look_for_utf8(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !self.cut.is_empty() && !rest.is_empty() {
            self.cut.push(rest[0]);
            rest = &rest[1..];
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    self.not_utf8_at = Some(self.position);
                    return;
                }
            }
        }
        if let Err(error) = std::str::from_utf8(rest) {
            let skipped = chunk.len() - rest.len() + error.valid_up_to();
            match error.error_len() {
                None => self.cut = chunk[skipped..].to_vec(),
                Some(_) => self.not_utf8_at = Some(self.position + skipped as u64),
            }
        }
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.look(&buffer[..read]);
        Ok(read)
    }
}
