//! Changes of files, line by line: what a remedy is made of, read from and written as a unified
//! diff. Two remedies of one file go together unless they disagree about a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use diffy::patch_set::{ParseOptions, PatchSet};
use diffy::{DiffOptions, Line};

/// What becomes of a line of the file as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Change {
    /// It goes.
    removed: bool,
    /// Lines that come before it.
    before: Vec<String>,
}

/// Changes of several files: path below the stack's folder, number of a line from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes(BTreeMap<String, BTreeMap<usize, Change>>);

impl Changes {
    /// Puts another line where one is.
    pub(super) fn replace(file: &str, line: usize, text: &str) -> Self {
        Self::one(file, line, Change { removed: true, before: vec![text.to_owned()] })
    }

    /// Takes a line away.
    pub(super) fn remove(file: &str, line: usize) -> Self {
        Self::one(file, line, Change { removed: true, before: Vec::new() })
    }

    /// Puts a line before another.
    pub(super) fn insert(file: &str, before: usize, text: &str) -> Self {
        Self::one(file, before, Change { removed: false, before: vec![text.to_owned()] })
    }

    fn one(file: &str, line: usize, change: Change) -> Self {
        Self(BTreeMap::from([(file.to_owned(), BTreeMap::from([(line, change)]))]))
    }

    /// Reads a unified diff, whose paths begin with `a/` and `b/`.
    pub(super) fn of_diff(diff: &str) -> Option<Self> {
        let mut all = Self::default();
        for file in PatchSet::parse(diff, ParseOptions::unidiff()) {
            let file = file.ok()?;
            let patch = file.patch().as_text()?;
            let name = patch.original()?.strip_prefix("a/")?;
            let changes = all.0.entry(name.to_owned()).or_default();
            for hunk in patch.hunks() {
                let mut at = hunk.old_range().start();
                for line in hunk.lines() {
                    match line {
                        Line::Context(_) => at += 1,
                        Line::Delete(_) => {
                            changes.entry(at).or_default().removed = true;
                            at += 1;
                        }
                        Line::Insert(text) => {
                            let text = text.trim_end_matches('\n').to_owned();
                            changes.entry(at).or_default().before.push(text);
                        }
                    }
                }
            }
        }
        Some(all)
    }

    /// Takes other changes in, unless both remove a line and do not say the same. Gives back
    /// whether it did.
    pub(super) fn take_in(&mut self, other: &Self) -> bool {
        let mut both = self.clone();
        for (file, changes) in &other.0 {
            let mine = both.0.entry(file.clone()).or_default();
            let has = |(at, change): (&usize, &Change)| {
                mine.get(at).is_some_and(|known| {
                    known.removed >= change.removed
                        && change.before.iter().all(|line| known.before.contains(line))
                })
            };
            if changes.iter().all(has) {
                continue;
            }
            let clash = |(at, change): (&usize, &Change)| {
                change.removed && mine.get(at).is_some_and(|known| known.removed)
            };
            if changes.iter().any(clash) {
                return false;
            }
            for (at, change) in changes {
                let known = mine.entry(*at).or_default();
                known.removed |= change.removed;
                let new = change.before.iter().filter(|line| !known.before.contains(line));
                let new = new.cloned().collect::<Vec<_>>();
                known.before.extend(new);
            }
        }
        *self = both;
        true
    }

    /// As a unified diff against files by their path; nothing if nothing changes.
    pub(super) fn diff(&self, files: &BTreeMap<String, String>) -> Option<String> {
        let mut diff = String::new();
        for (path, changes) in &self.0 {
            let text = files.get(path)?;
            let changed = changed(text, changes);
            if changed == *text {
                continue;
            }
            let mut options = DiffOptions::new();
            options.set_original_filename(format!("a/{path}"));
            options.set_modified_filename(format!("b/{path}"));
            let _ = write!(diff, "{}", options.create_patch(text, &changed));
        }
        Some(diff).filter(|diff| !diff.is_empty())
    }
}

fn changed(text: &str, changes: &BTreeMap<usize, Change>) -> String {
    let lines = text.split_inclusive('\n').collect::<Vec<_>>();
    let mut out = String::new();
    let put = |out: &mut String, change: &Change| {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        for line in &change.before {
            out.push_str(line);
            out.push('\n');
        }
    };
    for (at, line) in (1..).zip(&lines) {
        let change = changes.get(&at);
        if let Some(change) = change {
            put(&mut out, change);
        }
        if !change.is_some_and(|change| change.removed) {
            out.push_str(line);
        }
    }
    for (_, change) in changes.range(lines.len() + 1..) {
        put(&mut out, change);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, String> {
        BTreeMap::from([("a.conf".to_owned(), "one\ntwo\nthree\nfour\n".to_owned())])
    }

    #[test]
    fn a_diff_says_what_it_was_made_of() {
        let changes = Changes::replace("a.conf", 2, "TWO");
        let diff = changes.diff(&files()).expect("a change");
        assert!(diff.starts_with("--- a/a.conf\n+++ b/a.conf\n@@ -1,4 +1,4 @@\n"), "{diff}");
        let read = Changes::of_diff(&diff).expect("a diff");
        assert_eq!(read.diff(&files()), Some(diff));
        assert_eq!(Changes::replace("a.conf", 2, "two").diff(&files()), None);
        assert_eq!(Changes::remove("b.conf", 1).diff(&files()), None);
    }

    #[test]
    fn remedies_of_neighbouring_lines_go_together_and_contradictions_do_not() {
        let read = |changes: Changes| {
            Changes::of_diff(&changes.diff(&files()).expect("a change")).expect("a diff")
        };
        let mut all = read(Changes::replace("a.conf", 2, "TWO"));
        assert!(all.take_in(&read(Changes::replace("a.conf", 3, "THREE"))));
        assert!(all.take_in(&read(Changes::replace("a.conf", 2, "TWO"))));
        assert!(all.take_in(&read(Changes::insert("a.conf", 5, "five"))));
        assert!(all.take_in(&read(Changes::insert("a.conf", 5, "six"))));
        assert!(!all.take_in(&read(Changes::replace("a.conf", 2, "deux"))));
        let text = changed(&files()["a.conf"], &all.0["a.conf"]);
        assert_eq!(text, "one\nTWO\nTHREE\nfour\nfive\nsix\n");
    }
}
