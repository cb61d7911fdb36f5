//! Databases of SQLite: whether all of its pages are there.
//!
//! Source: SQLite, "Database File Format", the database header.

use std::io::Read;
use std::path::Path;

use super::seen::Seen;
use super::sql::drain;
use crate::model::existing::Kind;

/// What each database begins with.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Reads a database to its end. `plain` is its path, if it lies there as it is.
pub(super) fn read(head: &[u8], stream: &mut impl Read, plain: Option<&Path>) -> Seen {
    let mut seen = Seen::of(Kind::Sqlite);
    let bytes = match drain(stream) {
        Ok(bytes) => bytes,
        Err(error) => {
            seen.damage(error.to_string());
            return seen;
        }
    };
    seen.says.unpacked_bytes = Some(bytes);
    let Some(header) = head.get(..100) else {
        seen.damage("it is cut within its header");
        return seen;
    };
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        other => u64::from(other),
    };
    if !page.is_power_of_two() || page < 512 {
        seen.damage(format!("its pages are said to have {page} bytes, which none has"));
        return seen;
    }
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let version = number(96);
    if version > 0 {
        let (major, minor, patch) = (version / 1_000_000, version / 1000 % 1000, version % 1000);
        seen.says.tool = Some(format!("SQLite {major}.{minor}.{patch}"));
    }
    seen.says.encoding = match number(56) {
        1 => Some("UTF-8".to_owned()),
        2 | 3 => Some("UTF-16".to_owned()),
        _ => None,
    };
    // Versions before 3.7 leave the number of pages as it was.
    let promised = u64::from(number(28)) * page;
    if number(24) == number(92) && promised > 0 && bytes < promised {
        seen.damage(format!("it has {bytes} bytes, its header says {promised}"));
    } else if bytes % page != 0 {
        seen.damage(format!("its {bytes} bytes are no whole number of pages of {page}"));
    }
    match plain {
        Some(path) => beside(path, &mut seen),
        None => seen.open("whether a -wal with its last changes lay beside it cannot be told"),
    }
    seen
}

/// Files that hold a part of the database.
fn beside(path: &Path, seen: &mut Seen) {
    for (ending, what) in [("-wal", "its last changes"), ("-journal", "what a crash left undone")] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        let has = std::fs::metadata(&beside).is_ok_and(|it| it.len() > 0);
        if has {
            seen.open(format!(
                "{ending} beside it holds {what}: it must be restored together with it"
            ));
        }
    }
}
