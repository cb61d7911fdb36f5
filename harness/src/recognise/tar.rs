//! Tar archives: whose they are shows in what is in them.

use std::io::{BufReader, Read};

use super::pg_archive;
use super::seen::Seen;
use crate::archive::{self, Links};
use crate::model::existing::Kind;
use crate::tar_stream::{Member, TarStream};
use crate::tree_path::{downward, escape};

const BLOCK_BYTES: usize = 512;

/// Whether it begins with a tar header: one whose sum is right.
pub(super) fn begins(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK_BYTES) else { return false };
    let field = &block[148..156];
    let digits = field.iter().copied().skip_while(|byte| *byte == b' ');
    let digits = digits.take_while(|byte| matches!(byte, b'0'..=b'7'));
    let said = digits.fold(0_u32, |sum, digit| sum.wrapping_mul(8) + u32::from(digit - b'0'));
    // The sum takes its own eight bytes for spaces.
    let plain = block[..148].iter().chain(&block[156..]);
    let sum = plain.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ');
    said == sum && block[0] != 0
}

/// Reads an archive that [`begins`] so to its end marker.
pub(super) fn read(head: &[u8], stream: impl Read) -> Seen {
    let name = head[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    let content = head.get(BLOCK_BYTES..).unwrap_or_default();
    if name == pg_archive::CONTENTS && content.starts_with(pg_archive::MAGIC) {
        return pg_archive::read_tar(stream);
    }
    files(stream)
}

fn files(stream: impl Read) -> Seen {
    let mut seen = Seen::of(Kind::Tar);
    let (mut label, mut version) = (false, None);
    let visit = |stream: &mut TarStream<_>, member: Member| {
        match downward(&escape(&member.path)).as_deref() {
            Some("backup_label") => label = true,
            Some("PG_VERSION") if member.size < 16 => {
                let mut bytes = vec![0; usize::try_from(member.size).unwrap_or_default()];
                stream.read_exact(&mut bytes)?;
                version = Some(String::from_utf8_lossy(bytes.trim_ascii()).into_owned());
            }
            _ => {}
        }
        Ok(())
    };
    let report = archive::inspect_with(BufReader::new(stream), Links::Within, visit);
    if let (true, Some(version)) = (label, version) {
        seen.kind = Kind::BaseBackupTar;
        seen.says.server = Some(version);
        seen.open(
            "one archive of a base backup: give the folder that it lies in, with its manifest",
        );
    }
    match report {
        Ok(report) => {
            seen.says.files = Some(report.files);
            seen.says.unpacked_bytes = Some(report.bytes);
            if report.end_of_archive && report.entries == 0 {
                seen.damage("there is nothing in it");
            }
            report.violations.into_iter().for_each(|line| seen.damage(line));
        }
        Err(error) => seen.damage(error.chain()),
    }
    seen
}
