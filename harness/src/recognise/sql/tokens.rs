//! The words of a statement: just enough to find the names in it.

use crate::tree_path::escape;

/// Statements longer than this have no names of roles or of extensions in them that matter.
const STATEMENT_BYTES_MAX: usize = 16 * 1024;

/// A word, a name or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Without quotes; of a name that has none, in small letters.
    pub(super) text: String,
    quoted: bool,
}

impl Token {
    /// Whether it is this keyword, given in small letters.
    pub(super) fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text == keyword
    }

    /// Whether it has quotes.
    pub(super) fn is_text(&self) -> bool {
        self.quoted
    }

    /// Whether it may be a name.
    pub(super) fn is_name(&self) -> bool {
        self.quoted || self.text.starts_with(|it: char| it.is_alphabetic() || it == '_')
    }
}

/// The tokens of a statement; none of one that is too long. Strings are tokens in quotes.
pub(super) fn tokens(text: &[u8]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        if text.len() > STATEMENT_BYTES_MAX {
            break;
        }
        rest = match first {
            b'"' | b'\'' | b'`' => {
                let (text, after) = unquoted(first, after);
                found.push(Token { text: escape(&text), quoted: true });
                after
            }
            _ if first.is_ascii_whitespace() => after,
            _ => {
                let end = rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end.max(1));
                found.push(Token { text: escape(word).to_lowercase(), quoted: false });
                after
            }
        };
    }
    found
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// What is within quotes that have begun, and what follows them. Two quotes stand for one.
fn unquoted(by: u8, mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != by {
            text.push(byte);
        } else if rest.first() == Some(&by) {
            text.push(by);
            rest = &rest[1..];
        } else {
            break;
        }
    }
    (text, rest)
}

/// The qualified name that `text` begins with, as it is written there: quotes and all.
pub(crate) fn relation(text: &[u8]) -> String {
    let mut quoted = false;
    let text = text.trim_ascii_start();
    let end = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && (byte.is_ascii_whitespace() || matches!(byte, b';' | b'('))
    });
    escape(&text[..end.unwrap_or(text.len())])
}

/// What follows the words, given in capitals, at the start of `text`.
pub(super) fn after<'a>(text: &'a [u8], words: &str) -> Option<&'a [u8]> {
    let mut rest = text.trim_ascii_start();
    for word in words.split(' ') {
        let (head, tail) = rest.split_at_checked(word.len())?;
        let ends = tail.first().is_none_or(|byte| !is_of_word(*byte));
        if !head.eq_ignore_ascii_case(word.as_bytes()) || !ends {
            return None;
        }
        rest = tail.trim_ascii_start();
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_quotes_and_keywords_stay_keywords() {
        let found = tokens(br#"ALTER TABLE s."A ""b" OWNER TO "to";"#);
        let texts = found.iter().map(|it| it.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts, ["alter", "table", "s", ".", "A \"b", "owner", "to", "to", ";"]);
        assert!(found[6].is("to") && !found[7].is("to"));
    }

    #[test]
    fn relations_are_written_as_they_are() {
        assert_eq!(relation(b"public.a (b) FROM stdin"), "public.a");
        assert_eq!(relation(b"\"Odd\".\"a \"\"b\" (c)"), "\"Odd\".\"a \"\"b\"");
        assert_eq!(relation(b"\"line\nbreak\" (c)"), "\"line\\x0abreak\"");
    }

    #[test]
    fn words_at_the_start_are_whole_words() {
        assert_eq!(after(b" CREATE  TABLE a", "CREATE TABLE"), Some(&b"a"[..]));
        assert_eq!(after(b"CREATE TABLESPACE a", "CREATE TABLE"), None);
    }
}
