//! Many entries that differ in the same way become one divergence that counts them.

use std::collections::BTreeMap;

use super::entry::{Change, noun};
use crate::model::divergence::{DamageClass, Divergence, DivergenceKind};
use crate::model::fingerprint::{MediaEntry, MediaFingerprint};

/// Entries that differ in the same way and are still named one by one.
const NAMED_MAX: usize = 8;

/// Divergences reported at all. Beyond it, what remains is counted.
const DIVERGENCES_MAX: usize = 1000;

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

    fn divergence(&self) -> Divergence {
        divergence(
            self.path.to_owned(),
            texts(self.changes.iter().map(Change::to_string)),
            self.class(),
        )
    }
}

/// One divergence an entry, or one for all entries of a sort that has too many.
pub(super) fn summarise(
    differing: Vec<Differing<'_>>,
    before: &MediaFingerprint,
    after: &MediaFingerprint,
) -> Vec<Divergence> {
    let mut sorts: BTreeMap<(&'static str, String), Vec<Differing<'_>>> = BTreeMap::new();
    for entry in differing {
        sorts.entry((entry.noun, entry.sort())).or_default().push(entry);
    }
    let (many, few): (Vec<_>, Vec<_>) =
        sorts.into_iter().partition(|(_, entries)| entries.len() > NAMED_MAX);
    let mut divergences: Vec<_> = many
        .into_iter()
        .map(|((noun, sort), entries)| {
            let side =
                if matches!(entries[0].changes[..], [Change::Extra]) { after } else { before };
            counted(noun, &sort, &entries, side)
        })
        .collect();
    let mut few: Vec<_> = few.into_iter().flat_map(|(_, entries)| entries).collect();
    few.sort_by_key(|entry| entry.path);
    divergences.extend(few.iter().map(Differing::divergence));
    bounded(divergences)
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
    divergence(
        format!("{} of {all} {nouns}", entries.len()),
        format!("{sort}: {} and {} more", named.join(", "), entries.len() - named.len()),
        entries[0].class(),
    )
}

fn bounded(mut divergences: Vec<Divergence>) -> Vec<Divergence> {
    if divergences.len() > DIVERGENCES_MAX {
        let more = divergences.len() - (DIVERGENCES_MAX - 1);
        divergences.truncate(DIVERGENCES_MAX - 1);
        divergences.push(divergence(
            format!("{more} more"),
            "differ, each in its own way".to_owned(),
            None,
        ));
    }
    divergences
}

fn texts(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

fn divergence(subject: String, detail: String, class: Option<DamageClass>) -> Divergence {
    Divergence {
        kind: DivergenceKind::File,
        subject,
        detail,
        rows: None,
        columns: Vec::new(),
        class,
    }
}
