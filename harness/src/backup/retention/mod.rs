//! Which artefacts may go: a policy of days, of a count, of grandfather, father and son. Pure.
//!
//! Whatever the policy says, the newest artefact that verifies stays, and so does all that one
//! which stays cannot be restored without. Where none verifies, everything stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::error::Error;

/// What is to be kept. An artefact stays if any of these keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// All of the last so many days.
    pub days: u32,
    /// The newest so many.
    pub last: usize,
    /// The newest of each of the last so many days, weeks, months and years that have one.
    pub daily: usize,
    /// Weeks, as ISO 8601 counts them.
    pub weekly: usize,
    /// Months.
    pub monthly: usize,
    /// Years.
    pub yearly: usize,
}

/// An artefact, as far as a policy looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name, unlike any other.
    pub name: String,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// Whether it is whole: read back, all of it.
    pub verified: bool,
    /// Names of those it cannot be restored without: a base of increments, a chain of WAL.
    pub needs: BTreeSet<String>,
}

/// Why an artefact stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is of the last days.
    Days,
    /// It is one of the newest.
    Last,
    /// It is the newest of its day.
    Daily,
    /// It is the newest of its week.
    Weekly,
    /// It is the newest of its month.
    Monthly,
    /// It is the newest of its year.
    Yearly,
    /// It is the newest that verifies.
    NewestVerified,
    /// It is newer than all that verify: it may be complete yet.
    NewerThanVerified,
    /// Nothing verifies.
    NothingVerifies,
    /// Another one that stays needs it.
    Needed,
}

impl Reason {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Days => "of the last days",
            Self::Last => "one of the newest",
            Self::Daily => "newest of its day",
            Self::Weekly => "newest of its week",
            Self::Monthly => "newest of its month",
            Self::Yearly => "newest of its year",
            Self::NewestVerified => "newest that verifies",
            Self::NewerThanVerified => "newer than any that verifies",
            Self::NothingVerifies => "nothing verifies",
            Self::Needed => "another one needs it",
        }
    }
}

impl Policy {
    /// Why each of these stays; those that are not there may go.
    #[must_use]
    pub fn kept(&self, candidates: &[Candidate], now: Timestamp) -> BTreeMap<String, Reason> {
        let mut kept = BTreeMap::new();
        // Newest first; of two taken at once, the order of names decides.
        let mut ordered = candidates.iter().collect::<Vec<_>>();
        ordered.sort_by(|one, other| (other.taken_at, &other.name).cmp(&(one.taken_at, &one.name)));
        let mut keep = |candidate: &Candidate, reason| {
            kept.entry(candidate.name.clone()).or_insert(reason);
        };
        let verified = ordered.iter().filter(|it| it.verified).copied().collect::<Vec<_>>();
        let Some(newest) = verified.first() else {
            return ordered.iter().map(|it| (it.name.clone(), Reason::NothingVerifies)).collect();
        };
        keep(newest, Reason::NewestVerified);
        for candidate in &ordered {
            if !candidate.verified && candidate.taken_at >= newest.taken_at {
                keep(candidate, Reason::NewerThanVerified);
            }
            let age = now.duration_since(candidate.taken_at);
            if self.days > 0 && age < SignedDuration::from_hours(24 * i64::from(self.days)) {
                keep(candidate, Reason::Days);
            }
        }
        // Only what verifies has a place: a damaged one must not push out a good one.
        verified.iter().take(self.last).for_each(|it| keep(it, Reason::Last));
        let periods: [(usize, Reason, PeriodOf); 4] = [
            (self.daily, Reason::Daily, day),
            (self.weekly, Reason::Weekly, week),
            (self.monthly, Reason::Monthly, month),
            (self.yearly, Reason::Yearly, year),
        ];
        for (count, reason, period) in periods {
            let mut seen = BTreeSet::new();
            for candidate in &verified {
                let period = period(candidate.taken_at);
                if seen.len() < count && seen.insert(period) {
                    keep(candidate, reason);
                }
            }
        }
        with_needed(kept, candidates)
    }
}

/// Adds all that those which stay need, and what these need in turn.
pub(super) fn with_needed(
    mut kept: BTreeMap<String, Reason>,
    candidates: &[Candidate],
) -> BTreeMap<String, Reason> {
    let by_name = candidates.iter().map(|it| (it.name.as_str(), it)).collect::<BTreeMap<_, _>>();
    let mut todo = kept.keys().cloned().collect::<Vec<_>>();
    while let Some(name) = todo.pop() {
        let needs = by_name.get(name.as_str()).map(|it| it.needs.iter());
        for needed in needs.into_iter().flatten() {
            if by_name.contains_key(needed.as_str()) && !kept.contains_key(needed) {
                kept.insert(needed.clone(), Reason::Needed);
                todo.push(needed.clone());
            }
        }
    }
    kept
}

/// A year, and a number within it.
type Period = (i16, i16);

/// The period of an instant.
type PeriodOf = fn(Timestamp) -> Period;

fn day(at: Timestamp) -> Period {
    let date = at.to_zoned(TimeZone::UTC).date();
    (date.year(), date.day_of_year())
}

fn week(at: Timestamp) -> Period {
    let week = at.to_zoned(TimeZone::UTC).date().iso_week_date();
    (week.year(), week.week().into())
}

fn month(at: Timestamp) -> Period {
    let date = at.to_zoned(TimeZone::UTC).date();
    (date.year(), date.month().into())
}

fn year(at: Timestamp) -> Period {
    (at.to_zoned(TimeZone::UTC).date().year(), 0)
}

/// `days=30,last=3,daily=7,weekly=4,monthly=12,yearly=1`, any of them.
impl FromStr for Policy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: String| {
            Error::usage(format!("cannot read the policy {text:?}: {what}"))
                .hint("such as days=30,last=3,daily=7,weekly=4,monthly=12,yearly=1; one that keeps nothing is refused")
        };
        let mut policy = Self::default();
        for field in text.split(',') {
            let (key, value) =
                field.split_once('=').ok_or_else(|| wrong(format!("{field:?} has no \"=\"")))?;
            let number = value.trim().parse::<u16>();
            let number = number.map_err(|_| wrong(format!("{value:?} is no number")))?;
            let place = match key.trim() {
                "days" => {
                    policy.days = number.into();
                    continue;
                }
                "last" => &mut policy.last,
                "daily" => &mut policy.daily,
                "weekly" => &mut policy.weekly,
                "monthly" => &mut policy.monthly,
                "yearly" => &mut policy.yearly,
                other => return Err(wrong(format!("{other:?} is unknown"))),
            };
            *place = number.into();
        }
        if policy == Self::default() {
            Err(wrong("it keeps nothing".to_owned()))
        } else {
            Ok(policy)
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, last, daily, weekly, monthly, yearly } = self;
        write!(
            formatter,
            "days={days},last={last},daily={daily},weekly={weekly},monthly={monthly},yearly={yearly}"
        )
    }
}

#[cfg(test)]
mod tests;
