//! What the client of MariaDB prints, as values, and names and texts as its SQL has them.

use crate::error::{Error, Result};

/// What a server answered to statements, one a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Rows of all of them.
    pub(super) rows: Vec<Vec<String>>,
    /// Statements that were refused: the line, from 1, and why.
    pub(super) refused: Vec<(usize, String)>,
}

impl Answer {
    /// Reads what the client wrote with `--batch`: tabs between columns, and escapes.
    pub(super) fn read(stdout: &[u8], stderr: &str) -> Self {
        let text = String::from_utf8_lossy(stdout);
        let rows = text.lines().map(|line| line.split('\t').map(unescaped).collect());
        let refused = stderr.lines().filter_map(|line| {
            let (head, why) = line.strip_prefix("ERROR ")?.split_once(": ")?;
            let line = head.rsplit_once(" at line ").map_or(head, |(_, line)| line);
            Some((line.parse().unwrap_or_default(), why.to_owned()))
        });
        Self { rows: rows.collect(), refused: refused.collect() }
    }

    /// This answer, if no statement was refused.
    pub(super) fn require(self, what: &str) -> Result<Self> {
        match self.refused.first() {
            None => Ok(self),
            Some((_, why)) => Err(Error::undecided(what).because(why.as_str())),
        }
    }

    /// Why the statement of a line was refused.
    pub(super) fn refusal(&self, line: usize) -> Option<&str> {
        self.refused.iter().find(|(of, _)| *of == line).map(|(_, why)| why.as_str())
    }
}

fn unescaped(column: &str) -> String {
    let mut text = String::with_capacity(column.len());
    let mut chars = column.chars();
    while let Some(next) = chars.next() {
        text.push(match next {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

/// A name as SQL has it.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL has it.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The names as a list for `IN`.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let all = names.into_iter().map(|it| text(it)).collect::<Vec<_>>();
    if all.is_empty() { "NULL".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_refusals_are_read_with_their_lines() {
        let stderr = "--------------\nSELECT x\n--------------\n\n\
                      ERROR 1146 (42S02) at line 2: Table 'a.x' doesn't exist\n";
        let answer = Answer::read(b"a\\tb\tNULL\n1\t\n", stderr);
        assert_eq!(answer.rows, [["a\tb", "NULL"], ["1", ""]]);
        assert_eq!(answer.refusal(2), Some("Table 'a.x' doesn't exist"));
        assert_eq!(answer.refusal(1), None);
        assert!(answer.require("asked").is_err());
    }

    #[test]
    fn names_and_texts_stay_within_their_quotes() {
        assert_eq!(name("a`; DROP"), "`a``; DROP`");
        assert_eq!(text("it's \\"), "'it''s \\\\'");
    }
}
