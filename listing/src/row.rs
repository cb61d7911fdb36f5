//! A row in the text form of `COPY`: one line, fields behind tabs, a backslash before what is not
//! itself.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::key::HashKey;

/// The fields of a line, still escaped; `\N` is null.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (field, behind) = match memchr::memchr(b'\t', line) {
            Some(tab) => (&line[..tab], Some(&line[tab + 1..])),
            None => (line, None),
        };
        rest = behind;
        Some(field)
    })
}

/// A field as a person reads it; `None` is null.
#[must_use]
pub fn value(field: &[u8]) -> Option<String> {
    if field == b"\\N" {
        return None;
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        plain.push(match escaped {
            None => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(other) => *other,
        });
    }
    Some(String::from_utf8(plain).unwrap_or_else(|odd| written_out(odd.as_bytes())))
}

/// Bytes that are not UTF-8 as `\xNN` and a backslash as two, so that different values stay so.
fn written_out(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            let _ = write!(text, r"\x{byte:02x}");
        }
    }
    text
}

/// The primary key as a person writes it, `7` or `(7, b)`; without one, a hash of the row.
pub(crate) fn key<'a>(
    line: &[u8],
    fields: &[&'a [u8]],
    key: &[usize],
    hashed_under: HashKey,
) -> Cow<'a, str> {
    let field = |index: &usize| fields.get(*index).copied().unwrap_or_default();
    let value = |index: &usize| value(field(index)).unwrap_or_default();
    match key {
        [] => hashed_under.hash(line).to_hex()[..32].to_owned().into(),
        [only] => match std::str::from_utf8(field(only)) {
            // Most keys are numbers: nothing to copy.
            Ok(plain) if !plain.contains('\\') => plain.into(),
            _ => value(only).into(),
        },
        several => {
            let parts: Vec<String> = several.iter().map(|index| part(value(index))).collect();
            format!("({})", parts.join(", ")).into()
        }
    }
}

/// A part of a key, quoted where it could be taken for more than one.
fn part(value: String) -> String {
    let plain = !value.is_empty() && !value.contains([',', '(', ')', '"', '\\', ' ', '\t', '\n']);
    if plain { value } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_were_stored() {
        let line = b"1\t\\N\t\ta\\tb\\\\n\t\\\\N";
        let values: Vec<Option<String>> = fields(line).map(value).collect();
        let plain = |text: &str| Some(text.to_owned());
        assert_eq!(values, [plain("1"), None, plain(""), plain("a\tb\\n"), plain("\\N")]);
        assert_eq!(value(b"caf\xe9\\n\\\\"), plain("caf\\xe9\n\\\\"));
        assert_eq!(fields(b"").collect::<Vec<_>>(), [b""]);
        assert_eq!(fields(b"\t").collect::<Vec<_>>(), [b"", b""]);
    }

    #[test]
    fn a_key_reads_as_a_person_writes_it() {
        let line = b"7\ta\\tb\t\\N";
        let fields: Vec<&[u8]> = fields(line).collect();
        let key = |columns: &[usize]| key(line, &fields, columns, HashKey::NONE).into_owned();
        assert_eq!(key(&[0]), "7");
        assert_eq!(key(&[1]), "a\tb");
        assert_eq!(key(&[2]), "");
        assert_eq!(key(&[1, 0]), "(\"a\\tb\", 7)");
        assert_eq!(key(&[]).len(), 32);
    }
}
