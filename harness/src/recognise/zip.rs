//! Zip archives: every member read to its end and held against its sum, and judged by the rules of
//! a tar archive.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::bound::Bounded;
use super::seen::Seen;
use crate::archive::Inspection;
use crate::model::existing::Kind;
use crate::tar_stream::{Kind as MemberKind, Member};
use crate::tree_path::escape;

/// A link's target is shorter.
const LINK_BYTES_MAX: u64 = 4096;

/// Whether it begins with a member of a zip archive, or is an empty one.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Reads an archive that lies there as it is; it is read from its end.
pub(super) fn read(plain: Option<&Path>) -> Seen {
    let mut seen = Seen::of(Kind::Zip);
    let Some(path) = plain else {
        seen.open("a zip archive in another wrapping: take that off, it is read from its end");
        return seen;
    };
    let opened = File::open(path).map_err(zip::result::ZipError::from);
    match opened.and_then(|file| ZipArchive::new(BufReader::new(file))) {
        Ok(archive) => members(archive, path, &mut seen),
        Err(error) => {
            seen.damage(format!("its list of members, at its end, is not there: {error}"));
        }
    }
    seen
}

fn members(mut archive: ZipArchive<BufReader<File>>, path: &Path, seen: &mut Seen) {
    let packed = std::fs::metadata(path).map_or(0, |it| it.len());
    let mut inspection = Inspection::default();
    let mut read = 0;
    if archive.is_empty() {
        seen.damage("there is nothing in it");
    }
    for index in 0..archive.len() {
        let mut file = match archive.by_index(index) {
            Ok(file) => file,
            Err(zip::result::ZipError::UnsupportedArchive(why)) => {
                seen.open(format!("member {index}: {why}"));
                continue;
            }
            Err(error) => {
                seen.damage(format!("member {index}: {error}"));
                continue;
            }
        };
        let mut member = member(&file);
        let name = escape(&member.path);
        let copied = if member.kind == MemberKind::Symlink {
            (&mut file).take(LINK_BYTES_MAX).read_to_end(&mut member.link).map(|it| it as u64)
        } else {
            io::copy(&mut file, &mut io::sink())
        };
        inspection.member(&member);
        match copied {
            Ok(bytes) => read += bytes,
            Err(error) => seen.damage(format!("{name}: {error}")),
        }
        if Bounded::is_beyond(read, packed) {
            seen.damage("an archive bomb: it unpacks to more than 1000 times its size");
            break;
        }
    }
    let report = inspection.finish();
    seen.says.files = Some(report.files);
    seen.says.unpacked_bytes = Some(read);
    report.violations.into_iter().for_each(|line| seen.damage(line));
}

fn member<R: Read>(file: &zip::read::ZipFile<'_, R>) -> Member {
    let kind = if file.is_dir() {
        MemberKind::Directory
    } else if file.is_symlink() {
        MemberKind::Symlink
    } else {
        MemberKind::File
    };
    Member {
        path: file.name_raw().to_vec(),
        kind,
        mode: file.unix_mode().unwrap_or_default() & 0o7777,
        uid: 0,
        gid: 0,
        size: if kind == MemberKind::File { file.size() } else { 0 },
        modified: (0, 0),
        link: Vec::new(),
        device: (0, 0),
        xattrs: Vec::new(),
    }
}
