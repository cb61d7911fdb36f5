//! The largest table is truncated by mistake, and with it what refers to it.

use postgres::Client;

use super::Struck;
use crate::error::{Attempt, Error, Result};
use crate::stack::Site;
use crate::stack::database::ask;

/// The ordinary table that takes most room, quoted.
const LARGEST: &str = "\
    select c.oid::regclass::text from pg_class c \
    join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and not c.relispartition and n.nspname !~ '^pg_' \
    and n.nspname <> 'information_schema' \
    order by pg_relation_size(c.oid) desc, c.oid limit 1";

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let struck = ask(site.database()?.connection(site.stack).await?, |client| {
        let table = largest(client)?;
        let before = count(client, &table)?;
        // Looked at under the lock: others go on writing to it right afterwards.
        let truncated = (|| {
            let mut transaction = client.transaction()?;
            transaction.batch_execute(&format!("truncate {table} cascade"))?;
            let after = transaction.query_one(&format!("select count(*) from {table}"), &[])?;
            transaction.commit()?;
            Ok::<i64, postgres::Error>(after.get(0))
        })();
        Ok((truncated.attempt(|| format!("cannot truncate {table}"))?, before, table))
    });
    let (after, before, table) = struck.await?;
    let survivors = [
        (before == 0).then(|| format!("{table} was empty before: nothing was lost")),
        (after > 0).then(|| format!("{table} still has {after} rows")),
    ];
    let seen = format!("{table} lost its {before} rows");
    Ok(Struck::new(seen, survivors.into_iter().flatten()))
}

/// The largest table of the database.
pub(super) fn largest(client: &mut Client) -> Result<String> {
    let found = client.query_opt(LARGEST, &[]).attempt(|| "cannot list the tables")?;
    let found = found.ok_or_else(|| Error::undecided("the database has no table to lose"))?;
    Ok(found.get(0))
}

fn count(client: &mut Client, table: &str) -> Result<i64> {
    let counted = client.query_one(&format!("select count(*) from {table}"), &[]);
    Ok(counted.attempt(|| format!("cannot count the rows of {table}"))?.get(0))
}
