//! The write-ahead log beside a base backup: without it the backup does not start.
//!
//! Source: PostgreSQL, "WAL Internals"; a segment's name is its timeline and its number.

use std::collections::HashMap;

use super::manifest::Range;
use crate::recognise::seen::Seen;

const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Segments that one backup names at most.
const SEGMENTS_MAX: u64 = 1_000_000;

/// Segments that are there, with their size.
#[derive(Debug, Default)]
pub(super) struct Wal {
    segments: HashMap<String, u64>,
}

impl Wal {
    /// Notes a file, if its name is a segment's.
    pub(super) fn note(&mut self, name: &str, bytes: u64) {
        let is_segment = name.len() == 24 && name.bytes().all(|it| it.is_ascii_hexdigit());
        if is_segment && (self.segments.len() as u64) < SEGMENTS_MAX {
            self.segments.insert(name.to_owned(), bytes);
        }
    }

    /// Holds what is there against what the manifest needs.
    pub(super) fn judge(&self, ranges: &[Range], seen: &mut Seen) {
        if self.segments.is_empty() && !ranges.is_empty() {
            seen.open("its write-ahead log is not in it: an archive must have that");
            return;
        }
        // All are of one size, a power of two; what was cut is not.
        let sizes = self.segments.values().copied();
        let whole = sizes.filter(|it| it.is_power_of_two() && (1 << 20..=1 << 30).contains(it));
        let size = whole.max().unwrap_or(SEGMENT_BYTES);
        for range in ranges {
            let last = range.end.max(range.start).saturating_sub(1) / size;
            let first = range.start / size;
            if last - first > SEGMENTS_MAX {
                seen.damage("its manifest asks for an absurd stretch of the write-ahead log");
                continue;
            }
            for number in first..=last {
                let name = named(range.timeline, number, size);
                match self.segments.get(&name) {
                    Some(bytes) if *bytes == size => {}
                    Some(bytes) => seen.damage(format!("{name}: {bytes} of {size} bytes")),
                    None => {
                        seen.damage(format!("{name} is missing: without it this does not start"));
                    }
                }
            }
        }
    }
}

fn named(timeline: u32, number: u64, size: u64) -> String {
    let per_file = (1_u64 << 32) / size;
    format!("{timeline:08X}{:08X}{:08X}", number / per_file, number % per_file)
}
