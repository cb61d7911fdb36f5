//! Many entries that differ in the same way become one divergence that counts them.

use std::collections::{BTreeMap, HashSet};

use super::entry::{Change, noun};
use crate::model::divergence::{DamageClass, Divergence, DivergenceKind};
use crate::model::fingerprint::{MediaEntry, MediaFingerprint, MediaKind};
use crate::tree_path::{named, parent};

/// Entries that differ in the same way and are still named one by one.
const NAMED_MAX: usize = 8;

/// Divergences reported at all. Beyond it, what remains is counted.
const DIVERGENCES_MAX: usize = 1000;

/// The word for a directory.
const DIRECTORY: &str = noun(&MediaKind::Directory);

/// An entry with all that differs.
pub(super) struct Differing<'path> {
    path: &'path str,
    noun: &'static str,
    changes: Vec<Change>,
}

impl<'path> Differing<'path> {
    pub(super) fn new(path: &'path str, entry: &MediaEntry, changes: Vec<Change>) -> Self {
        Self { path, noun: noun(&entry.kind), changes }
    }

    fn sort(&self) -> String {
        texts(self.changes.iter().map(Change::sort))
    }

    /// The class, if all that differs is one thing of a known class.
    fn class(&self) -> Option<DamageClass> {
        match self.changes.as_slice() {
            [change] => change.class(),
            _ => None,
        }
    }

    /// How much its gravest change matters.
    fn rank(&self) -> u8 {
        self.changes.iter().map(Change::rank).min().unwrap_or(u8::MAX)
    }

    fn divergence(&self) -> Divergence {
        let detail = texts(self.changes.iter().map(Change::to_string));
        self.weighed(self.path.to_owned(), detail)
    }

    /// A divergence that weighs as much as the gravest change.
    fn weighed(&self, subject: String, detail: String) -> Divergence {
        let gravest = self.changes.iter().min_by_key(|change| change.rank());
        let told = Divergence {
            class: self.class(),
            ..Divergence::new(DivergenceKind::File, subject, detail)
        };
        match gravest.map(Change::weight) {
            Some((severity, reason)) => told.weighed(severity, reason),
            None => told,
        }
    }
}

/// Takes out the time of a directory in which something came, went or was replaced: it follows.
fn fold(mut differing: Vec<Differing<'_>>) -> Vec<Differing<'_>> {
    let touched: HashSet<String> = differing
        .iter()
        .filter(|entry| entry.changes.iter().any(Change::touches_directory))
        .map(|entry| named(parent(entry.path)))
        .collect();
    for entry in &mut differing {
        if entry.noun == DIRECTORY && touched.contains(entry.path) {
            entry.changes.retain(|change| !matches!(change, Change::Modified(..)));
        }
    }
    differing.retain(|entry| !entry.changes.is_empty());
    differing
}

/// One divergence an entry, or one for all entries of a sort that has too many; what matters most
/// first.
pub(super) fn summarise(
    differing: Vec<Differing<'_>>,
    before: &MediaFingerprint,
    after: &MediaFingerprint,
) -> Vec<Divergence> {
    let mut sorts: BTreeMap<(&'static str, String), Vec<Differing<'_>>> = BTreeMap::new();
    for entry in fold(differing) {
        sorts.entry((entry.noun, entry.sort())).or_default().push(entry);
    }
    let (many, few): (Vec<_>, Vec<_>) =
        sorts.into_iter().partition(|(_, entries)| entries.len() > NAMED_MAX);
    let many = many.into_iter().map(|((noun, sort), entries)| {
        let side = if matches!(entries[0].changes[..], [Change::Extra]) { after } else { before };
        ((entries[0].rank(), ""), counted(noun, &sort, &entries, side))
    });
    let few = few.iter().flat_map(|(_, entries)| entries);
    let few = few.map(|entry| ((entry.rank(), entry.path), entry.divergence()));
    let mut ranked: Vec<_> = many.chain(few).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    bounded(ranked.into_iter().map(|(_, divergence)| divergence).collect())
}

fn counted(
    noun: &str,
    sort: &str,
    entries: &[Differing<'_>],
    side: &MediaFingerprint,
) -> Divergence {
    let all = side.entries.values().filter(|entry| super::entry::noun(&entry.kind) == noun).count();
    let nouns = if noun.ends_with('y') { "directories".to_owned() } else { format!("{noun}s") };
    let named: Vec<_> = entries.iter().take(NAMED_MAX).map(|entry| entry.path).collect();
    entries[0].weighed(
        format!("{} of {all} {nouns}", entries.len()),
        format!("{sort}: {} and {} more", named.join(", "), entries.len() - named.len()),
    )
}

fn bounded(mut divergences: Vec<Divergence>) -> Vec<Divergence> {
    if divergences.len() > DIVERGENCES_MAX {
        let more = divergences.len() - (DIVERGENCES_MAX - 1);
        divergences.truncate(DIVERGENCES_MAX - 1);
        let detail = "differ, each in its own way";
        divergences.push(Divergence::new(DivergenceKind::File, format!("{more} more"), detail));
    }
    divergences
}

fn texts(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}
