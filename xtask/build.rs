//! Packs the reference stack and the documents into one archive, which the program carries: alone on
//! a host, it drills, checks and explains as it does in the repository.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use tar::{Builder, EntryType, Header};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let mut archive = Builder::new(File::create(out.join("reference.tar"))?);
    for folder in ["compose", "docs"] {
        println!("cargo::rerun-if-changed=../{folder}");
        let mut walk = WalkBuilder::new(root.join(folder));
        // The files that git would take, in a copy without its history, too; nothing of this user's own.
        walk.hidden(false).require_git(false).git_global(false).git_exclude(false).ignore(false);
        for entry in walk.sort_by_file_path(Path::cmp).build() {
            let entry = entry.map_err(io::Error::other)?;
            let name = entry.path().strip_prefix(&root).map_err(io::Error::other)?;
            append(&mut archive, entry.path(), name)?;
        }
    }
    archive.finish()
}

/// The same content gives the same bytes: no owner, no time, and of the mode what git keeps.
fn append(archive: &mut Builder<File>, path: &Path, name: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let is_program = found.permissions().mode() & 0o100 != 0;
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_mode(if is_program { 0o755 } else { 0o644 });
    if found.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        return archive.append_data(&mut header, name, io::empty());
    }
    if !found.is_file() {
        return Err(io::Error::other(format!("{} is neither file nor folder", path.display())));
    }
    header.set_entry_type(EntryType::Regular);
    header.set_size(found.len());
    archive.append_data(&mut header, name, File::open(path)?)
}
