//! A base backup in archives: the data directory in one, each tablespace and the write-ahead log
//! in others, and a manifest beside them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::check::Check;
use super::manifest;
use super::wal::Wal;
use super::{beginning, label};
use crate::error::{Attempt, Result};
use crate::model::existing::Kind;
use crate::recognise::bound::Bounded;
use crate::recognise::opener::{Opener, WRAPPINGS_MAX};
use crate::recognise::peek::Peeked;
use crate::recognise::seen::Seen;
use crate::recognise::tar;
use crate::recognise::wrapping::{self, Stream};
use crate::tar_stream::{Kind as MemberKind, TarStream};
use crate::tree_path::{downward, escape};

/// Whether a folder has a manifest, and archives instead of files.
pub(in crate::recognise) fn is_folder(folder: &Path) -> bool {
    folder.join(manifest::FILE).is_file() && !folder.join("PG_VERSION").exists()
}

/// Reads every archive of a folder to its end.
pub(in crate::recognise) fn read(folder: &Path, opener: &Opener) -> Result<Seen> {
    let mut seen = Seen::of(Kind::BaseBackupTar);
    let bytes = beginning(&folder.join(manifest::FILE), manifest::BYTES_MAX).unwrap_or_default();
    let Some(promised) = manifest::read(&bytes, &mut seen) else { return Ok(seen) };
    let (mut check, mut wal) = (Check::new(&promised), Wal::default());
    let mut has_base = false;
    for path in archives(folder)? {
        let Some(stream) = opened(&path, opener)? else { continue };
        let base = stem(&path);
        let mut members =
            Members { check: &mut check, wal: &mut wal, stem: &base, has_label: false };
        if let Err(error) = members.read(stream, &mut seen) {
            seen.damage(format!("{base}: {error}"));
        }
        has_base |= members.has_label;
    }
    if !has_base {
        seen.damage("there is no archive with a backup_label in it: the data directory is missing");
    }
    check.finish(&mut seen);
    wal.judge(&promised.ranges, &mut seen);
    seen.says.system.clone_from(&promised.system);
    Ok(seen)
}

/// Files beside the manifest, in the order of their names.
fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let what = || format!("cannot look into {}", folder.display());
    let entries = folder.read_dir().attempt(what)?.collect::<io::Result<Vec<_>>>().attempt(what)?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut files = paths.filter(|path| path.is_file()).collect::<Vec<_>>();
    files.sort();
    Ok(files)
}

/// A tar stream without its wrappings; none of what is no archive. What breaks off before it shows
/// what it is may have been one.
fn opened(path: &Path, opener: &Opener) -> Result<Option<Stream>> {
    let file = File::open(path).attempt(|| format!("cannot read {}", path.display()))?;
    let bytes = file.metadata().attempt(|| format!("cannot look at {}", path.display()))?.len();
    let mut wrapped = Vec::new();
    let mut stream = Peeked::new(Box::new(file));
    while let Some(next) = wrapping::of(stream.head()) {
        wrapped.push(next);
        if wrapped.len() > WRAPPINGS_MAX || !opener.has_key(next) {
            return Ok(None);
        }
        stream = Peeked::new(Box::new(Bounded::new(opener.stream(path, &wrapped)?, bytes)));
    }
    let is_archive = tar::begins(stream.head()) || stream.has_failed();
    Ok(is_archive.then(|| Box::new(stream) as Stream))
}

/// `16384` of `16384.tar.gz`: the tablespace that an archive is of has no other mark.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

struct Members<'a, 'm> {
    check: &'a mut Check<'m>,
    wal: &'a mut Wal,
    stem: &'a str,
    has_label: bool,
}

impl Members<'_, '_> {
    fn read(&mut self, stream: Stream, seen: &mut Seen) -> io::Result<()> {
        let mut stream = TarStream::new(stream);
        let of_tablespace = self.stem.parse::<u32>().is_ok();
        while let Some(member) = stream.next()? {
            let Some(path) = downward(&escape(&member.path)) else {
                seen.damage(format!("{}: leads out of the archive", escape(&member.path)));
                continue;
            };
            if member.kind != MemberKind::File {
                continue;
            }
            let content = Content(&mut stream);
            match path.as_str() {
                label::FILE => {
                    let mut bytes = Vec::new();
                    content.take(label::BYTES_MAX).read_to_end(&mut bytes)?;
                    label::read(&bytes, &mut seen.says);
                    self.has_label = true;
                    self.check.file(&path, bytes.as_slice(), seen)?;
                }
                "PG_VERSION" if !of_tablespace => {
                    let mut bytes = Vec::new();
                    content.take(16).read_to_end(&mut bytes)?;
                    let version = String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
                    seen.says.server = Some(version);
                    self.check.file(&path, bytes.as_slice(), seen)?;
                }
                // Those of the base archive lie in a folder, those of an archive of their own do not.
                _ if path.starts_with("pg_wal/") || is_wal(&path) => {
                    self.wal.note(path.trim_start_matches("pg_wal/"), member.size);
                }
                _ if of_tablespace => {
                    let path = format!("pg_tblspc/{}/{path}", self.stem);
                    self.check.file(&path, content, seen)?;
                }
                _ => self.check.file(&path, content, seen)?,
            }
        }
        Ok(())
    }
}

/// A segment, or a timeline's history.
fn is_wal(path: &str) -> bool {
    let name = path.strip_prefix("archive_status/").unwrap_or(path);
    name.len() >= 8 && name[..8].bytes().all(|it| it.is_ascii_hexdigit())
}

struct Content<'a, R>(&'a mut TarStream<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
