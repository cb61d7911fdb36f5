//! `backup_label`: where a base backup begins, and what it builds on.
//!
//! Source: PostgreSQL, "Making a Base Backup Using the Low Level API"; `xlogbackup.c`.

use super::manifest::lsn;
use crate::model::existing::Says;
use crate::recognise::moment;

/// What a label is called.
pub(super) const FILE: &str = "backup_label";

/// A label has a few lines.
pub(super) const BYTES_MAX: u64 = 64 * 1024;

/// Takes over what a label says.
pub(super) fn read(bytes: &[u8], says: &mut Says) {
    let text = String::from_utf8_lossy(bytes);
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.strip_prefix(": ")).map(str::trim)
    };
    if value("LABEL").is_some_and(|label| label.starts_with("pg_basebackup")) {
        says.tool = Some("pg_basebackup".to_owned());
    }
    says.taken_at = value("START TIME").and_then(moment::of);
    let timeline = value("START TIMELINE").unwrap_or("1");
    let start = value("START WAL LOCATION").and_then(|it| it.split(' ').next());
    says.begins_at = start.and_then(|start| place(timeline, start));
    let from = value("INCREMENTAL FROM TLI").zip(value("INCREMENTAL FROM LSN"));
    says.builds_on = from.and_then(|(timeline, from)| place(timeline, from));
}

/// A place that compares: timeline and LSN.
pub(super) fn place(timeline: &str, at: &str) -> Option<String> {
    let timeline = timeline.parse::<u32>().ok()?;
    let at = lsn(at)?;
    Some(format!("{timeline}/{:X}/{:08X}", at >> 32, at & 0xffff_ffff))
}
