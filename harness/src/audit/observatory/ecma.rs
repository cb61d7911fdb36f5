//! Strings as ECMAScript sees them.
//!
//! The grader we agree with is written in JavaScript; where its trimming, splitting or
//! number reading differs from Rust's, the difference decides results, so it lives here.

/// Whether ECMAScript counts a character as white space: Unicode's, with the byte
/// order mark and without NEXT LINE.
pub(super) fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c != '\u{85}' && c.is_whitespace())
}

/// A string without white space at its ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The first `units` UTF-16 units of a string; a pair that would be cut is left out.
pub(super) fn clip(text: &str, units: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.len_utf16();
        if used > units {
            return &text[..at];
        }
    }
    text
}

/// What `parseInt(text, 10)` reads: the integer that the text starts with, or nothing
/// where it would give `NaN`.
pub(super) fn leading_integer(text: &str) -> Option<f64> {
    let text = trim(text);
    let digits_at = usize::from(text.starts_with(['+', '-']));
    let digits = &text[digits_at..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let magnitude: f64 = digits[..end].parse().ok()?;
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// What `decodeURIComponent` gives, or nothing where it would throw: at a `%` without
/// two hexadecimal digits, or when the bytes are not UTF-8.
pub(super) fn decode_component(text: &str) -> Option<String> {
    let well_formed = text
        .split('%')
        .skip(1)
        .all(|rest| matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    if !well_formed {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    Some(decoded.ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_parse_int_reads_them() {
        assert_eq!(leading_integer(" 31536000s"), Some(31_536_000.0));
        assert_eq!(leading_integer("-5"), Some(-5.0));
        assert_eq!(leading_integer("0x10"), Some(0.0));
        assert_eq!(leading_integer("abc"), None);
        assert_eq!(leading_integer("\"31536000\""), None);
        assert_eq!(leading_integer(""), None);
    }

    #[test]
    fn a_malformed_escape_does_not_decode() {
        assert_eq!(decode_component("a%20b").as_deref(), Some("a b"));
        assert_eq!(decode_component("100%"), None);
        assert_eq!(decode_component("%zz"), None);
        assert_eq!(decode_component("%ff"), None);
    }

    #[test]
    fn clipping_never_splits_a_character() {
        assert_eq!(clip("abc", 2), "ab");
        assert_eq!(clip("a😀", 2), "a");
        assert_eq!(clip("a😀", 3), "a😀");
    }
}
