//! Every table that a dataset fills: its columns, how many rows it has, and the row at an
//! index. Parents come before children. Generated columns are the server's to fill.

pub(super) mod binary;

mod audit;
mod copies;
mod exams;
mod people;

use binary::Rows;

use super::scale::HeadCount;
use super::school::School;

/// One table, described in one place.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// In the order in which `row` writes them.
    pub(super) columns: &'static [&'static str],
    pub(super) count: fn(&HeadCount) -> u64,
    pub(super) row: fn(&Source<'_>, u64, &mut Rows),
    /// Whether a sequence feeds the column `id`.
    pub(super) sequence: bool,
}

/// What rows are made from.
pub(super) struct Source<'a> {
    pub(super) school: &'a School,
    pub(super) migrated: &'a Migrated,
    /// Stored passwords of those who can sign in, by index of user.
    pub(super) passwords: &'a [(u64, String)],
}

/// Keys of rows that migrations create, which a dataset refers to.
pub(super) struct Migrated {
    pub(super) admin_group: i32,
    pub(super) teacher_group: i32,
    pub(super) student_group: i32,
    pub(super) view_exam_permission: i32,
    pub(super) copy_content_type: i32,
}

/// Parents first.
pub(super) const TABLES: [&Table; 15] = [
    &people::USER,
    &people::USER_GROUP,
    &people::USER_PERMISSION,
    &people::STUDENT,
    &people::PROFILE,
    &people::SESSION,
    &exams::EXAM,
    &exams::EXAMINER,
    &exams::QUESTION,
    &exams::ARCHIVE,
    &copies::COPY,
    &copies::SCORE,
    &copies::ANNOTATION,
    &audit::ENTRY,
    &audit::ADMIN_LOG,
];

impl Table {
    /// Appends one row, its number of fields first.
    pub(super) fn write_row(&self, source: &Source<'_>, index: u64, rows: &mut Rows) {
        rows.row(u16::try_from(self.columns.len()).expect("a table has few columns"));
        (self.row)(source, index, rows);
    }

    /// `COPY … FROM STDIN` for the columns that are sent.
    pub(super) fn copy_statement(&self) -> String {
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.name, self.columns.join(", "))
    }
}

/// What an exam's archive keeps as a large object.
pub(super) use exams::{archived_subject, large_object_id};
