//! The user's own invariants: read of the source and of what was restored, each under its
//! snapshot, and judged. Values never leave the server, nor do offending rows: their count does.

use std::collections::BTreeMap;

use postgres::{Config, Transaction};

use super::judgements::Judged;
use super::observe;
use crate::config::{Holds, Invariant};
use crate::error::{Attempt, Result};
use crate::model::check::Outcome;
use crate::model::invariant::Reading;
use crate::stack::database::ask;

/// Bounds one invariant's SQL.
const TIMEOUT: &str = "set local statement_timeout = '300s'";

/// Reads every invariant under a snapshot; by id.
pub(super) async fn read(
    connection: Config,
    snapshot: &str,
    invariants: &[Invariant],
) -> Result<BTreeMap<String, Reading>> {
    let (snapshot, invariants) = (snapshot.to_owned(), invariants.to_vec());
    ask(connection, move |client| {
        let mut transaction = observe::under(client, &snapshot)?;
        transaction.batch_execute(TIMEOUT).attempt(|| "cannot bound the invariants")?;
        let mut read = |it: Invariant| Ok((it.id, read_one(&mut transaction, &it.sql)?));
        invariants.into_iter().map(&mut read).collect()
    })
    .await
}

/// A statement that fails must not end the transaction for the others.
fn read_one(transaction: &mut Transaction<'_>, sql: &str) -> Result<Reading> {
    let sql = sql.trim().trim_end_matches(';');
    let digest = format!(
        "select count(*), coalesce(md5(string_agg(line, E'\\n' order by line collate \"C\")), '') \
         from (select whole::text as line from ({sql}) whole) lines"
    );
    let mut savepoint = transaction.transaction().attempt(|| "cannot set a savepoint")?;
    match savepoint.query_one(&digest, &[]) {
        Ok(row) => Ok(Reading::Rows { count: row.get(0), digest: row.get(1) }),
        Err(cause) => {
            let Some(refusal) = cause.as_db_error() else {
                return Err(cause).attempt(|| "cannot read the invariants");
            };
            savepoint.rollback().attempt(|| "cannot return to the savepoint")?;
            Ok(Reading::Broken(refusal.message().to_owned()))
        }
    }
}

/// Judges every invariant by what was read before the backup and after the restore. Pure.
pub(super) fn judge_all(
    invariants: &[Invariant],
    before: &BTreeMap<String, Reading>,
    after: &BTreeMap<String, Reading>,
) -> Vec<Judged> {
    let unread = Reading::Broken("it was not read".to_owned());
    let of = |side: &BTreeMap<String, Reading>, id: &str| side.get(id).unwrap_or(&unread).clone();
    let judged = invariants.iter().map(|it| judge(it, &of(before, &it.id), &of(after, &it.id)));
    judged.collect()
}

/// Judges one invariant by what it gave before the backup and after the restore. Pure.
fn judge(invariant: &Invariant, before: &Reading, after: &Reading) -> Judged {
    use Reading::{Broken, Rows};
    let (outcome, detail) = match (invariant.holds, before, after) {
        (_, Broken(why), _) => {
            (Outcome::Undecided, format!("it could not be evaluated on the source: {why}"))
        }
        (Holds::NoRows, Rows { count: 1.., .. }, _) => {
            (Outcome::Undecided, format!("it does not hold on the source: {}", rows(before)))
        }
        (_, _, Broken(why)) => (Outcome::Failed, format!("it can no longer be evaluated: {why}")),
        (Holds::NoRows, _, Rows { count: 1.., .. }) => {
            (Outcome::Failed, format!("it no longer holds: {}", rows(after)))
        }
        (Holds::NoRows, ..) => (Outcome::Passed, "no row, before and after".to_owned()),
        (Holds::Same, ..) if before == after => {
            (Outcome::Passed, format!("the same {}, before and after", rows(after)))
        }
        (Holds::Same, ..) => {
            let what = format!("{} before, {} after", rows(before), rows(after));
            (Outcome::Failed, format!("the result is another: {what}"))
        }
    };
    Judged { id: invariant.check_id().into(), outcome, detail }
}

/// The judgement of all of them when what was restored could not be read.
pub(super) fn undecided(invariants: &[Invariant], why: &str) -> Vec<Judged> {
    let undecided = |invariant: &Invariant| Judged {
        id: invariant.check_id().into(),
        outcome: Outcome::Undecided,
        detail: why.to_owned(),
    };
    invariants.iter().map(undecided).collect()
}

fn rows(reading: &Reading) -> String {
    match reading {
        Reading::Rows { count: 1, .. } => "1 row".to_owned(),
        Reading::Rows { count, .. } => format!("{count} rows"),
        Reading::Broken(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invariant(holds: Holds) -> Invariant {
        Invariant {
            id: "sum".to_owned(),
            requirement: "H-2".to_owned(),
            title: "it adds up".to_owned(),
            sql: "select 1".to_owned(),
            holds,
        }
    }

    fn rows(count: i64, digest: &str) -> Reading {
        Reading::Rows { count, digest: digest.to_owned() }
    }

    fn outcome(holds: Holds, before: &Reading, after: &Reading) -> Outcome {
        judge(&invariant(holds), before, after).outcome
    }

    #[test]
    fn no_rows_holds_before_and_after() {
        let (none, some) = (rows(0, ""), rows(2, "x"));
        assert_eq!(outcome(Holds::NoRows, &none, &none), Outcome::Passed);
        assert_eq!(outcome(Holds::NoRows, &none, &some), Outcome::Failed);
    }

    #[test]
    fn the_same_rows_must_come_back_whatever_they_are() {
        assert_eq!(outcome(Holds::Same, &rows(2, "x"), &rows(2, "x")), Outcome::Passed);
        assert_eq!(outcome(Holds::Same, &rows(2, "x"), &rows(2, "y")), Outcome::Failed);
    }

    #[test]
    fn what_does_not_hold_on_the_source_proves_nothing() {
        let judged = judge(&invariant(Holds::NoRows), &rows(2, "x"), &rows(0, ""));
        assert_eq!(judged.outcome, Outcome::Undecided);
        assert_eq!(judged.detail, "it does not hold on the source: 2 rows");
        let broken = Reading::Broken("relation \"x\" does not exist".to_owned());
        assert_eq!(outcome(Holds::Same, &broken, &broken), Outcome::Undecided);
        assert_eq!(outcome(Holds::Same, &rows(1, "x"), &broken), Outcome::Failed);
    }
}
