//! The state between two chunks of a script.

use memchr::memchr;

use super::within::{LineOf, REOPENS, Within};
use super::{Dialect, Item, Statement};

/// Of a statement this much is kept: what it is of stands at its beginning.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Of a comment this much is kept.
const COMMENT_BYTES_MAX: usize = 1024;

/// Longest word that means something here, and longest tag of a dollar quote.
pub(super) const WORD_BYTES_MAX: usize = 64;

/// Cuts a script that comes in chunks of any size.
pub struct Cutter {
    pub(super) dialect: Dialect,
    pub(super) within: Within,
    line: Vec<u8>,
    statement: Statement,
    /// The word that is being read, as far as it matters.
    word: Vec<u8>,
    /// The byte before.
    pub(super) before: u8,
    parentheses: u32,
    /// `BEGIN` and `CASE` of a function's body that have no `END` yet.
    begun: u32,
    in_values: bool,
    delimiter: Vec<u8>,
    backslashes: bool,
}

impl Cutter {
    /// The state at the beginning of a script.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            within: Within::Code,
            line: Vec::new(),
            statement: Statement::default(),
            word: Vec::new(),
            before: b'\n',
            parentheses: 0,
            begun: 0,
            in_values: false,
            delimiter: b";".to_vec(),
            backslashes: dialect == Dialect::MariaDb,
        }
    }

    /// Reads on, up to the end of a part: how many bytes, and the part.
    pub fn feed(&mut self, chunk: &[u8]) -> (usize, Option<Item>) {
        let mut at = 0;
        while at < chunk.len() {
            let rest = &chunk[at..];
            let (used, item) = match self.within {
                Within::Code => self.code(rest),
                Within::Line(of) => self.line(rest, of),
                Within::Opening(_) => (self.opening(rest[0]), None),
                Within::Block { .. } => (self.block(rest), None),
                Within::Quoted { .. } => (self.quoted(rest), None),
                Within::Tag(_) => (self.tag(rest[0]), None),
                Within::Dollar { .. } => (self.dollar(rest), None),
            };
            at += used;
            if item.is_some() {
                return (at, item);
            }
        }
        (at, None)
    }

    /// From now on a backslash escapes in every string: `standard_conforming_strings` is off.
    pub fn let_backslashes_escape(&mut self, escape: bool) {
        self.backslashes = escape;
    }

    /// The last part, when the script is at its end: none if it ended itself.
    pub fn end(&mut self) -> Option<Item> {
        let within = std::mem::replace(&mut self.within, Within::Code);
        if let Within::Line(of) = within {
            return self.line_ended(of);
        }
        let left = std::mem::take(&mut self.statement.text);
        let inside = !matches!(within, Within::Code);
        (inside || !left.trim_ascii().is_empty()).then_some(Item::Cut(left))
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let room = TEXT_BYTES_MAX - self.statement.text.len();
        self.statement.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn is_between(&self) -> bool {
        self.statement.text.trim_ascii().is_empty()
    }

    /// Whether what comes next begins a statement or a command: one is within no string, no comment
    /// and no function's body.
    #[must_use]
    pub fn begins(&self) -> bool {
        matches!(self.within, Within::Code) && self.is_between()
    }

    fn code(&mut self, rest: &[u8]) -> (usize, Option<Item>) {
        let plain = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]);
        let plain = plain.unwrap_or(rest.len());
        if plain > 0 {
            self.plain(&rest[..plain]);
            if self.is_delimiter_command() {
                self.within = Within::Line(LineOf::Delimiter);
            }
            return (plain, None);
        }
        let byte = rest[0];
        let item = self.special(byte);
        // What opened or ended something is not the byte before what comes then.
        self.before = if matches!(self.within, Within::Code) && item.is_none() { byte } else { 0 };
        (1, item)
    }

    /// Bytes that open, close and end nothing: words, numbers, blanks.
    fn plain(&mut self, bytes: &[u8]) {
        self.keep(bytes);
        self.before = bytes[bytes.len() - 1];
        if self.parentheses > 0 {
            // What is within parentheses, most of the bytes by far, has no word that matters but
            // the letter that makes a string one with escapes.
            self.word.clear();
            return;
        }
        for byte in bytes {
            if is_of_word(*byte) {
                if self.word.len() < WORD_BYTES_MAX {
                    self.word.push(byte.to_ascii_uppercase());
                }
            } else {
                self.word_ended();
            }
        }
    }

    fn word_ended(&mut self) {
        match self.word.as_slice() {
            b"" => return,
            b"VALUES" | b"VALUE" if self.is_insert() => self.in_values = true,
            b"ON" => self.in_values = false,
            b"BEGIN" if self.is_routine() => self.begun += 1,
            b"CASE" if self.begun > 0 => self.begun += 1,
            b"END" => self.begun = self.begun.saturating_sub(1),
            _ => {}
        }
        self.word.clear();
    }

    fn is_insert(&self) -> bool {
        let text = self.statement.text.trim_ascii_start();
        starts_with_word(text, b"INSERT") || starts_with_word(text, b"REPLACE")
    }

    /// Whether it makes a function whose body may be statements without quotes.
    fn is_routine(&self) -> bool {
        let text = self.statement.text.trim_ascii_start();
        let head = text[..text.len().min(64)].to_ascii_uppercase();
        self.dialect == Dialect::Postgres
            && head.starts_with(b"CREATE")
            && [&b" FUNCTION "[..], b" PROCEDURE "]
                .iter()
                .any(|word| memchr::memmem::find(&head, word).is_some())
    }

    fn is_delimiter_command(&self) -> bool {
        self.dialect == Dialect::MariaDb
            && starts_with_word(self.statement.text.trim_ascii_start(), b"DELIMITER")
    }

    fn special(&mut self, byte: u8) -> Option<Item> {
        let before = self.before;
        if byte == b'$' && (is_of_word(before) || self.dialect == Dialect::MariaDb) {
            if self.delimiter.last() == Some(&b'$') {
                return self.maybe_delimiter(byte);
            }
            self.keep(b"$");
            return None;
        }
        let escapes = before == REOPENS
            || (matches!(before, b'e' | b'E') && !self.before_is_word_of_several());
        self.word_ended();
        let postgres = self.dialect == Dialect::Postgres;
        match byte {
            b'\'' => self.quote(byte, self.backslashes || (postgres && escapes)),
            b'"' => self.quote(byte, !postgres),
            b'`' if !postgres => self.quote(byte, false),
            b'$' => self.within = Within::Tag(Vec::new()),
            b'-' if before == b'-' => self.comment(),
            b'#' if !postgres => {
                self.keep(b"#");
                self.comment();
            }
            b'*' if before == b'/' => {
                self.statement.text.pop();
                self.within = Within::Opening(Vec::new());
            }
            b'/' if before == b'*' && !postgres => {
                // The end of what `/*!` began.
                self.statement.text.pop();
                self.keep(b" ");
            }
            b'\\' if postgres && self.is_between() => self.begin_line(LineOf::Meta),
            b'(' => {
                if self.parentheses == 0 && self.in_values {
                    self.statement.rows += 1;
                }
                self.parentheses = self.parentheses.saturating_add(1);
                self.keep(b"(");
            }
            b')' => {
                self.parentheses = self.parentheses.saturating_sub(1);
                self.keep(b")");
            }
            _ => return self.maybe_delimiter(byte),
        }
        None
    }

    /// Whether the letter before is the end of a longer word: `name'` is no string with escapes.
    fn before_is_word_of_several(&self) -> bool {
        let text = &self.statement.text;
        text.len() >= 2 && is_of_word(text[text.len() - 2])
    }

    fn quote(&mut self, by: u8, backslashes: bool) {
        self.keep(&[by]);
        self.within = Within::Quoted { by, backslashes, escaped: false };
    }

    fn comment(&mut self) {
        // Its first byte was taken for code.
        self.statement.text.pop();
        self.begin_line(LineOf::Comment);
    }

    fn begin_line(&mut self, of: LineOf) {
        self.line.clear();
        self.within = Within::Line(of);
    }

    fn maybe_delimiter(&mut self, byte: u8) -> Option<Item> {
        let (last, others) = self.delimiter.split_last()?;
        let ends = byte == *last && self.statement.text.ends_with(others);
        // psql waits for parentheses and bodies to be closed; the client of MariaDB does not.
        let waits = self.dialect == Dialect::Postgres && (self.parentheses > 0 || self.begun > 0);
        if !ends || waits {
            self.keep(&[byte]);
            return None;
        }
        let kept = self.statement.text.len() - others.len();
        self.statement.text.truncate(kept);
        (self.parentheses, self.begun, self.in_values) = (0, 0, false);
        let statement = std::mem::take(&mut self.statement);
        (!statement.text.trim_ascii().is_empty()).then_some(Item::Statement(statement))
    }

    fn line(&mut self, rest: &[u8], of: LineOf) -> (usize, Option<Item>) {
        let end = memchr(b'\n', rest);
        let bytes = &rest[..end.unwrap_or(rest.len())];
        let room = COMMENT_BYTES_MAX - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match end {
            None => (rest.len(), None),
            Some(end) => {
                self.within = Within::Code;
                self.before = b'\n';
                (end + 1, self.line_ended(of))
            }
        }
    }

    fn line_ended(&mut self, of: LineOf) -> Option<Item> {
        let line = std::mem::take(&mut self.line).trim_ascii().to_vec();
        match of {
            LineOf::Comment => self.is_between().then_some(Item::Comment(line)),
            LineOf::Meta => Some(Item::Meta(line)),
            LineOf::Delimiter => {
                self.statement = Statement::default();
                self.word.clear();
                if !line.is_empty() {
                    self.delimiter = line;
                }
                None
            }
        }
    }
}

/// Bytes that may open, close or end something.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"'\"`$-#*/\\();|";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    text.len() > word.len()
        && text[..word.len()].eq_ignore_ascii_case(word)
        && !is_of_word(text[word.len()])
}
