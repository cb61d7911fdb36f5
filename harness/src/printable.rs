//! Text of anybody's, made safe for a terminal and for one line.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with `\xNN` for each byte of a control character, so that it can neither move a
/// cursor nor begin a line.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(safe, r"\x{byte:02x}");
            }
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_all_else_is_left() {
        assert_eq!(printable("l\u{1b}[31mé\\\n"), r"l\x1b[31mé\\x0a");
        assert!(matches!(printable("é\\"), Cow::Borrowed(_)));
    }
}
