//! What can be proved of a restored database without its source: each judge reads it as somebody
//! who may read everything and change nothing, and gives back what it saw and what is wrong.

pub(super) mod columns;
pub(super) mod constraints;
pub(super) mod expectations;
pub(super) mod freshness;
pub(super) mod history;
pub(super) mod indexes;
pub(super) mod places;
pub(super) mod rows;
pub(super) mod sequences;

use postgres::{Client, NoTls};

use crate::error::{Attempt, Result};
use crate::model::check::Outcome;

/// What a judge saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// How much there was to judge.
    pub(super) judged: u64,
    /// What is wrong, a line each.
    pub(super) wrong: Vec<String>,
    /// What could not be judged, and why.
    pub(super) open: Vec<String>,
    /// What somebody should look at.
    pub(super) warned: Vec<String>,
}

impl Seen {
    /// The same and what another saw.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.judged += other.judged;
        self.wrong.extend(other.wrong);
        self.open.extend(other.open);
        self.warned.extend(other.warned);
        self
    }

    /// What it comes to, and its words. `what` is what was judged: `3 sequences`.
    pub(super) fn outcome(&self, what: &str) -> (Outcome, String) {
        use crate::drill::first_of;
        if !self.wrong.is_empty() {
            (Outcome::Failed, first_of(&self.wrong))
        } else if !self.open.is_empty() {
            (Outcome::Undecided, first_of(&self.open))
        } else if !self.warned.is_empty() {
            (Outcome::Warned, first_of(&self.warned))
        } else {
            (Outcome::Passed, format!("{} {what}", self.judged))
        }
    }
}

/// Signs in to read: names are qualified, and nobody's functions take the place of the server's.
fn connect(connection: &postgres::Config) -> Result<Client> {
    let mut client = connection.connect(NoTls).attempt(|| "cannot sign in to what was restored")?;
    let settings = "SET search_path = ''; SET row_security = off; SET statement_timeout = '1h'; \
                    SET extra_float_digits = 3; SET TimeZone = 'UTC'";
    client.batch_execute(settings).attempt(|| "cannot set a session up")?;
    Ok(client)
}

/// What the server says of a statement that it refused; a connection that is lost is an error.
fn refusal(cause: postgres::Error) -> Result<String> {
    match cause.as_db_error() {
        Some(refused) => Ok(refused.message().to_owned()),
        None => Err(cause).attempt(|| "lost the restored server"),
    }
}
