//! Extended attributes that belong to a file: `user.*`, POSIX access control lists, capabilities.
//!
//! Labels that a host's policy puts on (`security.selinux`) and what only a privileged reader
//! sees (`trusted.*`) are left out: they say where a file lies, not what it is.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{fgetxattr, flistxattr};
use rustix::io::Errno;

use crate::tree_path::escape;

/// Attribute name to BLAKE3 of its value.
pub(super) type Digests = BTreeMap<String, String>;

/// What Linux allows a value and a list to be at most (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Whether an attribute is the file's own.
pub(super) fn belongs(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name == b"system.posix_acl_access"
        || name == b"system.posix_acl_default"
        || name == b"security.capability"
}

/// Adds one attribute.
pub(super) fn insert(digests: &mut Digests, name: &[u8], value: &[u8]) {
    digests.insert(escape(name), blake3::hash(value).to_hex().to_string());
}

/// The attributes of an open file or directory.
pub(super) fn of(file: BorrowedFd<'_>) -> io::Result<Digests> {
    let mut digests = Digests::new();
    // Most files have none: ask with a small buffer first.
    let mut short = [0_u8; 256];
    let mut long;
    let names = match flistxattr(file, &mut short) {
        Ok(len) => &short[..len],
        // The file system has no such thing.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(digests),
        Err(Errno::RANGE) => {
            long = vec![0_u8; VALUE_BYTES_MAX];
            let len = flistxattr(file, &mut long)?;
            &long[..len]
        }
        Err(error) => return Err(error.into()),
    };
    for name in names.split(|byte| *byte == 0).filter(|name| belongs(name)) {
        let mut value = vec![0_u8; VALUE_BYTES_MAX];
        let len = fgetxattr(file, name, &mut value)?;
        insert(&mut digests, name, &value[..len]);
    }
    Ok(digests)
}
