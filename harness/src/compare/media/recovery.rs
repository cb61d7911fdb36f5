//! What the recovery point excuses, kept tight: an excuse needs the entry's own date, and a date
//! later than the baseline excuses nothing: neither a clock that ran ahead nor what a restored
//! service wrote.

use jiff::Timestamp;

use super::entry::Change;
use crate::model::fingerprint::{MediaEntry, MediaFingerprint, MediaKind};

/// The time from a recovery point to the end of the baseline's reading. Empty without either.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window(Option<(Timestamp, Timestamp)>);

/// What the recovery point makes of an entry that is on both sides.
pub(super) enum Judgement {
    /// The changes, if any, stand.
    Stands,
    /// They are what writing after the recovery point does to a directory.
    Excused,
    /// The content at the recovery point is not known.
    Undecided(String),
}

impl Window {
    pub(super) fn new(recovery_point: Option<Timestamp>, taken_at: Option<Timestamp>) -> Self {
        Self(recovery_point.zip(taken_at))
    }

    /// Whether a directory that changed while the baseline was read only took in new entries.
    pub(super) fn excuses_directory(self, entry: Option<&MediaEntry>) -> bool {
        entry.is_some_and(|entry| matches!(entry.kind, MediaKind::Directory) && self.holds(entry))
    }

    /// Whether the entry was last written inside the window.
    fn holds(self, entry: &MediaEntry) -> bool {
        let (seconds, nanoseconds) = entry.modified;
        let modified = i32::try_from(nanoseconds)
            .ok()
            .and_then(|nanoseconds| Timestamp::new(seconds, nanoseconds).ok());
        self.0.zip(modified).is_some_and(|((from, to), modified)| from < modified && modified <= to)
    }

    /// Whether an entry that only `side` has is excused.
    pub(super) fn excuses(self, path: &str, side: &MediaFingerprint) -> bool {
        let Some(entry) = side.entries.get(path) else {
            return false;
        };
        if !self.holds(entry) {
            return false;
        }
        // An old directory gets a new date with each file put into it: all that is in it must be
        // new as well.
        let below = format!("{path}/");
        let mut inside =
            side.entries.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below));
        !matches!(entry.kind, MediaKind::Directory) || inside.all(|(_, entry)| self.holds(entry))
    }

    /// Judges the changes of an entry on both sides by its baseline.
    pub(super) fn judge(self, was: &MediaEntry, changes: &[Change]) -> Judgement {
        if changes.is_empty() || !self.holds(was) {
            return Judgement::Stands;
        }
        match was.kind {
            MediaKind::Directory if matches!(changes, [Change::Modified { .. }]) => {
                Judgement::Excused
            }
            MediaKind::File { .. } if changes.iter().all(Change::is_written) => {
                Judgement::Undecided(
                    "written after the recovery point: what it held then is not known".to_owned(),
                )
            }
            _ => Judgement::Stands,
        }
    }
}
