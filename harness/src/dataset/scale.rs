//! How much data a drill has: a name or a number of rows, and the head count that follows.
//! Pure arithmetic; it refuses scales at which the probes would have nothing to look at.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::nearest::nearest;

const NAMED: [(&str, u64); 3] = [("small", 20_000), ("medium", 1_000_000), ("large", 10_000_000)];
/// Below this, no exam is hidden from the teacher who signs in.
const ROWS_MIN: u64 = 5_000;
/// Keeps every key of `auth_user` within its integer column, with room to spare.
const ROWS_MAX: u64 = 1_000_000_000;

/// Rows in the database, with media in proportion: one PDF of about 100 kB a hundred rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scale {
    rows: u64,
}

impl Scale {
    /// 20,000 rows and 200 files of 20 MB in all.
    pub const SMALL: Self = Self { rows: NAMED[0].1 };
    /// A million rows and 10,000 files of 1 GB in all.
    pub const MEDIUM: Self = Self { rows: NAMED[1].1 };
    /// Ten million rows and 100,000 files of 10 GB in all.
    pub const LARGE: Self = Self { rows: NAMED[2].1 };

    /// Rows that are loaded, over all tables. What the migrations put there comes on top.
    #[must_use]
    pub fn rows(self) -> u64 {
        self.rows
    }
}

impl FromStr for Scale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some((_, rows)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(Self { rows: *rows });
        }
        let rows: u64 = text.replace('_', "").parse().map_err(|_| {
            let nearest = nearest(&text.to_lowercase(), NAMED.iter().map(|(name, _)| *name));
            let error = Error::usage(format!("unknown scale {text:?}"));
            match nearest {
                Some(name) => error.hint(format!("did you mean {name:?}?")),
                None => error.hint("use small, medium, large, or a number of rows such as 50000"),
            }
        })?;
        if !(ROWS_MIN..=ROWS_MAX).contains(&rows) {
            return Err(Error::usage(format!("cannot make a dataset of {rows} rows")).hint(
                format!("ask for {ROWS_MIN} to {ROWS_MAX} rows, or for small, medium or large"),
            ));
        }
        Ok(Self { rows })
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(_, rows)| *rows == self.rows) {
            Some((name, _)) => formatter.pad(name),
            None => formatter.pad(&self.rows.to_string()),
        }
    }
}

impl TryFrom<String> for Scale {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Scale> for String {
    fn from(scale: Scale) -> Self {
        scale.to_string()
    }
}

/// How many of each there are at a scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadCount {
    pub(super) copies: u64,
    pub(super) exams: u64,
    pub(super) students: u64,
    pub(super) teachers: u64,
    pub(super) pupils: u64,
    pub(super) audit_entries: u64,
    pub(super) annotations: u64,
}

/// Copies of one exam.
pub(super) const COPIES_PER_EXAM: u64 = 20;
/// Questions of one exam.
pub(super) const QUESTIONS_PER_EXAM: u64 = 16;
/// Examiners of one exam.
pub(super) const EXAMINERS_PER_EXAM: u64 = 2;

impl HeadCount {
    pub(super) fn at(scale: Scale) -> Self {
        // Statuses go by tens of copies, so tens are what every count starts from.
        let copies = scale.rows / 1_000 * 10;
        let mut count = Self {
            copies,
            // The last exam is still to be sat: it has questions, but no copies.
            exams: copies.div_ceil(COPIES_PER_EXAM) + 1,
            students: copies * 2,
            teachers: (copies / COPIES_PER_EXAM).max(3),
            pupils: copies / 2,
            audit_entries: copies * 30,
            annotations: 0,
        };
        let others: u64 = super::rows::TABLES.iter().map(|table| (table.count)(&count)).sum();
        count.annotations = scale.rows - others;
        count
    }

    /// Admin, teachers, pupils: in this order, from user 1 on.
    pub(super) fn users(&self) -> u64 {
        1 + self.teachers + self.pupils
    }

    /// Exams that have been sat.
    pub(super) fn exams_sat(&self) -> u64 {
        self.exams - 1
    }

    /// Copies that somebody graded: eight of ten, see `Status::of`.
    pub(super) fn graded(&self) -> u64 {
        self.copies / 10 * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_parse_and_print_the_same() {
        for text in ["small", "medium", "large", "5000", "123456"] {
            assert_eq!(text.parse::<Scale>().unwrap().to_string(), text);
        }
        assert_eq!("1_000_000".parse::<Scale>().unwrap(), Scale::MEDIUM);
    }

    #[test]
    fn a_misspelt_scale_is_answered_with_the_nearest() {
        let error = "meduim".parse::<Scale>().unwrap_err();
        assert_eq!(error.to_string(), r#"unknown scale "meduim""#);
        assert_eq!(error.next_step(), Some(r#"did you mean "medium"?"#));
    }

    #[test]
    fn a_scale_out_of_range_is_answered_with_the_range() {
        for text in ["0", "4999", "1000000001"] {
            let error = text.parse::<Scale>().unwrap_err();
            assert!(error.next_step().unwrap().contains("5000"), "{text}");
        }
        for text in ["", "-5", "1e6", "99999999999999999999"] {
            let error = text.parse::<Scale>().unwrap_err();
            assert!(error.next_step().unwrap().contains("small"), "{text}");
        }
    }
}
