//! The facts of two catalogues, held against each other: one divergence for each thing that
//! differs, what follows from it folded in. Pure; reading them is `fingerprint::catalogue`.

mod key;
mod printing;
mod telling;
mod version;
mod wording;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::divergence::Divergence;
use crate::model::fingerprint::UNDECIDED;

use key::Key;
use telling::Telling;
use version::Versions;
use wording::{difference, summary};

/// Facts by key, as a certificate holds them.
type Facts = BTreeMap<String, String>;

/// What differs between the facts of two catalogues, `before` being the baseline.
///
/// A thing that is missing or extra is one divergence, with what goes with it counted in its
/// detail. Existence and columns of relations are of kind
/// [`DivergenceKind::Table`](crate::model::divergence::DivergenceKind::Table) under the
/// relation's bare name, so that they join what the rows have to say.
///
/// A sequence that stands behind a column is a divergence only if it did not before: what was
/// wrong already is no loss, and to name it is a matter of auditing the source.
#[must_use]
pub fn compare(
    before: &Facts,
    after: &Facts,
    before_version: i32,
    after_version: i32,
) -> Vec<Divergence> {
    let versions = Versions::new(before_version, after_version);
    let changes = changes(before, after, versions);
    let (changes, followers) = fold(changes);
    let mut telling = Telling::new(before, followers);
    for change in &changes {
        telling.tell(change);
    }
    telling.finish()
}

/// Facts that one side could not read, and why: they are neither equal nor different.
#[must_use]
pub fn undecided(before: &Facts, after: &Facts) -> Vec<String> {
    let of = |facts: &Facts, side: &str| -> Vec<String> {
        facts
            .iter()
            .filter_map(|(key, value)| Some((key, value.strip_prefix(UNDECIDED)?)))
            .map(|(key, reason)| format!("{key}{side}: {reason}"))
            .collect()
    };
    let mut all = of(before, " in the baseline");
    all.extend(of(after, ""));
    all
}

/// One fact that is not the same on both sides.
struct Change<'a> {
    text: &'a str,
    key: Key<'a>,
    versions: Versions,
    before: Option<Cow<'a, str>>,
    after: Option<Cow<'a, str>>,
}

impl Change<'_> {
    /// `Some(true)` for what is missing, `Some(false)` for what is extra.
    fn missing(&self) -> Option<bool> {
        match (&self.before, &self.after) {
            (Some(_), None) => Some(true),
            (None, Some(_)) => Some(false),
            _ => None,
        }
    }

    fn was(&self) -> &str {
        self.before.as_deref().unwrap_or_default()
    }

    fn is(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    /// Whether nothing differs but an attribute, `name: `.
    fn same_without(&self, attribute: &str) -> bool {
        let rest = |lines: &str| -> Vec<String> {
            let others = lines.lines().filter(|line| !line.starts_with(attribute));
            others.map(str::to_owned).collect()
        };
        rest(self.was()) == rest(self.is())
    }

    /// `missing: …`, `not in the baseline: …`, or what changed.
    fn detail(&self) -> String {
        let matter = self.key.matter().map(|matter| matter + " ").unwrap_or_default();
        let secret = self.key.aspect == Some("password");
        let said = match self.missing() {
            Some(true) if secret => "missing".to_owned(),
            Some(false) if secret => "not in the baseline".to_owned(),
            None if secret => "differs".to_owned(),
            Some(true) => format!("missing{}", summary(self.was())),
            Some(false) => format!("not in the baseline{}", summary(self.is())),
            None => {
                difference(self.was(), self.is(), |was, is| self.versions.same_definition(was, is))
            }
        };
        matter + &said
    }
}

fn changes<'a>(before: &'a Facts, after: &'a Facts, versions: Versions) -> Vec<Change<'a>> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter_map(|text| {
            let (was, is) = (before.get(text), after.get(text));
            if was == is
                || [was, is].into_iter().flatten().any(|value| value.starts_with(UNDECIDED))
            {
                return None;
            }
            let key = Key::parse(text);
            let change = Change {
                before: was.and_then(|value| versions.comparable(&key, value)),
                after: is.and_then(|value| versions.comparable(&key, value)),
                text,
                key,
                versions,
            };
            let same = change.before == change.after
                || change.missing().is_none()
                    && (versions.same_definition(change.was(), change.is())
                        || printing::same(change.was(), change.is()));
            (!same).then_some(change)
        })
        .collect()
}

/// How many facts of each kind came or went with a thing, by the thing's key.
type Followers<'a> = BTreeMap<String, BTreeMap<&'a str, usize>>;

/// Takes out the facts that only follow from a thing that is missing or extra as a whole.
fn fold(changes: Vec<Change<'_>>) -> (Vec<Change<'_>>, Followers<'_>) {
    let gone: BTreeMap<&str, bool> =
        changes.iter().filter_map(|change| Some((change.text, change.missing()?))).collect();
    let holders: Vec<Vec<String>> = changes
        .iter()
        .map(|change| {
            let mut holders = change.key.holders();
            holders.extend(owning_table(change));
            holders.retain(|holder| {
                change.missing().is_some() && gone.get(holder.as_str()).copied() == change.missing()
            });
            holders
        })
        .collect();
    let folded: BTreeSet<String> = changes
        .iter()
        .zip(&holders)
        .filter(|(_, holders)| !holders.is_empty())
        .map(|(change, _)| change.text.to_owned())
        .collect();
    let (mut kept, mut followers) = (Vec::new(), Followers::new());
    for (change, holders) in changes.into_iter().zip(holders) {
        if holders.is_empty() {
            kept.push(change);
        } else if change.key.is_countable() {
            for holder in holders.into_iter().filter(|holder| !folded.contains(holder)) {
                let kind = change.key.facet.unwrap_or(change.key.class);
                *followers.entry(holder).or_default().entry(kind).or_default() += 1;
            }
        }
    }
    (kept, followers)
}

/// A sequence comes and goes with the table whose column owns it.
fn owning_table(change: &Change<'_>) -> Option<String> {
    if change.key.class != "sequence" || change.key.facet.is_some() {
        return None;
    }
    let value = if change.missing() == Some(true) { change.was() } else { change.is() };
    let column = value.lines().find_map(|line| line.strip_prefix("owned by: "))?;
    Some(format!("table/{}", key::relation_of(column)))
}
