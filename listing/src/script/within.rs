//! What stands in a script and is no code: strings, names in quotes, comments.

use memchr::{memchr, memchr2};

use super::Dialect;
use super::cutter::{Cutter, WORD_BYTES_MAX};

/// Stands for the byte before, behind a string in which backslashes escape.
pub(super) const REOPENS: u8 = 1;

/// Where one is within a script.
pub(super) enum Within {
    Code,
    /// A line that ends a comment, a command to psql or a new delimiter.
    Line(LineOf),
    /// Behind `/*`: what kind of comment it is.
    Opening(Vec<u8>),
    Block {
        depth: u32,
        before: u8,
    },
    Quoted {
        by: u8,
        backslashes: bool,
        escaped: bool,
    },
    /// Behind a `$` that may begin a dollar quote.
    Tag(Vec<u8>),
    Dollar {
        end: Vec<u8>,
        matched: usize,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LineOf {
    Comment,
    Meta,
    Delimiter,
}

impl Cutter {
    /// `/*!` and `/*M!`, with a version, hold what the server runs; all else behind `/*` is a
    /// comment. Nothing has version 99.99.99: that is how a dump speaks to its client.
    pub(super) fn opening(&mut self, byte: u8) -> usize {
        let Within::Opening(seen) = &mut self.within else { return 1 };
        let runs = self.dialect == Dialect::MariaDb;
        match (seen.as_slice(), byte) {
            (b"" | b"M", b'!') | (b"", b'M') if runs => seen.push(byte),
            ([.., b'!' | b'0'..=b'9'], b'0'..=b'9') if seen.len() < 9 => seen.push(byte),
            ([.., b'!' | b'0'..=b'9'], _) if !seen.ends_with(b"999999") => {
                self.within = Within::Code;
                self.before = 0;
                return 0;
            }
            _ => {
                self.within = Within::Block { depth: 1, before: 0 };
                return 0;
            }
        }
        1
    }

    pub(super) fn block(&mut self, rest: &[u8]) -> usize {
        let Within::Block { depth, before } = &mut self.within else { return 0 };
        if !matches!(rest[0], b'*' | b'/') {
            *before = 0;
            return memchr2(b'*', b'/', rest).unwrap_or(rest.len());
        }
        match (*before, rest[0]) {
            (b'*', b'/') => {
                *depth -= 1;
                *before = 0;
            }
            // Those of MariaDB do not nest.
            (b'/', b'*') if self.dialect == Dialect::Postgres => {
                *depth = depth.saturating_add(1);
                *before = 0;
            }
            (_, byte) => *before = byte,
        }
        if *depth == 0 {
            self.within = Within::Code;
            self.before = 0;
            self.keep(b" ");
        }
        1
    }

    pub(super) fn quoted(&mut self, rest: &[u8]) -> usize {
        let Within::Quoted { by, backslashes, escaped } = &mut self.within else { return 0 };
        let by = *by;
        if std::mem::take(escaped) {
            self.keep(&rest[..1]);
            return 1;
        }
        let special = if *backslashes { memchr2(by, b'\\', rest) } else { memchr(by, rest) };
        let Some(at) = special else {
            self.keep(rest);
            return rest.len();
        };
        if rest[at] == b'\\' {
            *escaped = true;
        } else {
            // Of two that stand for one, the second opens the string again, with the same rules.
            let again = if *backslashes && by == b'\'' { REOPENS } else { 0 };
            self.within = Within::Code;
            self.before = again;
        }
        self.keep(&rest[..=at]);
        at + 1
    }

    pub(super) fn tag(&mut self, byte: u8) -> usize {
        let Within::Tag(tag) = &mut self.within else { return 0 };
        let goes_on = byte.is_ascii_alphabetic()
            || byte == b'_'
            || byte >= 0x80
            || (byte.is_ascii_digit() && !tag.is_empty());
        if byte == b'$' {
            let mut end = vec![b'$'];
            end.append(tag);
            end.push(b'$');
            self.keep(&end);
            self.within = Within::Dollar { end, matched: 0 };
            1
        } else if goes_on && tag.len() < WORD_BYTES_MAX {
            tag.push(byte);
            1
        } else {
            // A parameter, or nothing at all.
            let tag = std::mem::take(tag);
            self.keep(b"$");
            self.keep(&tag);
            self.within = Within::Code;
            0
        }
    }

    pub(super) fn dollar(&mut self, rest: &[u8]) -> usize {
        let Within::Dollar { end, matched } = &mut self.within else { return 0 };
        let used = if *matched == 0 {
            let at = memchr(b'$', rest);
            *matched = usize::from(at.is_some());
            at.map_or(rest.len(), |at| at + 1)
        } else if rest[0] == end[*matched] {
            *matched += 1;
            1
        } else {
            *matched = usize::from(rest[0] == b'$');
            1
        };
        if *matched == end.len() {
            self.within = Within::Code;
            self.before = 0;
        }
        self.keep(&rest[..used]);
        used
    }
}
