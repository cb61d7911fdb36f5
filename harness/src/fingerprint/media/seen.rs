//! What `stat` says of a path: its identity, its metadata, and the proof that it did not change.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Stat};

/// How long a path must have been left alone. A file system's clock ticks (every 10 ms at the
/// slowest), and two writes within one tick bear one date; a write is dated when it begins, and
/// goes on for as long as the system lets it. One call to `write` that takes longer than this
/// cannot be seen from outside.
pub(super) const REST: Duration = Duration::from_millis(100);

/// One look at a path. The change time moves with every write and every `chmod`, and nobody can
/// set it: between two equal looks nothing changed, if [`Seen::rests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    device: u64,
    inode: u64,
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

impl Seen {
    /// What all hard links to a file share, and no other file has.
    pub(super) fn inode(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

impl Seen {
    /// Whether a change after `begun` would show: it would be dated then or later, and this is
    /// not. A date in the future shows any change.
    pub(super) fn rests(&self, begun: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let changed = u64::try_from(seconds)
            .map_or(UNIX_EPOCH, |seconds| UNIX_EPOCH + Duration::new(seconds, nanoseconds));
        changed < begun - REST || changed > SystemTime::now()
    }
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
