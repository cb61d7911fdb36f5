//! An artefact on disk: its parts, written once while being hashed, and its manifest.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;

use crate::error::{Attempt, Error, Result};
use crate::model::artefact::{
    MANIFEST_FILE, MANIFEST_SCHEMA, Manifest, NEEDS_FILE, Part, PartKind, RecoveryPoint,
};

/// A folder with the parts of a backup and its manifest.
#[derive(Debug, Clone)]
pub struct Artefact {
    dir: PathBuf,
    /// What the folder should hold.
    pub manifest: Manifest,
}

/// Bytes after which a part that is being written begins to go to disk, so that not all of it is
/// left for the end.
const FLUSH_BYTES: u64 = 64 << 20;

/// A part being written; its hash is that of the bytes handed over, not of what a disk kept.
#[derive(Debug)]
pub struct PartWriter {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    size: u64,
    unflushed: u64,
    flushing: Option<JoinHandle<io::Result<()>>>,
    kind: PartKind,
    name: String,
}

impl Artefact {
    /// Begins an artefact in a new folder that only the owner can read.
    pub fn create(dir: &Path, method: &str, recovery_point: RecoveryPoint) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .attempt(|| format!("cannot create the artefact's folder {}", dir.display()))?;
        let manifest = Manifest {
            schema_version: MANIFEST_SCHEMA,
            method: method.to_owned(),
            taken_at: Timestamp::now(),
            recovery_point,
            parts: Vec::new(),
            needs: Vec::new(),
            target: None,
            tools: BTreeMap::new(),
        };
        Ok(Self { dir: dir.to_owned(), manifest })
    }

    /// Opens an artefact that was taken earlier.
    pub fn open(dir: &Path) -> Result<Self> {
        let file = dir.join(MANIFEST_FILE);
        let text = fs::read(&file).map_err(|cause| {
            Error::usage(format!("{} has no readable manifest", dir.display()))
                .because(cause)
                .hint("an artefact is a folder with a manifest.json and the parts that it names")
        })?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|cause| {
            Error::usage(format!("{} is damaged", file.display()))
                .because(cause)
                .hint("the backup cannot be used without it: fetch it again from where it is kept")
        })?;
        if manifest.schema_version != MANIFEST_SCHEMA {
            let version = manifest.schema_version;
            return Err(Error::usage(format!(
                "{} has format {version}, this version reads {MANIFEST_SCHEMA}",
                file.display()
            ))
            .hint("use the version of this tool that took the backup"));
        }
        Ok(Self { dir: dir.to_owned(), manifest })
    }

    /// Copies it into a new folder: the manifest, and the plain files that it names.
    pub fn copy(&self, dir: &Path) -> Result<Self> {
        let copy = Self { dir: dir.to_owned(), manifest: self.manifest.clone() };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .attempt(|| format!("cannot create {}", dir.display()))?;
        for part in &self.manifest.parts {
            let path = self.path(part)?;
            let uncopied = || format!("cannot copy {}", path.display());
            match fs::symlink_metadata(&path) {
                // What is missing is for the hashes to say.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Ok(met) if !met.is_file() => {
                    let path = path.display();
                    return Err(Error::usage(format!("{path} is not a plain file")));
                }
                _ => {}
            }
            fs::copy(&path, copy.path(part)?).attempt(uncopied)?;
        }
        copy.seal()?;
        Ok(copy)
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The part of a kind. Of two, nobody could say which one is meant.
    pub fn part(&self, kind: PartKind) -> Result<&Part> {
        let mut parts = self.manifest.parts.iter().filter(|part| part.kind == kind);
        let kind = kind.name();
        match (parts.next(), parts.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Error::undecided(format!("the artefact has no part {kind}"))),
            (Some(one), Some(other)) => {
                let (one, other) = (&one.file, &other.file);
                Err(Error::undecided(format!("the artefact has two parts {kind}: {one}, {other}"))
                    .hint("narrow its pattern in leaves, or have the commands leave one"))
            }
        }
    }

    /// Where a part is. Its name is one plain component: a manifest is hostile input.
    pub fn path(&self, part: &Part) -> Result<PathBuf> {
        let name = Path::new(&part.file).file_name();
        if name.is_none_or(|name| name != part.file.as_str()) {
            let file = &part.file;
            return Err(Error::usage(format!("the manifest names {file:?}, outside the artefact"))
                .hint(
                    "it is not as it was written: fetch the artefact again, restore nothing of it",
                ));
        }
        Ok(self.dir.join(&part.file))
    }

    /// Begins a part.
    pub fn begin(&self, kind: PartKind, name: &str) -> Result<PartWriter> {
        let created = Self::create_file(&self.dir.join(name))?;
        Ok(PartWriter {
            file: BufWriter::with_capacity(256 * 1024, created),
            hasher: blake3::Hasher::new(),
            size: 0,
            unflushed: 0,
            flushing: None,
            kind,
            name: name.to_owned(),
        })
    }

    /// Creates a file that only the owner can read and that was not there.
    pub(super) fn create_file(path: &Path) -> Result<File> {
        let created = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        created.attempt(|| format!("cannot create {}", path.display()))
    }

    /// Lists the files that something else wrote into the folder, each hashed as it is on disk
    /// and flushed to it. Anything but plain files is refused.
    pub(super) fn adopt(&self, kind: impl Fn(&str) -> PartKind) -> Result<Vec<Part>> {
        let dir = self.dir.display().to_string();
        let mut parts = Vec::new();
        for entry in fs::read_dir(&self.dir).attempt(|| format!("cannot read {dir}"))? {
            let entry = entry.attempt(|| format!("cannot read {dir}"))?;
            let path = entry.path();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let name =
                entry.file_name().into_string().ok().filter(|_| is_file).ok_or_else(|| {
                    Error::undecided(format!(
                        "the backup left {}, not a plain file",
                        path.display()
                    ))
                })?;
            let read = || {
                let file = File::open(&path)?;
                file.sync_all()?;
                digest(file)
            };
            let (size, blake3) = read().attempt(|| format!("cannot read {}", path.display()))?;
            parts.push(Part { kind: kind(&name), file: name, size, blake3 });
        }
        parts.sort_by(|left, right| left.file.cmp(&right.file));
        Ok(parts)
    }

    /// The artefacts in the same folder that its file `needs` names, a line each.
    pub(super) fn needs(&self) -> Result<Vec<String>> {
        let path = self.dir.join(NEEDS_FILE);
        let text = match fs::read_to_string(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.attempt(|| format!("cannot read {}", path.display()))?,
        };
        let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
        let names = names.map(str::to_owned).collect::<Vec<_>>();
        let is_other = |name: &&String| {
            let plain = Path::new(name).file_name().is_some_and(|it| it == name.as_str());
            plain && self.dir.file_name().is_none_or(|own| own != name.as_str())
        };
        match names.iter().find(|name| !is_other(name)) {
            None => Ok(names),
            Some(name) => Err(Error::undecided(format!(
                "{} names {name:?}, no other artefact",
                path.display()
            ))),
        }
    }

    /// Writes the manifest: from here on the artefact can be restored.
    pub fn seal(&self) -> Result<()> {
        let file = self.dir.join(MANIFEST_FILE);
        let text =
            serde_json::to_vec_pretty(&self.manifest).attempt(|| "cannot write a manifest")?;
        let written = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&file)
            .and_then(|mut out| out.write_all(&text).and_then(|()| out.sync_all()));
        written.attempt(|| format!("cannot write {}", file.display()))
    }

    /// Opens it for more: what describes and judges it goes, and is to be written anew.
    pub(crate) fn unseal(&mut self) -> Result<()> {
        let judges = [PartKind::Certificate, PartKind::Rows, PartKind::Origin];
        let paths = self.manifest.parts.iter().filter(|part| judges.contains(&part.kind));
        let paths = paths.map(|part| self.path(part)).collect::<Result<Vec<_>>>()?;
        for path in std::iter::once(self.dir.join(MANIFEST_FILE)).chain(paths) {
            fs::remove_file(&path).attempt(|| format!("cannot remove {}", path.display()))?;
        }
        self.manifest.parts.clear();
        Ok(())
    }

    /// Holds every part, read in full, against the manifest. Gives back what is wrong.
    pub fn damage(&self) -> Result<Vec<String>> {
        let mut damage = Vec::new();
        for part in &self.manifest.parts {
            let path = self.path(part)?;
            match File::open(&path).and_then(digest) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                    damage.push(format!("{} is missing", part.file));
                }
                Err(cause) => {
                    let path = path.display();
                    return Err(Error::undecided(format!("cannot read {path}")).because(cause));
                }
                Ok((size, _)) if size != part.size => {
                    let Part { file, size: said, .. } = part;
                    damage.push(format!("{file} is {size} bytes, manifest says {said}"));
                }
                Ok((_, hash)) if hash != part.blake3 => {
                    damage.push(format!("{} does not have the hash of the manifest", part.file));
                }
                Ok(_) => {}
            }
        }
        Ok(damage)
    }
}

impl PartWriter {
    /// Ends the part, on disk for good.
    pub fn finish(mut self) -> Result<Part> {
        self.flushed()
            .and_then(|()| self.file.flush())
            .and_then(|()| self.file.get_ref().sync_all())
            .attempt(|| format!("cannot write {}", self.name))?;
        let blake3 = self.hasher.finalize().to_hex().to_string();
        Ok(Part { kind: self.kind, file: self.name, size: self.size, blake3 })
    }
}

impl PartWriter {
    /// Has what was written so far go to disk while more comes, unless it still does.
    fn flush_behind(&mut self) -> io::Result<()> {
        if self.flushing.as_ref().is_some_and(|flushing| !flushing.is_finished()) {
            return Ok(());
        }
        self.flushed()?;
        self.unflushed = 0;
        let file = self.file.get_ref().try_clone()?;
        self.flushing = Some(thread::spawn(move || file.sync_data()));
        Ok(())
    }

    /// Waits for it. A system tells of a failed write once: it must not get lost here.
    fn flushed(&mut self) -> io::Result<()> {
        let flushing = self.flushing.take().map(JoinHandle::join);
        flushing.map_or(Ok(()), |ended| ended.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.unflushed += bytes.len() as u64;
        if self.unflushed >= FLUSH_BYTES {
            self.flush_behind()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn digest(mut file: File) -> io::Result<(u64, String)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1024 * 1024];
    let mut size = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hasher.finalize().to_hex().to_string())),
            count => {
                hasher.update_rayon(&buffer[..count]);
                size += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artefact(dir: &Path) -> Artefact {
        let point = RecoveryPoint { instant: Timestamp::UNIX_EPOCH, lsn: "0/0".to_owned() };
        let mut artefact = Artefact::create(dir, "pg-dump", point).expect("created");
        let mut writer = artefact.begin(PartKind::Database, "database.dump").expect("begun");
        writer.write_all(b"all of it").expect("written");
        artefact.manifest.parts.push(writer.finish().expect("ended"));
        artefact.seal().expect("sealed");
        artefact
    }

    #[test]
    fn an_intact_artefact_has_no_damage_and_can_be_opened_again() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let artefact = artefact(&dir.path().join("a"));
        assert_eq!(artefact.damage().expect("readable"), Vec::<String>::new());
        let opened = Artefact::open(artefact.dir()).expect("opened");
        assert_eq!(opened.manifest, artefact.manifest);
    }

    #[test]
    fn every_kind_of_damage_is_named() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let artefact = artefact(&dir.path().join("a"));
        let part = artefact.dir().join("database.dump");
        let cases: [(&[u8], &str); 2] =
            [(b"all of", "6 bytes, manifest says 9"), (b"all of IT", "hash")];
        for (content, named) in cases {
            fs::write(&part, content).expect("damaged");
            let damage = artefact.damage().expect("readable");
            assert!(damage.len() == 1 && damage[0].contains(named), "{damage:?}");
        }
        fs::remove_file(&part).expect("removed");
        assert_eq!(artefact.damage().expect("readable"), ["database.dump is missing"]);
    }

    #[test]
    fn a_part_that_goes_to_disk_meanwhile_has_the_hash_of_all_of_it() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let mut artefact = artefact(&dir.path().join("a"));
        let mut writer = artefact.begin(PartKind::Media, "media.tar.zst").expect("begun");
        let block = vec![7; 1 << 20];
        let mut flushes = 0;
        for _ in 0..=2 * (FLUSH_BYTES >> 20) {
            writer.write_all(&block).expect("written");
            flushes += u64::from(writer.unflushed == 0);
        }
        assert!(flushes > 0 && writer.flushing.is_some());
        artefact.manifest.parts.push(writer.finish().expect("ended"));
        assert_eq!(artefact.manifest.parts[1].size, 2 * FLUSH_BYTES + (1 << 20));
        assert_eq!(artefact.damage().expect("readable"), Vec::<String>::new());
    }

    #[test]
    fn of_two_parts_of_a_kind_neither_is_taken_for_the_one() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let mut artefact = artefact(&dir.path().join("a"));
        assert_eq!(artefact.part(PartKind::Database).expect("one").file, "database.dump");
        let second = Part { file: "later.dump".to_owned(), ..artefact.manifest.parts[0].clone() };
        artefact.manifest.parts.push(second);
        let error = artefact.part(PartKind::Database).expect_err("two").to_string();
        assert!(error.contains("database.dump, later.dump"), "{error}");
        let error = artefact.part(PartKind::Media).expect_err("none").to_string();
        assert!(error.contains("no part media"), "{error}");
    }

    #[test]
    fn a_part_outside_the_artefact_is_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let mut artefact = artefact(&dir.path().join("a"));
        for name in ["../secret", "/etc/passwd", "a/b", "..", ""] {
            name.clone_into(&mut artefact.manifest.parts[0].file);
            assert!(artefact.damage().is_err(), "{name:?} was followed");
        }
    }
}
