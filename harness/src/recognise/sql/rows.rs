//! Counts the rows of a `COPY` in text format, as its data streams by in chunks of any size.
//!
//! A row is a line, its columns have tabs between them, and a line of `\.` alone is the end: a
//! backslash of the data is written twice (PostgreSQL, `COPY`, "Text Format").

use memchr::{memchr, memchr_iter, memmem};

/// Rows of one `COPY`.
#[derive(Debug, Default)]
pub(crate) struct CopyRows {
    /// Rows so far.
    pub(crate) rows: u64,
    tabs: u64,
    /// How much of the end has been seen since the line began.
    at: At,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    LineStart,
    Backslash,
    Dot,
    Return,
    Within,
    Ended,
}

impl CopyRows {
    /// Whether the line that ends the rows has been read.
    pub(crate) fn ended(&self) -> bool {
        self.at == At::Ended
    }

    /// What is wrong with the number of columns, for rows of this many.
    ///
    /// Only the sum is known: it is off whenever a tab or the end of a line was altered.
    pub(crate) fn oddity(&self, columns: u64) -> Option<String> {
        let expected = self.rows.checked_mul(columns.saturating_sub(1))?;
        (self.ended() && expected != self.tabs).then(|| {
            format!(
                "{} rows of {columns} columns have {} tabs between them, not {expected}",
                self.rows, self.tabs
            )
        })
    }

    /// Reads on, up to the end of the rows: how many bytes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> usize {
        let mut at = 0;
        while at < chunk.len() && self.at != At::Ended {
            let rest = &chunk[at..];
            at += match (self.at, rest[0]) {
                (At::LineStart, b'\\') => self.step(At::Backslash),
                (At::Backslash, b'.') => self.step(At::Dot),
                (At::Dot, b'\r') => self.step(At::Return),
                (At::Dot | At::Return, b'\n') => self.step(At::Ended),
                (At::Within, _) => self.lines(rest),
                _ => {
                    self.at = At::Within;
                    0
                }
            };
        }
        at
    }

    fn step(&mut self, to: At) -> usize {
        self.at = to;
        1
    }

    /// From within a line: all lines up to one that may be the end.
    fn lines(&mut self, rest: &[u8]) -> usize {
        let (used, at) = match memmem::find(rest, b"\n\\.") {
            Some(found) => (found + 1, At::LineStart),
            // The end of the chunk may be the beginning of the end.
            None if rest.ends_with(b"\n\\") => (rest.len() - 1, At::LineStart),
            None if rest.ends_with(b"\n") => (rest.len(), At::LineStart),
            None => (rest.len(), At::Within),
        };
        self.at = at;
        let lines = &rest[..used];
        self.rows += memchr_iter(b'\n', lines).count() as u64;
        if memchr(b'\t', lines).is_some() {
            self.tabs += memchr_iter(b'\t', lines).count() as u64;
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(data: &[u8], by: usize) -> (CopyRows, usize) {
        let (mut rows, mut used) = (CopyRows::default(), 0);
        for chunk in data.chunks(by) {
            used += rows.push(chunk);
        }
        (rows, used)
    }

    #[test]
    fn rows_are_the_same_however_the_data_is_cut() {
        let data = b"1\ta\n\\N\t\\\\.\n\n\\.x\n\\\\.\n\\.\nSELECT 1;\n";
        for by in 1..data.len() {
            let (rows, used) = count(data, by);
            assert_eq!((rows.rows, rows.tabs, rows.ended()), (5, 2, true), "by {by}");
            assert_eq!(&data[used..], b"SELECT 1;\n", "by {by}");
        }
    }

    #[test]
    fn rows_of_another_system_end_too_and_none_is_none() {
        assert!(count(b"1\r\n\\.\r\n", 3).0.ended());
        let (rows, _) = count(b"\\.\n", 1);
        assert_eq!((rows.rows, rows.ended()), (0, true));
    }

    #[test]
    fn rows_without_an_end_have_not_ended() {
        for data in [&b"1\n2\n"[..], b"1\n\\.", b"", b"1\n\\"] {
            assert!(!count(data, 2).0.ended(), "{data:?}");
        }
    }

    #[test]
    fn a_tab_that_was_altered_shows() {
        assert_eq!(count(b"1\ta\n2\tb\n\\.\n", 4).0.oddity(2), None);
        let odd = count(b"1\ta\n2\x08b\n\\.\n", 4).0.oddity(2).expect("a tab is missing");
        assert_eq!(odd, "2 rows of 2 columns have 1 tabs between them, not 2");
    }
}
