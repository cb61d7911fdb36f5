//! Copies of the files that a sealed stack mounts, made before anything is created.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};

use super::isolation::{PrivateFile, SealedStack};
use crate::error::{Attempt, Error, Result};

/// Copies the files of a sealed stack that are not there yet.
pub(super) fn make(sealed: &SealedStack) -> Result<()> {
    sealed.files.iter().filter(|file| !file.to.exists()).try_for_each(copy)
}

fn copy(file: &PrivateFile) -> Result<()> {
    let PrivateFile { from, to, .. } = file;
    if let Some(folder) = to.parent() {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.attempt(|| format!("cannot create {}", folder.display()))?;
    }
    let metadata = from.metadata().and_then(|metadata| {
        fs::copy(from, to)?;
        Ok(metadata)
    });
    let metadata = metadata.map_err(|cause| {
        Error::undecided(format!("cannot copy {}, which a service mounts", from.display()))
            .because(cause)
            .hint("run the drill as somebody who may read it, or leave the service out: --without SERVICE")
    })?;
    // Somebody who is not root gives nothing away; the service reads it as anybody may.
    let _ = chown(to, Some(metadata.uid()), Some(metadata.gid()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_has_content_and_permissions_and_is_made_once() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (dir.path().join("a.conf"), dir.path().join("files/a.conf"));
        fs::write(&from, "before").expect("written");
        fs::set_permissions(&from, PermissionsExt::from_mode(0o640)).expect("set");
        let file = PrivateFile { from: from.clone(), to: to.clone(), is_written: false };
        copy(&file).expect("copied");
        assert_eq!(to.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        fs::write(&from, "after").expect("written");
        assert_eq!(fs::read_to_string(&to).expect("there"), "before");
        fs::remove_file(&from).expect("removed");
        let error = copy(&PrivateFile { to: dir.path().join("b"), ..file }).expect_err("gone");
        assert!(error.to_string().contains("a.conf") && error.next_step().is_some(), "{error}");
    }
}
