//! A migration that should have renamed a column drops it, with everything that uses it.

use super::{Struck, table};
use crate::error::{Attempt, Error, Result};
use crate::stack::Site;
use crate::stack::database::ask;

/// The last column of a table that is neither generated nor part of a key.
const COLUMN: &str = "\
    select quote_ident(a.attname) from pg_attribute a \
    where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped \
    and a.attgenerated = '' and not exists (select from pg_constraint k \
    where k.conrelid = a.attrelid and k.contype in ('p', 'f') and a.attnum = any (k.conkey)) \
    order by a.attnum desc limit 1";

const THERE: &str = "\
    select count(*) from pg_attribute \
    where attrelid = $1::text::regclass and quote_ident(attname) = $2 and not attisdropped";

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let struck = ask(site.database()?.connection(site.stack).await?, |client| {
        let table = table::largest(client)?;
        let found = client.query_opt(COLUMN, &[&table]);
        let found = found.attempt(|| format!("cannot list the columns of {table}"))?;
        let column = found.map(|row| row.get::<_, String>(0));
        let column = column.ok_or_else(|| Error::undecided(format!("{table} has only keys")))?;
        let change = format!("alter table {table} drop column {column} cascade");
        client.batch_execute(&change).attempt(|| format!("cannot change {table}"))?;
        let left = client.query_one(THERE, &[&table, &column]);
        let left: i64 = left.attempt(|| format!("cannot look at {table}"))?.get(0);
        Ok((table, column, left))
    });
    let (table, column, left) = struck.await?;
    let survivors = (left > 0).then(|| format!("{table} still has {column}"));
    Ok(Struck::new(format!("{table} lost its column {column}"), survivors))
}
