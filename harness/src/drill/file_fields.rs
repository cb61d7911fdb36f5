//! Asks Django's models which columns name files, so that none is forgotten in `drill.toml`.

use serde::Deserialize;

use crate::error::{Attempt, Error, Result};
use crate::fingerprint::references::ReferenceColumn;
use crate::stack::OwnedStack;

const SCRIPT: &str = include_str!("file_fields.py");

/// A `FileField`, as the script prints it.
#[derive(Debug, Deserialize)]
struct FileField {
    table: String,
    column: String,
    /// Folder of its files below the media root, if they are there.
    below: Option<String>,
}

/// The columns that the models of `service` say name files, beside those `known` already.
///
/// # Errors
/// Undecided when the models cannot be asked, or keep files where no backup of the media store
/// finds them.
pub(super) async fn columns(
    stack: &OwnedStack,
    service: &str,
    known: &[ReferenceColumn],
) -> Result<Vec<ReferenceColumn>> {
    let asking = ["python", "manage.py", "shell", "--command", SCRIPT];
    let output = stack.exec(service, None, asking).await?.run().await?;
    let output = output.require(|| format!("cannot ask the models of service {service:?}"))?;
    new_ones(&output.text(), known)
}

fn new_ones(lines: &str, known: &[ReferenceColumn]) -> Result<Vec<ReferenceColumn>> {
    let mut columns = Vec::new();
    for line in lines.lines().filter(|line| line.starts_with('{')) {
        let field: FileField =
            serde_json::from_str(line).attempt(|| "cannot understand what the models said")?;
        if known.iter().any(|column| is_same(column, &field)) {
            continue;
        }
        let FileField { table, column, below } = field;
        if below.as_deref() != Some(".") {
            return Err(Error::undecided(format!(
                "{table}.{column} names files outside of the media root"
            ))
            .hint("a backup of the media store does not hold them, or holds them elsewhere"));
        }
        columns.push(ReferenceColumn { table, column, hash: None });
    }
    Ok(columns)
}

/// Whether a configured column is a field's, its schema left aside: Django knows none.
fn is_same(column: &ReferenceColumn, field: &FileField) -> bool {
    let table = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_owned();
    column.column == field.column && table(&column.table) == table(&field.table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(table: &str, column: &str) -> ReferenceColumn {
        ReferenceColumn { table: table.to_owned(), column: column.to_owned(), hash: None }
    }

    #[test]
    fn what_is_configured_is_not_listed_twice() {
        let said = "hello\n{\"table\": \"\\\"a\\\"\", \"column\": \"file\", \"below\": \".\"}\n\
                    {\"table\": \"\\\"b\\\"\", \"column\": \"file\", \"below\": \".\"}\n";
        let found = new_ones(said, &[known("public.a", "file")]).expect("understood");
        assert_eq!(found, [known("\"b\"", "file")]);
    }

    #[test]
    fn files_that_are_kept_elsewhere_are_undecided() {
        for below in ["null", "\"private\""] {
            let said = format!("{{\"table\": \"a\", \"column\": \"f\", \"below\": {below}}}");
            let error = new_ones(&said, &[]).expect_err("kept elsewhere");
            assert!(error.to_string().contains("a.f names files outside"), "{error}");
        }
    }
}
