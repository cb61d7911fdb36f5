//! Lists of rows, packed into one file that travels with an artefact: a tar archive of each
//! table's list and its header, without the rows that a list may hold in full. Bounded on both
//! ways: the smallest lists go in first, and what comes out is read as anybody's.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Attempt, Error, Result};
use crate::fingerprint::database::{Header, header_path};
use crate::model::fingerprint::Certificate;
use crate::tar_stream::{Kind, TarStream};

/// Name of the packed lists, beside the certificate that they are of.
pub const LISTS_FILE: &str = "rows.tar";

/// Bytes of packed lists at most.
pub const LISTS_BYTES_MAX: u64 = 128 << 20;

/// The folder of a certificate's lists, whatever they are kept in.
#[derive(Debug)]
pub struct Lists {
    path: Result<PathBuf>,
    /// Where packed ones were unpacked to.
    _unpacked: Option<TempDir>,
}

impl Lists {
    /// The lists in a folder.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { path: Ok(folder), _unpacked: None }
    }

    /// The lists beside the certificate at `path`: in a folder, or packed as in an artefact. If
    /// there are none, or they are damaged, reading one will say so: what differs differs without.
    #[must_use]
    pub fn beside(path: &Path) -> Self {
        let folder = super::rows_folder(path);
        let packed = path.with_file_name(LISTS_FILE);
        if folder.exists() || !packed.is_file() {
            return Self::at(folder);
        }
        let unpacked = tempfile::tempdir().attempt(|| "cannot create a folder for lists of rows");
        match unpacked {
            Ok(unpacked) => {
                let path = unpacked.path().join("rows");
                Self { path: unpack(&packed, &path).map(|()| path), _unpacked: Some(unpacked) }
            }
            Err(cause) => Self { path: Err(cause), _unpacked: None },
        }
    }

    /// The folder, or why there is none.
    ///
    /// # Errors
    /// What kept packed lists from being unpacked.
    pub fn path(&self) -> std::result::Result<&Path, String> {
        self.path.as_deref().map_err(Error::chain)
    }
}

/// Writes the lists that `certificate` names, from `folder`: the smallest first, as long as
/// `bytes_max` lasts. Then it names those that are in.
///
/// # Errors
/// Undecided when a list cannot be read or the archive not be written.
pub fn pack(
    certificate: &mut Certificate,
    folder: &Path,
    bytes_max: u64,
    out: impl Write,
) -> Result<()> {
    let mut listed = Vec::new();
    for table in certificate.database.iter_mut().flat_map(|it| it.tables.values_mut()) {
        let Some(file) = table.listed_in.take() else { continue };
        let path = folder.join(&file);
        let size = fs::metadata(&path).attempt(|| format!("cannot read {}", path.display()))?;
        listed.push((size.len(), file, path, table));
    }
    listed.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
    let mut archive = tar::Builder::new(out);
    let mut bytes = 0;
    for (size, file, path, table) in listed {
        let mut header = Header::open(&path)?;
        header.sample.clear();
        let header = serde_json::to_vec(&header).attempt(|| "cannot write a list of rows")?;
        bytes += size + header.len() as u64;
        if bytes > bytes_max {
            break;
        }
        let unwritten = || format!("cannot pack {}", path.display());
        let beside = header_path(Path::new(&file));
        append(&mut archive, &beside, header.len() as u64, header.as_slice()).attempt(unwritten)?;
        let rows = File::open(&path).attempt(unwritten)?;
        append(&mut archive, Path::new(&file), size, rows.take(size)).attempt(unwritten)?;
        table.listed_in = Some(file);
    }
    let ended = archive.into_inner().and_then(|mut out| out.flush());
    ended.attempt(|| "cannot write the lists of rows")
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &Path,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    archive.append_data(&mut member(size), name, content)
}

fn member(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Unpacks lists into a folder that is not there yet and that only its owner may read.
///
/// # Errors
/// Undecided when the archive is not whole, or holds anything but lists.
pub fn unpack(packed: &Path, folder: &Path) -> Result<()> {
    let name = packed.display();
    let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.attempt(|| format!("cannot create {}", folder.display()))?;
    let file = File::open(packed).attempt(|| format!("cannot read {name}"))?;
    let mut archive = TarStream::new(io::BufReader::new(file));
    let mut left = LISTS_BYTES_MAX;
    while let Some(member) = archive.next().attempt(|| format!("cannot read {name}"))? {
        let path = std::str::from_utf8(&member.path).ok().filter(|path| is_list(path));
        let (Some(path), Kind::File) = (path, member.kind) else {
            let odd = String::from_utf8_lossy(&member.path).into_owned();
            return Err(Error::undecided(format!(
                "{name} holds {odd:?}, which is no list of rows"
            )));
        };
        left = left.checked_sub(member.size).ok_or_else(|| {
            Error::undecided(format!("{name} holds more than {LISTS_BYTES_MAX} bytes"))
        })?;
        let target = folder.join(path);
        let mut options = OpenOptions::new();
        let target = options.write(true).create_new(true).mode(0o600).open(target);
        let written = target.and_then(|mut target| copy(&mut archive, &mut target));
        written.attempt(|| format!("cannot unpack {path} of {name}"))?;
    }
    Ok(())
}

fn copy(archive: &mut TarStream<impl Read>, target: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match archive.read(&mut buffer)? {
            0 => return Ok(()),
            count => target.write_all(&buffer[..count])?,
        }
    }
}

/// Whether a name is one that [`pack`] writes: digits, and what they are.
pub(super) fn is_list(name: &str) -> bool {
    let stem = name.strip_suffix(".rows").or_else(|| name.strip_suffix(".json"));
    stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str, kind: tar::EntryType, size: u64) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut archive = tar::Builder::new(&file);
        let mut header = member(size);
        header.set_entry_type(kind);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, io::repeat(7).take(size)).unwrap();
        archive.finish().unwrap();
        drop(archive);
        file
    }

    #[test]
    fn what_is_no_list_of_rows_is_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let unpacked = |name: &str, kind| {
            let to = folder.path().join(uuid::Uuid::new_v4().to_string());
            let archive = archive(name, kind, 3);
            unpack(archive.path(), &to).map(|()| fs::read(to.join(name)).unwrap())
        };
        assert_eq!(unpacked("00001.rows", tar::EntryType::Regular).unwrap(), [7; 3]);
        for name in ["../00001.rows", "/tmp/00001.rows", "a/1.rows", "authorized_keys", ".rows"] {
            let error = unpacked(name, tar::EntryType::Regular).unwrap_err();
            assert!(error.to_string().contains("no list of rows"), "{error}");
        }
        assert!(unpacked("00001.rows", tar::EntryType::Symlink).is_err());
    }

    #[test]
    fn an_archive_that_was_cut_is_undecided() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive("00001.rows", tar::EntryType::Regular, 2000);
        let whole = fs::read(archive.path()).unwrap();
        for end in [whole.len() - 1024, 1000, 512] {
            fs::write(archive.path(), &whole[..end]).unwrap();
            let to = folder.path().join(end.to_string());
            assert!(unpack(archive.path(), &to).is_err(), "{end}");
        }
    }
}
