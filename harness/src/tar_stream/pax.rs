//! PAX extended headers: `<length> <key>=<value>\n`, where the length alone ends a record.

use std::collections::BTreeMap;
use std::io;

use super::invalid;

/// Prefix under which GNU tar and star store extended attributes.
const XATTR_PREFIX: &[u8] = b"SCHILY.xattr.";

/// Records by key. Of two with one key, the later counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Records(BTreeMap<Vec<u8>, Vec<u8>>);

impl Records {
    /// Adds the records of one extended header.
    pub(super) fn extend(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (key, value, rest) =
                record(bytes).ok_or_else(|| invalid("an extended header is malformed"))?;
            self.0.insert(key.to_vec(), value.to_vec());
            bytes = rest;
        }
        Ok(())
    }

    /// These records, with those of one member on top.
    pub(super) fn overridden_by(&self, other: Self) -> Self {
        let mut records = self.clone();
        records.0.extend(other.0);
        records
    }

    pub(super) fn bytes(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key.as_bytes()).map(Vec::as_slice)
    }

    pub(super) fn number(&self, key: &str) -> io::Result<Option<u64>> {
        self.parsed(key, |text| text.parse().ok())
    }

    /// A time as whole seconds and nanoseconds. Digits beyond nanoseconds are cut.
    pub(super) fn time(&self, key: &str) -> io::Result<Option<(i64, u32)>> {
        self.parsed(key, time)
    }

    fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> io::Result<Option<T>> {
        let Some(value) = self.bytes(key) else {
            return Ok(None);
        };
        std::str::from_utf8(value)
            .ok()
            .and_then(parse)
            .map(Some)
            .ok_or_else(|| invalid(format!("extended header {key:?} is malformed")))
    }

    /// Whether any key begins so.
    pub(super) fn any(&self, prefix: &str) -> bool {
        self.0.keys().any(|key| key.starts_with(prefix.as_bytes()))
    }

    /// Extended attributes, by name.
    pub(super) fn xattrs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0
            .iter()
            .filter_map(|(key, value)| {
                let name = key.strip_prefix(XATTR_PREFIX)?;
                Some((decode_keyword(name), value.clone()))
            })
            .collect()
    }
}

fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

/// `-1.5` is half a second before -1: seconds are rounded down, nanoseconds count up.
fn time(text: &str) -> Option<(i64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanoseconds: u32 = digits.parse().ok()?;
    if whole.starts_with('-') && nanoseconds > 0 {
        return Some((seconds - 1, 1_000_000_000 - nanoseconds));
    }
    Some((seconds, nanoseconds))
}

/// GNU tar writes `=` and `%` of an attribute's name as `%3D` and `%25`.
fn decode_keyword(name: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = match rest {
            [b'%', b'3', b'D', tail @ ..] => (b'=', tail),
            [b'%', b'2', b'5', tail @ ..] => (b'%', tail),
            _ => (byte, tail),
        };
        decoded.push(byte);
        rest = tail;
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_end_where_their_length_says() {
        let mut records = Records::default();
        records.extend(b"12 path=a\nb\n11 uid=1000\n").unwrap_err();
        records.extend(b"12 path=a\nb\n12 uid=1000\n").unwrap();
        assert_eq!(records.bytes("path"), Some(&b"a\nb"[..]));
        assert_eq!(records.number("uid").unwrap(), Some(1000));
    }

    #[test]
    fn times_before_the_epoch_round_down() {
        assert_eq!(time("1700000000.123456789"), Some((1_700_000_000, 123_456_789)));
        assert_eq!(time("-1.5"), Some((-2, 500_000_000)));
        assert_eq!(time("-0.25"), Some((-1, 750_000_000)));
        assert_eq!(time("-3"), Some((-3, 0)));
        assert_eq!(time("7.1"), Some((7, 100_000_000)));
        assert_eq!(time("soon"), None);
    }

    #[test]
    fn attribute_names_are_decoded() {
        assert_eq!(decode_keyword(b"user.a%3Db%25c%"), b"user.a=b%c%");
    }
}
