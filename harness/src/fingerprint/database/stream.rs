//! Rows as they leave the server: one line each, in the text form of `COPY`, which is the
//! same on every major version and machine and shows every value in full.

use std::io::BufRead;

use postgres::Client;

use super::relations::Relation;
use crate::error::{Error, Result};

/// The pages of a table that one worker reads, `first..end`.
pub(super) type Pages = std::ops::Range<u64>;

/// Why a stream ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused, or the connection went.
    Server(postgres::Error),
    /// The stream broke, or whoever consumed it failed.
    Stream(Error),
}

impl From<postgres::Error> for Failure {
    fn from(cause: postgres::Error) -> Self {
        Self::Server(cause)
    }
}

/// Hands every row of a relation to `consume`: the bytes of the line, without its end.
pub(super) fn rows(
    client: &mut Client,
    relation: &Relation,
    pages: Option<&Pages>,
    mut consume: impl FnMut(&[u8]) -> Result<()>,
) -> Result<u64, Failure> {
    let mut reader = client.copy_out(&copy(relation, pages)).map_err(Failure::Server)?;
    let (mut line, mut count) = (Vec::new(), 0);
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(count),
            Ok(_) => {}
            Err(cause) => {
                return Err(match cause.downcast::<postgres::Error>() {
                    Ok(refusal) => Failure::Server(refusal),
                    Err(cause) => Failure::Stream(
                        Error::undecided(format!("the rows of {} stopped", relation.name))
                            .because(cause),
                    ),
                });
            }
        }
        if line.pop() != Some(b'\n') {
            return Err(Failure::Stream(Error::undecided(format!(
                "the last row of {} was cut",
                relation.name
            ))));
        }
        consume(&line).map_err(Failure::Stream)?;
        count += 1;
    }
}

fn copy(relation: &Relation, pages: Option<&Pages>) -> String {
    let columns: Vec<&str> = relation.columns.iter().map(|column| column.sql.as_str()).collect();
    let range = pages.map_or_else(String::new, |pages| {
        format!(
            " WHERE ctid OPERATOR(pg_catalog.>=) '({},0)' AND ctid OPERATOR(pg_catalog.<) '({},0)'",
            pages.start, pages.end
        )
    });
    format!("COPY (SELECT {} FROM {}{range}) TO STDOUT", columns.join(", "), relation.from)
}
