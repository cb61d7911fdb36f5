//! Cuts a script of SQL into statements and comments, without taking for a statement what stands
//! in a string, a comment or a function's body.
//!
//! Sources: PostgreSQL, "Lexical Structure", and how psql finds the end of a statement
//! (`psqlscan.l`: parentheses, and `BEGIN … END` of a function); `MariaDB`, "Comment Syntax" and
//! "Delimiters in the mariadb Client". Of each statement a bounded beginning is kept.

mod cutter;
mod within;

#[cfg(test)]
mod tests;

pub use self::cutter::Cutter;

/// Whose rules a script follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// That of PostgreSQL, and what psql does with it.
    Postgres,
    /// That of `MariaDB` and `MySQL`, and what their client does with it.
    MariaDb,
}

/// A part of a script.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A comment of one line, without its dashes, between two statements.
    Comment(Vec<u8>),
    /// A command to psql, without its backslash.
    Meta(Vec<u8>),
    /// A statement.
    Statement(Statement),
    /// What the script ends with, and does not end itself.
    Cut(Vec<u8>),
}

/// A statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Its beginning, without comments and without its delimiter.
    pub text: Vec<u8>,
    /// Rows that its `VALUES` has.
    pub rows: u64,
}
