//! What becomes of every key of the Compose Specification, in one table with reasons. A key that
//! is not in it is refused: nobody has thought about what it would let the copy do.

mod parts;
mod resources;
mod service;

use super::judgement::Judge;
use crate::nearest::nearest;

/// What becomes of a key.
pub(super) enum Rule {
    /// It stays; what is below it is looked at by itself.
    Keep,
    /// It only makes sense outside the sandbox, or reaches there, and the copy runs without it.
    Drop,
    /// What it is set to decides.
    Judge(Judge),
    /// The copy would reach outside the sandbox with it, and is not the same stack without it.
    Refuse,
}

/// Keys that share a rule and its reason.
pub(super) struct Group {
    pub(super) rule: Rule,
    /// Why; for a rule that judges, by what.
    pub(super) why: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// The keys of one kind of mapping.
pub(super) struct Section {
    /// Where such mappings stand; `*` stands for a name that the author gives.
    pub(super) scope: &'static str,
    pub(super) groups: &'static [Group],
}

const fn keep(why: &'static str, keys: &'static [&'static str]) -> Group {
    Group { rule: Rule::Keep, why, keys }
}

const fn drop(why: &'static str, keys: &'static [&'static str]) -> Group {
    Group { rule: Rule::Drop, why, keys }
}

const fn judge(judge: Judge, why: &'static str, keys: &'static [&'static str]) -> Group {
    Group { rule: Rule::Judge(judge), why, keys }
}

const fn refuse(why: &'static str, keys: &'static [&'static str]) -> Group {
    Group { rule: Rule::Refuse, why, keys }
}

/// Keys of any mapping that begin so are extensions.
pub(super) const EXTENSION: &str = "x-";

/// What becomes of extensions.
pub(super) const EXTENSIONS: Group =
    drop("an extension: what a tool would read out of it is not known", &["x-*"]);

/// The commit of the specification whose keys the table has, and its date.
pub(super) const SPECIFICATION: &str = "the Compose Specification of 2025-10-21";

/// The table.
pub(super) fn sections() -> impl Iterator<Item = &'static Section> {
    [resources::SECTIONS, service::SECTIONS, parts::SECTIONS].into_iter().flatten()
}

/// The keys of the mappings that stand at `scope`.
pub(super) fn section(scope: &str) -> Option<&'static Section> {
    sections().find(|section| section.scope == scope)
}

impl Section {
    /// What becomes of a key.
    pub(super) fn group(&self, key: &str) -> Option<&'static Group> {
        if key.starts_with(EXTENSION) {
            return Some(&EXTENSIONS);
        }
        self.groups.iter().find(|group| group.keys.contains(&key))
    }

    /// The key that somebody may have meant who wrote another.
    pub(super) fn nearest(&self, key: &str) -> Option<&'static str> {
        nearest(key, self.groups.iter().flat_map(|group| group.keys.iter().copied()))
    }
}

/// Path of a key that stands at `scope`.
pub(super) fn below(scope: &str, key: &str) -> String {
    if scope.is_empty() { key.to_owned() } else { format!("{scope}.{key}") }
}

#[cfg(test)]
mod tests;
