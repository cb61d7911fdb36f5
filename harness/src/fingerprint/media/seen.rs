//! What `stat` says of a path: its identity, its metadata, and the proof that it did not change.

use rustix::fs::{FileType, Stat};

/// One look at a path. Two equal looks mean that neither content nor metadata changed between
/// them: the change time moves with every write and every `chmod`, and nobody can set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) links: u64,
    pub(super) kind: FileType,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) special: (u32, u32),
    pub(super) modified: (i64, u32),
    changed: (i64, u32),
}

impl From<&Stat> for Seen {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::useless_conversion,
        reason = "the fields have other widths on other platforms, and fit these on all of them"
    )]
    fn from(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            links: stat.st_nlink as u64,
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode as u32 & 0o7777,
            uid: stat.st_uid as u32,
            gid: stat.st_gid as u32,
            size: stat.st_size as u64,
            special: (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)),
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }
    }
}
