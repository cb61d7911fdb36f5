//! Text that need not be UTF-8: a database of encoding `SQL_ASCII` holds whatever bytes it was
//! given, in names as in values, and sends them as they are.

use std::error::Error;

use postgres::types::{FromSql, Type};

use crate::tree_path::escape;

/// The bytes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::fingerprint) struct Text(Vec<u8>);

impl Text {
    /// It as SQL, where it can be sent: statements are UTF-8.
    pub(in crate::fingerprint) fn sql(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// It as one line: a backslash as `\\`, control characters and bytes that are not UTF-8 as
    /// `\xNN`. Two different texts never give the same line.
    pub(in crate::fingerprint) fn line(&self) -> String {
        escape(&self.0)
    }

    /// It as it is where it is UTF-8, otherwise with `\xNN` for each byte that is not.
    pub(in crate::fingerprint) fn lines(self) -> String {
        String::from_utf8(self.0).unwrap_or_else(|odd| {
            let lines = odd.as_bytes().split(|byte| *byte == b'\n').map(escape);
            lines.collect::<Vec<_>>().join("\n")
        })
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::TEXT, Type::NAME, Type::VARCHAR].contains(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_written_out_and_lines_stay_lines() {
        let text = |bytes: &[u8]| Text::from(bytes.to_vec());
        assert_eq!(text("\"l\nb\"".as_bytes()).line(), r#""l\x0ab""#);
        assert_eq!(text(b"caf\xe9\nb\\c").line(), r"caf\xe9\x0ab\\c");
        assert_eq!(text(b"caf\xe9\nb\\c").lines(), "caf\\xe9\nb\\\\c");
        assert_eq!(text("é\n".as_bytes()).lines(), "é\n");
        assert_eq!((text(b"\xe9").sql(), text(b"e").sql()), (None, Some("e")));
    }
}
