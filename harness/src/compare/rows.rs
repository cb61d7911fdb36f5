//! Two lists of a table's rows, in the order of their keys: which rows are missing, extra or
//! changed, in which columns, and what the changes look like.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::damage::{self, Damage};
use crate::error::{Error, Result};
use crate::model::divergence::{Divergence, RowDifference, Severity, ValueChange};
use crate::model::row_list::{Entry, SampleRow};
use crate::printable::printable;

/// The most rows that are named in a divergence.
const NAMED_ROWS: usize = 10;

/// The most values that are shown in a divergence.
const SHOWN_VALUES: usize = 10;

/// One side's list.
pub struct Listing<'a, I> {
    /// Names of the columns, in the order of the hashes and values.
    pub columns: &'a [String],
    /// Whether rows are known by a primary key.
    pub keyed: bool,
    /// The rows, sorted by key.
    pub rows: I,
    /// Some of them in full.
    pub sample: &'a [SampleRow],
}

/// What two lists say about each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows of the baseline.
    pub rows_before: u64,
    /// How many differ, and some of them.
    pub rows: RowDifference,
    /// Columns that differ, in the baseline's order, with what is recognised in each.
    pub(super) columns: Vec<(String, Option<Damage>)>,
    /// Whether rows are known by a primary key on both sides.
    pub keyed: bool,
}

impl Difference {
    /// Puts what was found into the divergence of the table.
    pub fn tell(self, divergence: &mut Divergence) {
        let said = self.counts();
        if said.is_empty() {
            return;
        }
        // What is noted of a table stands; its rows explain it.
        divergence.detail = match divergence.severity {
            Severity::Fatal => said.join(", "),
            Severity::Warned | Severity::Note => {
                format!("{}: {}", divergence.detail, said.join(", "))
            }
        };
        if !self.columns.is_empty() {
            divergence.detail.push_str(&printable(&self.named_columns()));
        }
        divergence.class = self.columns.iter().find_map(|(_, damage)| Some(damage.as_ref()?.class));
        divergence.columns = self.columns.into_iter().map(|(name, _)| name).collect();
        divergence.rows = Some(self.rows);
    }

    fn counts(&self) -> Vec<String> {
        let RowDifference { missing, extra, changed, .. } = self.rows;
        let total = self.rows_before;
        let mut said = Vec::new();
        if missing > 0 {
            said.push(format!("{missing} of {total} rows missing"));
        }
        if extra > 0 {
            said.push(format!("{extra} extra"));
        }
        if changed > 0 {
            said.push(format!("{changed} of {total} rows changed"));
        }
        if missing + extra > 0 && !self.keyed {
            said.push("known by content only, for want of a primary key".to_owned());
        }
        said
    }

    /// `; columns created_at, updated_at (microseconds lost), note`.
    fn named_columns(&self) -> String {
        let groups = self.columns.chunk_by(|(_, one), (_, other)| one == other).map(|group| {
            let names: Vec<&str> = group.iter().map(|(name, _)| name.as_str()).collect();
            let damage = group.first().and_then(|(_, damage)| damage.as_ref());
            damage.map_or_else(
                || names.join(", "),
                |damage| format!("{} ({})", names.join(", "), damage.what),
            )
        });
        let noun = if self.columns.len() == 1 { "column" } else { "columns" };
        format!("; {noun} {}", groups.collect::<Vec<_>>().join(", "))
    }
}

/// Compares two lists. Values are shown as they are only with `show_values`.
///
/// # Errors
/// Undecided when a list cannot be read to its end, or is not sorted.
pub fn compare<B, A>(
    before: Listing<'_, B>,
    after: Listing<'_, A>,
    show_values: bool,
) -> Result<Difference>
where
    B: Iterator<Item = Result<Entry>>,
    A: Iterator<Item = Result<Entry>>,
{
    let shared = Shared::of(before.columns, after.columns);
    let keyed = before.keyed && after.keyed;
    let mut tally = Tally::new(&shared, keyed);
    let mut left = Sorted::new(before.rows)?;
    let mut right = Sorted::new(after.rows)?;
    loop {
        let order = match (&left.head, &right.head) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(gone), Some(new)) => gone.key.cmp(&new.key),
        };
        let gone = if order.is_le() { left.take()? } else { None };
        let new = if order.is_ge() { right.take()? } else { None };
        match (gone, new) {
            (Some(gone), Some(new)) => tally.both(&gone, &new),
            (Some(gone), None) => tally.missing(&gone),
            (None, Some(new)) => tally.extra(&new),
            (None, None) => break,
        }
    }
    let counts = [left.count, right.count];
    let changes = if tally.is_one_row_changed(counts) {
        let rows = before.sample.first().zip(after.sample.first());
        rows.map(|(old, new)| between(&shared, old, new)).unwrap_or_default()
    } else {
        changes(&shared, before.sample, after.sample)
    };
    Ok(tally.finish(left.count, changes, show_values))
}

/// The columns that both sides have, with their place on each.
struct Shared {
    columns: Vec<(String, usize, usize)>,
}

impl Shared {
    fn of(before: &[String], after: &[String]) -> Self {
        let columns = before.iter().enumerate().filter_map(|(left, name)| {
            let right = after.iter().position(|other| other == name)?;
            Some((name.clone(), left, right))
        });
        Self { columns: columns.collect() }
    }
}

/// A list whose order is checked while it is read.
struct Sorted<I> {
    rows: I,
    head: Option<Entry>,
    count: u64,
}

impl<I: Iterator<Item = Result<Entry>>> Sorted<I> {
    fn new(mut rows: I) -> Result<Self> {
        let head = rows.next().transpose()?;
        Ok(Self { rows, head, count: 0 })
    }

    /// The least row that is left.
    fn take(&mut self) -> Result<Option<Entry>> {
        let next = self.rows.next().transpose()?;
        if next.as_ref().map(|next| &next.key) < self.head.as_ref().map(|head| &head.key)
            && next.is_some()
        {
            return Err(Error::undecided("a list of rows is not sorted by key"));
        }
        self.count += u64::from(self.head.is_some());
        Ok(std::mem::replace(&mut self.head, next))
    }
}

/// Counts while two lists are merged.
struct Tally<'a> {
    shared: &'a Shared,
    keyed: bool,
    rows: RowDifference,
    /// How often each shared column differs, by its place among them. Without keys, the
    /// difference of the sums of its hashes.
    differs: Vec<u64>,
}

impl<'a> Tally<'a> {
    fn new(shared: &'a Shared, keyed: bool) -> Self {
        let differs = vec![0; shared.columns.len()];
        Self { shared, keyed, rows: RowDifference::default(), differs }
    }

    fn both(&mut self, before: &Entry, after: &Entry) {
        let mut changed = false;
        for (differs, (_, left, right)) in self.differs.iter_mut().zip(&self.shared.columns) {
            if before.columns[*left] != after.columns[*right] {
                *differs += 1;
                changed = true;
            }
        }
        if changed {
            self.rows.changed += 1;
            self.name("changed", before);
        }
    }

    fn missing(&mut self, row: &Entry) {
        self.rows.missing += 1;
        self.name("missing", row);
        if !self.keyed {
            for (differs, (_, left, _)) in self.differs.iter_mut().zip(&self.shared.columns) {
                *differs = differs.wrapping_sub(u64::from(row.columns[*left]));
            }
        }
    }

    fn extra(&mut self, row: &Entry) {
        self.rows.extra += 1;
        self.name("extra", row);
        if !self.keyed {
            for (differs, (_, _, right)) in self.differs.iter_mut().zip(&self.shared.columns) {
                *differs = differs.wrapping_add(u64::from(row.columns[*right]));
            }
        }
    }

    /// One row on each side, and another: it needs no key to be known. Counts it as changed.
    fn is_one_row_changed(&mut self, counts: [u64; 2]) -> bool {
        let is_one = !self.keyed && counts == [1, 1] && self.rows.missing == 1;
        if is_one {
            self.rows = RowDifference { changed: 1, ..RowDifference::default() };
        }
        is_one
    }

    fn name(&mut self, what: &str, row: &Entry) {
        if self.keyed && self.rows.samples.len() < NAMED_ROWS {
            let key = String::from_utf8_lossy(&row.key);
            self.rows.samples.push(format!("{what} {}", printable(&key)));
        }
    }

    fn finish(mut self, rows_before: u64, changes: Vec<Change>, show_values: bool) -> Difference {
        let damages = recognised(&changes);
        // Without keys, other counts alone change every column's sum.
        let speaks = self.keyed || self.rows.missing == self.rows.extra;
        let columns = self
            .shared
            .columns
            .iter()
            .zip(&self.differs)
            .filter(|(_, differs)| speaks && **differs != 0);
        let columns = columns
            .map(|((name, ..), _)| (name.clone(), damages.get(name.as_str()).cloned()))
            .collect();
        self.rows.values = changes
            .into_iter()
            .take(SHOWN_VALUES)
            .map(|change| change.shown(show_values))
            .collect();
        Difference { rows_before, rows: self.rows, columns, keyed: self.keyed }
    }
}

/// One value that changed, of a row that both samples hold.
struct Change {
    key: String,
    column: String,
    before: Option<String>,
    after: Option<String>,
}

impl Change {
    fn shown(self, show_values: bool) -> ValueChange {
        let show = |value: Option<String>| match value {
            None => "null".to_owned(),
            Some(value) if show_values => printable(&value).into_owned(),
            Some(value) => printable(&damage::shape(&value)).into_owned(),
        };
        ValueChange {
            key: printable(&self.key).into_owned(),
            column: printable(&self.column).into_owned(),
            before: show(self.before),
            after: show(self.after),
        }
    }
}

fn changes(shared: &Shared, before: &[SampleRow], after: &[SampleRow]) -> Vec<Change> {
    let after: BTreeMap<&str, &SampleRow> =
        after.iter().map(|row| (row.key.as_str(), row)).collect();
    let mut changes = Vec::new();
    for old in before {
        if let Some(new) = after.get(old.key.as_str()) {
            changes.extend(between(shared, old, new));
        }
    }
    changes
}

/// What differs between a row and what became of it.
fn between(shared: &Shared, old: &SampleRow, new: &SampleRow) -> Vec<Change> {
    let changed = shared.columns.iter().filter_map(|(column, left, right)| {
        let (was, is) = (old.values.get(*left), new.values.get(*right));
        (was != is).then(|| Change {
            key: old.key.clone(),
            column: column.clone(),
            before: was.cloned().flatten(),
            after: is.cloned().flatten(),
        })
    });
    changed.collect()
}

/// What is recognised in each column, if most of the changes seen agree on it.
fn recognised(changes: &[Change]) -> BTreeMap<&str, Damage> {
    let mut seen: BTreeMap<&str, Vec<Option<Damage>>> = BTreeMap::new();
    for change in changes {
        let damage = match (&change.before, &change.after) {
            (Some(before), Some(after)) => damage::recognise(before, after),
            _ => None,
        };
        seen.entry(&change.column).or_default().push(damage);
    }
    let most = |damages: Vec<Option<Damage>>| {
        let agreeing =
            |one: &&Damage| damages.iter().flatten().filter(|other| other == one).count();
        let candidate = damages.iter().flatten().max_by_key(agreeing)?;
        (agreeing(&candidate) * 2 > damages.len()).then(|| candidate.clone())
    };
    seen.into_iter().filter_map(|(column, damages)| Some((column, most(damages)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: &[(&str, &[u32])]) -> Vec<Result<Entry>> {
        rows.iter()
            .map(|(key, columns)| {
                Ok(Entry { key: key.as_bytes().to_vec(), columns: columns.to_vec() })
            })
            .collect()
    }

    fn compared(
        before: (&[&str], &[(&str, &[u32])]),
        after: (&[&str], &[(&str, &[u32])]),
        keyed: bool,
    ) -> Result<Difference> {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let (left, right) = (names(before.0), names(after.0));
        let listing = |columns| move |rows| Listing { columns, keyed, rows, sample: &[] };
        compare(
            listing(&left)(list(before.1).into_iter()),
            listing(&right)(list(after.1).into_iter()),
            false,
        )
    }

    fn named(difference: &Difference) -> Vec<&str> {
        difference.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    const COLUMNS: &[&str] = &["id", "note"];

    #[test]
    fn rows_are_missing_extra_or_changed_by_key_and_column() {
        let found = compared(
            (COLUMNS, &[("1", &[1, 5]), ("2", &[2, 6]), ("4", &[4, 7])]),
            (COLUMNS, &[("2", &[2, 9]), ("3", &[3, 8]), ("4", &[4, 7])]),
            true,
        )
        .unwrap();
        assert_eq!(found.rows.samples, ["missing 1", "changed 2", "extra 3"]);
        assert_eq!((found.rows.missing, found.rows.extra, found.rows.changed), (1, 1, 1));
        assert_eq!((found.rows_before, named(&found)), (3, vec!["note"]));
    }

    #[test]
    fn equal_lists_have_nothing_to_say() {
        let rows: &[(&str, &[u32])] = &[("1", &[1, 5]), ("2", &[2, 6])];
        let found = compared((COLUMNS, rows), (COLUMNS, rows), true).unwrap();
        assert_eq!(found.rows, RowDifference::default());
        assert!(found.columns.is_empty());
    }

    #[test]
    fn columns_are_matched_by_name() {
        let found = compared(
            (&["id", "note", "gone"], &[("1", &[1, 5, 7])]),
            (&["note", "id"], &[("1", &[5, 1])]),
            true,
        )
        .unwrap();
        assert_eq!((found.rows.changed, named(&found)), (0, vec![]));
    }

    #[test]
    fn without_keys_duplicates_count_and_columns_are_told_from_their_sums() {
        let found = compared(
            (COLUMNS, &[("aa", &[1, 5]), ("aa", &[1, 5]), ("bb", &[2, 6])]),
            (COLUMNS, &[("aa", &[1, 5]), ("bb", &[2, 6]), ("cc", &[1, 9])]),
            false,
        )
        .unwrap();
        assert_eq!((found.rows.missing, found.rows.extra), (1, 1));
        assert_eq!(named(&found), ["note"]);
        assert!(found.rows.samples.is_empty());
    }

    #[test]
    fn a_list_out_of_order_is_undecided() {
        let rows: &[(&str, &[u32])] = &[("2", &[2, 6]), ("1", &[1, 5])];
        assert!(compared((COLUMNS, rows), (COLUMNS, rows), true).is_err());
    }

    #[test]
    fn a_class_holds_only_if_most_changes_agree() {
        let change = |before: &str, after: &str| Change {
            key: "1".to_owned(),
            column: "at".to_owned(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        let cut = || change("2026-01-01 10:00:00.123456", "2026-01-01 10:00:00.123");
        assert!(recognised(&[cut(), change("a", "b"), cut()]).contains_key("at"));
        assert!(recognised(&[cut(), change("a", "b")]).is_empty());
    }
}
