//! Turns changed facts into divergences: those of one table's columns, of one sequence, of one
//! role's ownership become one each.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Facts, Followers};
use crate::model::divergence::{DamageClass, Divergence, DivergenceKind, Severity};

/// On how many objects a change of owner or of privileges is told once for all of them.
const TOLD_ONCE_FROM: usize = 4;

/// Objects named where a change is told once.
const NAMED: usize = 5;

/// Classes of objects on which everybody has privileges until they are taken away.
const OPEN_TO_PUBLIC: [&str; 5] = ["database", "default-grant", "function", "language", "type"];

/// Collects what is told together.
pub(super) struct Telling<'a> {
    baseline: &'a Facts,
    followers: Followers<'a>,
    told: Vec<Divergence>,
    columns: BTreeMap<String, Columns>,
    sequences: BTreeMap<String, Sequence>,
    access: BTreeMap<Access, Vec<String>>,
    large_objects: BTreeMap<u32, LargeObject>,
}

/// What differs in the columns of one table.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    details: Vec<String>,
}

/// What differs in one sequence.
#[derive(Default)]
struct Sequence {
    details: Vec<String>,
    /// Last value before and after.
    moved: Option<(i128, i128)>,
    /// Whether the last value was handed out, and now counts as not; or the other way round.
    taken_back: Option<bool>,
    behind_column: bool,
}

impl Sequence {
    /// Whether it would hand out again what it handed out.
    fn is_behind(&self, descending: bool) -> bool {
        self.behind_column
            || match self.moved {
                Some((was, is)) if descending => is > was,
                Some((was, is)) => is < was,
                None => self.taken_back == Some(true),
            }
    }
}

/// A change of owner or of privileges, whatever the object.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Access {
    detail: String,
    role: String,
    lost: bool,
}

/// Owner and privileges of a large object, before and after, where they are not the same.
#[derive(Default)]
struct LargeObject {
    owner: [Option<String>; 2],
    grants: BTreeMap<String, [Option<String>; 2]>,
}

impl<'a> Telling<'a> {
    pub(super) fn new(baseline: &'a Facts, followers: Followers<'a>) -> Self {
        Self {
            baseline,
            followers,
            told: Vec::new(),
            columns: BTreeMap::new(),
            sequences: BTreeMap::new(),
            access: BTreeMap::new(),
            large_objects: BTreeMap::new(),
        }
    }

    pub(super) fn tell(&mut self, change: &Change<'_>) {
        match (change.key.facet, change.key.class) {
            // A sequence that a column owns has the owner of the table, and no fact of its own; a
            // collation that no column uses has no version.
            (Some("owner"), _) | (None, "collation-version") if change.missing().is_some() => {}
            (Some("owner"), _) => self.owner(change.key.subject(), change.was(), change.is()),
            (Some("grant"), _) | (None, "default-grant") => self.grant(change),
            (None, "column") => self.column(change),
            (None, "column-order") => self.column_order(change),
            (None, "sequence") if change.key.aspect.is_some() || change.missing().is_none() => {
                self.sequence(change);
            }
            (None, "large-object-owner" | "large-object-grant") => self.large_object(change),
            // Whether a view has rows is told with its rows.
            (None, "matview")
                if change.missing().is_none() && change.same_without("populated: ") => {}
            // Checksums that are on where they were off lose nothing.
            (None, "cluster") if change.was() != "on" => {}
            _ => self.object(change),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Divergence> {
        self.tell_large_objects();
        for (subject, columns) in self.columns {
            self.told.push(Divergence {
                columns: columns.names,
                ..Divergence::new(DivergenceKind::Table, subject, columns.details.join("; "))
            });
        }
        for (subject, sequence) in self.sequences {
            let parameters = self.baseline.get(&format!("sequence/{subject}"));
            let descending = parameters.is_some_and(|lines| lines.contains("\nincrement: -"));
            let behind = sequence.is_behind(descending);
            // Further on is no better than behind: a backup explains where its sequences stand, and
            // one that was moved to its end gives no number any more.
            self.told.push(Divergence {
                class: behind.then_some(DamageClass::SequenceBehind),
                ..Divergence::new(DivergenceKind::Sequence, subject, sequence.details.join("; "))
            });
        }
        for (access, subjects) in self.access {
            self.told.extend(access.tell(subjects));
        }
        self.told
    }

    fn object(&mut self, change: &Change<'_>) {
        let key = &change.key;
        let kind = match (key.facet, key.class) {
            (None, "table" | "matview" | "foreign-table") if change.missing().is_some() => {
                DivergenceKind::Table
            }
            (None, "sequence") => DivergenceKind::Sequence,
            _ => DivergenceKind::Catalogue,
        };
        let mut detail = change.detail();
        if let Some(followers) = self.followers.get(change.text) {
            let counted: Vec<String> =
                followers.iter().map(|(kind, count)| counted(*count, kind)).collect();
            detail = format!("{detail}; with {}", counted.join(", "));
        }
        let class = (key.class == "collation-version").then_some(DamageClass::CollationChanged);
        let told = Divergence { class, ..Divergence::new(kind, key.subject(), detail) };
        self.told.push(match lenient(change) {
            Some(reason) => told.weighed(Severity::Warned, reason),
            None => told,
        });
    }

    fn owner(&mut self, subject: String, was: &str, is: &str) {
        self.access.entry(Access::owner(was, is)).or_default().push(subject);
    }

    fn grant(&mut self, change: &Change<'_>) {
        let role = change.key.to.unwrap_or_default();
        // These have privileges by default, which are no facts.
        let class = change.key.class;
        let untouched = match role {
            "the owner" => "the default",
            "PUBLIC" if OPEN_TO_PUBLIC.contains(&class) => "the default",
            _ => "none",
        };
        let [was, is] = [&change.before, &change.after]
            .map(|privileges| privileges.as_deref().unwrap_or(untouched));
        let access = Access::privileges(role, was, is);
        self.access.entry(access).or_default().push(change.key.subject());
    }

    fn column(&mut self, change: &Change<'_>) {
        let (table, name) = (change.key.object[0], change.key.object[1]);
        let columns = self.columns.entry(table.to_owned()).or_default();
        if columns.names.last().is_none_or(|last| last != name) {
            columns.names.push(name.to_owned());
        }
        columns.details.push(format!("column {name}: {}", change.detail()));
    }

    /// Of interest only where the same columns stand otherwise; the rest is told by column.
    fn column_order(&mut self, change: &Change<'_>) {
        let columns =
            |list: &str| -> BTreeSet<String> { list.split(", ").map(str::to_owned).collect() };
        if change.missing().is_none() && columns(change.was()) == columns(change.is()) {
            let told = self.columns.entry(change.key.subject()).or_default();
            told.details.push(format!("order of columns {}", change.detail()));
        }
    }

    fn sequence(&mut self, change: &Change<'_>) {
        let sequence = self.sequences.entry(change.key.subject()).or_default();
        let (was, is) = (change.was(), change.is());
        let detail = match change.key.aspect {
            None => change.detail(),
            Some("last_value") => {
                sequence.moved = was.parse().ok().zip(is.parse().ok());
                format!("last value {was} → {is}")
            }
            Some("is_called") => {
                sequence.taken_back = Some(was == "true");
                format!("last value handed out: {was} → {is}")
            }
            Some(feeds) => {
                let column = feeds.strip_prefix("feeds ").unwrap_or(feeds);
                sequence.behind_column |= is == "behind";
                match change.missing() {
                    None => format!("{was} → {is} of {column}"),
                    Some(true) => format!("no longer feeds {column}"),
                    Some(false) => format!("now feeds {column}"),
                }
            }
        };
        sequence.details.push(detail);
    }

    fn large_object(&mut self, change: &Change<'_>) {
        for (side, list) in [change.was(), change.is()].into_iter().enumerate() {
            for oid in list.split(',').filter_map(|oid| oid.parse().ok()) {
                let object = self.large_objects.entry(oid).or_default();
                match change.key.to {
                    None => object.owner[side] = Some(change.key.object[0].to_owned()),
                    Some(privileges) => {
                        let role = change.key.object[0].to_owned();
                        object.grants.entry(role).or_default()[side] = Some(privileges.to_owned());
                    }
                }
            }
        }
    }

    /// Of one that is there on both sides. Others are told where the contents are compared.
    fn tell_large_objects(&mut self) {
        for (oid, object) in std::mem::take(&mut self.large_objects) {
            let subject = format!("large object {oid}");
            match &object.owner {
                [None, None] => {}
                [Some(was), Some(is)] if was == is => {}
                [Some(was), Some(is)] => self.owner(subject.clone(), was, is),
                _ => continue,
            }
            for (role, privileges) in &object.grants {
                let [was, is] = privileges.each_ref().map(|held| held.as_deref().unwrap_or("none"));
                if was != is {
                    let access = Access::privileges(role, was, is);
                    self.access.entry(access).or_default().push(subject.clone());
                }
            }
        }
    }
}

impl Access {
    fn owner(was: &str, is: &str) -> Self {
        Self { detail: format!("owner {was} → {is}"), role: was.to_owned(), lost: true }
    }

    fn privileges(role: &str, was: &str, is: &str) -> Self {
        let mut held = was.split(", ").filter(|privilege| *privilege != "none");
        let still = |privilege| is == "the default" || is.split(", ").any(|has| has == privilege);
        Self {
            detail: format!("privileges of {role} {was} → {is}"),
            role: role.to_owned(),
            lost: held.any(|privilege| !still(privilege)),
        }
    }

    fn tell(self, mut subjects: Vec<String>) -> Vec<Divergence> {
        let class = self.lost.then_some(DamageClass::OwnerLost);
        let told = |subject, detail| Divergence {
            class,
            ..Divergence::new(DivergenceKind::Catalogue, subject, detail)
        };
        if subjects.len() < TOLD_ONCE_FROM {
            return subjects
                .into_iter()
                .map(|subject| told(subject, self.detail.clone()))
                .collect();
        }
        let count = subjects.len();
        subjects.truncate(NAMED);
        let more = if count > NAMED { ", …" } else { "" };
        let detail = format!("{} on {count} objects: {}{more}", self.detail, subjects.join(", "));
        vec![told(format!("role {}", self.role), detail)]
    }
}

/// Why a change that keeps data, structure and privileges is no loss, if it is such a one.
fn lenient(change: &Change<'_>) -> Option<&'static str> {
    if change.key.facet.is_some() || change.missing().is_some() {
        return None;
    }
    match change.key.class {
        "extension" => change.same_without("version: ").then_some(
            "a dump names no version of an extension: the server creates the one it has",
        ),
        // What was built under another order than that of now returns wrong rows.
        "collation-version" => (!change.is().contains("built as: ")).then_some(
            "the system sorts text by other rules, and what sorts by them was built under them",
        ),
        _ => None,
    }
}

/// `1 index`, `3 indexes`; kinds are written as in keys.
fn counted(count: usize, kind: &str) -> String {
    let kind = kind.replace('-', " ");
    let plural = match kind.as_str() {
        _ if count == 1 => kind,
        "index" => "indexes".to_owned(),
        "policy" => "policies".to_owned(),
        _ => format!("{kind}s"),
    };
    format!("{count} {plural}")
}
