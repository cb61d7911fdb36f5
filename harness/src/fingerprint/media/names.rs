//! Names as certificates write them: text that a terminal can show and that maps back to one
//! name only.

use std::fmt::Write as _;

/// Writes a path or a link's target: a backslash as `\\`, control characters and bytes that are
/// not UTF-8 as `\xNN`. Two different names never give the same text.
pub(crate) fn escape(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str(r"\\"),
                control if control.is_control() => {
                    escape_bytes(&mut text, control.encode_utf8(&mut [0; 4]).as_bytes());
                }
                plain => text.push(plain),
            }
        }
        escape_bytes(&mut text, chunk.invalid());
    }
    text
}

fn escape_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, r"\x{byte:02x}");
    }
}

/// Joins a directory's path and a name; the root is the empty path.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

/// The key of an entry: its escaped path, `.` for the root.
pub(super) fn key(path: &[u8]) -> String {
    if path.is_empty() { ".".to_owned() } else { escape(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_escaped_and_stay_distinct() {
        assert_eq!(escape("copies/é t.pdf".as_bytes()), "copies/é t.pdf");
        assert_eq!(escape(b"a\nb"), r"a\x0ab");
        assert_eq!(escape(b"a\xffb"), r"a\xffb");
        assert_eq!(escape(br"a\xffb"), r"a\\xffb");
        assert_eq!(escape("\u{85}".as_bytes()), r"\xc2\x85");
    }
}
