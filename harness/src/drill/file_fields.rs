//! Asks Django's models which columns name files, so that none is forgotten in `drill.toml`.

use serde::Deserialize;

use crate::error::{Attempt, Error, Result};
use crate::fingerprint::references;
use crate::model::reference::ReferenceColumn;
use crate::stack::OwnedStack;
use crate::stack::database::{Database, ask};

const SCRIPT: &str = include_str!("file_fields.py");

/// How the script's lines begin, whatever else the application prints.
const MARK: &str = "dr-drill ";

/// A line of the script.
#[derive(Debug, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
enum Line {
    Column(FileField),
    /// The last one, with what was looked at and what was found.
    End {
        models: usize,
        columns: usize,
    },
}

/// A `FileField`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct FileField {
    table: String,
    column: String,
    /// Folder of its files below the media root, if they are there.
    below: Option<String>,
}

/// The columns that the models of `service` say name files, beside those `known` already.
///
/// # Errors
/// Undecided when the models cannot be asked or do not answer in full, or keep files where no
/// backup of the media store finds them.
pub(super) async fn columns(
    stack: &OwnedStack,
    database: &Database,
    service: &str,
    known: &[ReferenceColumn],
) -> Result<Vec<ReferenceColumn>> {
    let asking = ["python", "manage.py", "shell", "--command", SCRIPT];
    let output = stack.exec(service, None, asking).await?.run().await?;
    let unasked = || format!("cannot ask the models of service {service:?}");
    let said = output.require(unasked)?.text();
    let fields = understood(&said).map_err(|cause| {
        Error::undecided(unasked())
            .because(cause)
            .hint("does the application's `manage.py shell --command` run to its end?")
    })?;
    let found = fields.iter().map(|FileField { table, column, .. }| ReferenceColumn {
        table: table.clone(),
        column: column.clone(),
        hash: None,
    });
    let (found, known) = (found.collect::<Vec<_>>(), known.to_vec());
    let connection = database.connection(stack).await?;
    let new = ask(connection, move |client| references::beside(client, found, &known)).await?;
    all_below_the_root(&new, &fields)?;
    Ok(new)
}

/// What the script printed, if it came to its end.
fn understood(said: &str) -> Result<Vec<FileField>> {
    let mut fields = Vec::new();
    let mut end = None;
    for line in said.lines().filter_map(|line| line.strip_prefix(MARK)) {
        let line = serde_json::from_str(line).attempt(|| "cannot understand what they said")?;
        match line {
            _ if end.is_some() => return Err(Error::undecided("they went on after their end")),
            Line::Column(field) => fields.push(field),
            Line::End { models, columns } => end = Some((models, columns)),
        }
    }
    match end {
        None => Err(Error::undecided("their answer has no end")),
        Some((0, _)) => Err(Error::undecided("the application has no models")),
        Some((_, columns)) if columns != fields.len() => {
            let came = fields.len();
            Err(Error::undecided(format!("{came} of {columns} columns came through")))
        }
        Some(_) => Ok(fields),
    }
}

fn all_below_the_root(columns: &[ReferenceColumn], fields: &[FileField]) -> Result<()> {
    let is_of = |field: &FileField| {
        columns.iter().any(|it| it.table == field.table && it.column == field.column)
    };
    let elsewhere = |field: &&FileField| is_of(field) && field.below.as_deref() != Some(".");
    match fields.iter().find(elsewhere) {
        None => Ok(()),
        Some(FileField { table, column, .. }) => {
            Err(Error::undecided(format!("{table}.{column} names files outside of the media root"))
                .hint("a backup of the media store does not hold them, or holds them elsewhere"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMN: &str =
        r#"dr-drill {"line": "column", "table": "public.a", "column": "f", "below": "."}"#;
    const END: &str = r#"dr-drill {"line": "end", "models": 9, "columns": 1}"#;

    fn field(below: Option<&str>) -> FileField {
        let below = below.map(str::to_owned);
        FileField { table: "public.a".to_owned(), column: "f".to_owned(), below }
    }

    #[test]
    fn an_answer_is_read_whatever_stands_around_it() {
        let said = format!("hello\n{{\"level\": \"info\"}}\n{COLUMN}\n{END}\nbye\n");
        assert_eq!(understood(&said).expect("understood"), [field(Some("."))]);
        let none = r#"dr-drill {"line": "end", "models": 9, "columns": 0}"#;
        assert_eq!(understood(none).expect("understood"), []);
    }

    #[test]
    fn an_answer_that_is_not_whole_is_undecided_and_never_none() {
        let empty = r#"dr-drill {"line": "end", "models": 0, "columns": 0}"#;
        for (said, named) in [
            (String::new(), "no end"),
            ("hello\n".to_owned(), "no end"),
            (COLUMN.to_owned(), "no end"),
            (END.to_owned(), "0 of 1 columns"),
            (format!("{END}\n{COLUMN}"), "after their end"),
            (format!("{COLUMN}\n{}", &END[..END.len() - 1]), "cannot understand"),
            (empty.to_owned(), "no models"),
        ] {
            let error = understood(&said).expect_err(&said);
            assert_eq!(error.kind(), crate::ErrorKind::Undecided);
            assert!(error.to_string().contains(named), "{said}: {error}");
        }
    }

    #[test]
    fn files_that_are_kept_elsewhere_are_undecided_unless_their_column_is_configured() {
        let column =
            ReferenceColumn { table: "public.a".to_owned(), column: "f".to_owned(), hash: None };
        for below in [None, Some("private")] {
            let fields = [field(below)];
            let error = all_below_the_root(std::slice::from_ref(&column), &fields);
            let error = error.expect_err("kept elsewhere");
            assert!(error.to_string().contains("public.a.f names files outside"), "{error}");
            all_below_the_root(&[], &fields).expect("known already");
        }
    }
}
