//! The database is dropped, by somebody who meant another one.

use super::Struck;
use crate::error::{Attempt, Result};
use crate::stack::Site;
use crate::stack::database::ask;

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let database = site.database()?;
    let name = database.name.clone();
    let mut connection = database.connection(site.stack).await?;
    connection.dbname("template1");
    let left = ask(connection, move |client| {
        let quoted = client.query_one("select quote_ident($1)", &[&name]);
        let quoted: String = quoted.attempt(|| "cannot quote the database's name")?.get(0);
        let dropped = client.batch_execute(&format!("drop database {quoted} with (force)"));
        dropped.attempt(|| "cannot drop the database")?;
        let left =
            client.query("select datname::text from pg_database where datname = $1", &[&name]);
        let left = left.attempt(|| "cannot list the databases")?;
        Ok(left.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>())
    });
    let survivors = left.await?.into_iter().map(|name| format!("database {name} is still there"));
    Ok(Struck::new("the database is gone, the cluster is not", survivors))
}
