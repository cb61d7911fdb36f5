//! Compares two media fingerprints, path by path, and names all that differs.
//!
//! What either side could not read is undecided, with everything below it: never equal, and never
//! mistaken for a loss.

mod entry;
mod recovery;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::entry::{Change, changes};
use self::recovery::{Judgement, Window};
use self::summary::{Differing, summarise};
use crate::model::divergence::Divergence;
use crate::model::fingerprint::{MediaFingerprint, MediaKind};
use crate::tree_path::above;

/// What came of comparing two media stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaComparison {
    /// Regular files present on both sides and judged.
    pub files_compared: u64,
    /// Their bytes in the baseline.
    pub bytes_compared: u64,
    /// Entries written after the recovery point, whose absence is expected: counted, not judged.
    pub after_recovery_point: u64,
    /// What differs.
    pub divergences: Vec<Divergence>,
    /// Paths that cannot be judged, and why.
    pub undecided: BTreeMap<String, String>,
}

/// Compares a baseline with what a restore gave.
///
/// Without a `recovery_point` everything must be equal. With one, for a baseline that was read
/// after the backup while the application went on writing, these are excused, and only for
/// entries dated after the recovery point and before the baseline's reading ended:
/// - an entry on one side only, a directory only together with all that is below it;
/// - a directory's own time, and that it changed while the baseline was read;
/// - a file on both sides that differs in content is undecided, since what it held at the recovery
///   point is not known.
#[must_use]
pub fn compare(
    before: &MediaFingerprint,
    after: &MediaFingerprint,
    recovery_point: Option<Timestamp>,
) -> MediaComparison {
    let mut comparison = MediaComparison::default();
    let window = Window::new(recovery_point, before.taken_at);
    // A directory has both an entry and a reason only if it was listed whole and changed later:
    // what it held is judged entry by entry.
    let baseline: Undecided<'_> = reasons(before)
        .filter(|(path, _)| !window.excuses_directory(before.entries.get(*path)))
        .collect();
    let restored: Undecided<'_> = reasons(after).collect();
    comparison.note_undecided("the baseline", &baseline);
    comparison.note_undecided("the restored store", &restored);

    let mut differing = Vec::new();
    let paths: BTreeSet<&String> = before.entries.keys().chain(after.entries.keys()).collect();
    for path in paths {
        if comparison.undecided.contains_key(path) {
            continue;
        }
        match (before.entries.get(path), after.entries.get(path)) {
            (Some(was), Some(is)) => {
                let changes = changes(was, is);
                match window.judge(was, &changes) {
                    Judgement::Undecided(reason) => {
                        comparison.undecided.insert(path.clone(), reason);
                        continue;
                    }
                    Judgement::Excused => comparison.after_recovery_point += 1,
                    Judgement::Stands if changes.is_empty() => {}
                    Judgement::Stands => differing.push(Differing::new(path, was, changes)),
                }
                if let MediaKind::File { size, .. } = was.kind {
                    comparison.files_compared += 1;
                    comparison.bytes_compared += size;
                }
            }
            (Some(was), None) if !hides(&restored, path) => {
                if window.excuses(path, before) {
                    comparison.after_recovery_point += 1;
                } else {
                    differing.push(Differing::new(path, was, vec![Change::Missing]));
                }
            }
            (None, Some(is)) if !hides(&baseline, path) => {
                if window.excuses(path, after) {
                    comparison.after_recovery_point += 1;
                } else {
                    differing.push(Differing::new(path, is, vec![Change::Extra]));
                }
            }
            // Hidden by a directory that is undecided under its own name.
            _ => {}
        }
    }
    comparison.divergences = summarise(differing, before, after);
    comparison
}

impl MediaComparison {
    fn note_undecided(&mut self, side: &str, undecided: &Undecided<'_>) {
        for (path, reason) in undecided {
            self.undecided
                .entry((*path).to_owned())
                .and_modify(|known| *known = format!("{known}; in {side}: {reason}"))
                .or_insert_with(|| format!("in {side}: {reason}"));
        }
    }
}

/// Paths of one side that are undecided, and why.
type Undecided<'side> = BTreeMap<&'side str, &'side str>;

fn reasons(side: &MediaFingerprint) -> impl Iterator<Item = (&str, &str)> {
    side.undecided.iter().map(|(path, reason)| (path.as_str(), reason.as_str()))
}

/// Whether an entry may be absent only because a directory above it was not read whole.
fn hides(undecided: &Undecided<'_>, path: &str) -> bool {
    std::iter::once(".").chain(above(path)).any(|directory| undecided.contains_key(directory))
}
