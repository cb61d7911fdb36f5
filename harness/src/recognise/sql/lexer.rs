//! Reads a script part by part, and the rows of a `COPY` between two of them.

use std::io::{self, BufRead, ErrorKind};

use listing::script::Cutter;
pub(crate) use listing::script::{Dialect, Item, Statement};
use memchr::memchr;

use super::rows::CopyRows;

/// Reads a script forward once.
pub(crate) struct Lexer<R> {
    input: R,
    cutter: Cutter,
}

impl<R: BufRead> Lexer<R> {
    pub(crate) fn new(input: R, dialect: Dialect) -> Self {
        Self { input, cutter: Cutter::new(dialect) }
    }

    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    /// From now on a backslash escapes in every string: `standard_conforming_strings` is off.
    pub(crate) fn let_backslashes_escape(&mut self, escape: bool) {
        self.cutter.let_backslashes_escape(escape);
    }

    /// The next part, or none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Item>> {
        loop {
            let chunk = match self.input.fill_buf() {
                Ok([]) => return Ok(self.cutter.end()),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let (used, item) = self.cutter.feed(chunk);
            self.input.consume(used);
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    /// Behind `COPY … FROM stdin;`: counts the rows up to their end.
    pub(crate) fn copy(&mut self, rows: &mut CopyRows) -> io::Result<()> {
        let mut on_the_line = true;
        while !rows.ended() {
            let chunk = match self.input.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            // The rows begin on the line after the statement's.
            let line = if on_the_line { memchr(b'\n', chunk).map(|at| at + 1) } else { Some(0) };
            let from = line.unwrap_or(chunk.len());
            on_the_line = line.is_none();
            let used = from + rows.push(&chunk[from..]);
            self.input.consume(used);
        }
        Ok(())
    }
}

/// Where a script of PostgreSQL stands between two of its lines.
pub(crate) struct Between(Cutter);

impl Between {
    /// At its beginning.
    pub(crate) fn new() -> Self {
        Self(Cutter::new(Dialect::Postgres))
    }

    /// Whether the next line begins a statement or a command.
    pub(crate) fn holds(&self) -> bool {
        self.0.begins()
    }

    /// Reads on. The rows of a `COPY` are none of its lines.
    pub(crate) fn push(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            let (used, _) = self.0.feed(&line[at..]);
            at += used.max(1);
        }
    }
}
