//! An operator's question about the data, asked of MariaDB.

use super::super::super::judge::Seen;
use super::super::super::judge::expectations::Invariant;
use super::super::server::MariaDb;
use crate::error::Result;

/// Asks it of a database.
pub(in crate::verify::mariadb) async fn ask(
    invariant: &Invariant,
    server: &MariaDb,
    database: &str,
) -> Result<Seen> {
    let sql = invariant.sql.trim().trim_end_matches(';');
    let asked = match &invariant.equals {
        None => format!("SELECT COUNT(*) FROM ({sql}\n) AS offences;\n"),
        Some(_) => format!("SELECT * FROM ({sql}\n) AS whole LIMIT 1;\n"),
    };
    let answer = server.ask_of(database, &asked).await?;
    let mut seen = Seen { judged: 1, ..Seen::default() };
    if let Some((_, why)) = answer.refused.first() {
        seen.wrong.push(format!("it cannot be asked: {why}"));
        return Ok(seen);
    }
    let found = answer.rows.first().and_then(|row| row.first()).map_or("nothing", String::as_str);
    invariant.hold(found, &mut seen);
    Ok(seen)
}
