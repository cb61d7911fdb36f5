//! Files that services mount: the copy has each as it was when it was sealed, and what it writes to
//! one stays with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::binds::Bind;

/// A copy of a file that services mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFile {
    /// The original, absolute and without links.
    pub from: PathBuf,
    /// The copy.
    pub to: PathBuf,
    /// Whether a service may write to it. No volume holds it: a disaster leaves it, and no backup
    /// has it.
    pub is_written: bool,
}

/// The copies of a stack, one for each file.
pub(super) struct PrivateFiles<'a> {
    folder: &'a Path,
    files: BTreeMap<PathBuf, PrivateFile>,
}

impl<'a> PrivateFiles<'a> {
    /// None yet, in a folder for them.
    pub(super) fn below(folder: &'a Path) -> Self {
        Self { folder, files: BTreeMap::new() }
    }

    /// Has a service mount copies. What it mounts from the host is known by its real path.
    pub(super) fn take(&mut self, service: &mut Value) {
        for mount in service["volumes"].as_array_mut().into_iter().flatten() {
            let Some(bind) = Bind::read(mount) else { continue };
            let from = PathBuf::from(bind.source);
            if !from.is_file() {
                continue;
            }
            let (to, is_written) = (self.folder.join(name(&from)), !bind.read_only);
            *mount = bind.with_source(mount, &to);
            let file = PrivateFile { from: from.clone(), to, is_written: false };
            self.files.entry(from).or_insert(file).is_written |= is_written;
        }
        if let Some(keys) = service.as_object_mut().filter(|keys| keys["volumes"].is_null()) {
            keys.remove("volumes");
        }
    }
}

impl From<PrivateFiles<'_>> for Vec<PrivateFile> {
    fn from(files: PrivateFiles<'_>) -> Self {
        files.files.into_values().collect()
    }
}

/// Two files may have one name.
fn name(from: &Path) -> String {
    let digest = blake3::hash(from.as_os_str().as_encoded_bytes()).to_hex();
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    // A colon or a comma would end the path where it is mounted.
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric() && !".-_".contains(c), "_");
    format!("{}-{name}", &digest[..8])
}
