//! Freshness: the newest instant that a row has and that is not in the future.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::super::judge::freshness::Newest;
use super::super::answer::{list, name};
use super::super::server::MariaDb;
use super::Questions;
use crate::error::Result;

/// The newest instant of any row. A `datetime` counts as UTC.
pub(in crate::verify::mariadb) async fn newest(
    server: &MariaDb,
    databases: &BTreeSet<String>,
) -> Result<Option<Newest>> {
    let columns = format!(
        "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME FROM information_schema.COLUMNS c \
           JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) \
          WHERE c.DATA_TYPE IN ('timestamp', 'datetime') AND t.TABLE_TYPE <> 'VIEW' \
            AND c.TABLE_SCHEMA IN ({}) ORDER BY 1, 2, c.ORDINAL_POSITION;\n",
        list(databases)
    );
    let columns = server.ask(&columns).await?.require("cannot list columns of instants")?.rows;
    if columns.is_empty() {
        return Ok(None);
    }
    let (mut questions, mut places) = (Questions::default(), BTreeMap::new());
    questions.ask("SET time_zone = '+00:00'");
    for (at, row) in columns.iter().enumerate() {
        let [database, table, column] = row.as_slice() else { continue };
        let quoted = name(column);
        questions.ask(&format!(
            "SELECT {at}, UNIX_TIMESTAMP(MAX(IF({quoted} <= UTC_TIMESTAMP(), {quoted}, NULL))) \
               FROM {}.{}",
            name(database),
            name(table)
        ));
        places.insert(at.to_string(), format!("{database}.{table}.{column}"));
    }
    // A table that cannot be read is another judge's.
    let found = server.ask(&questions.text).await?.rows;
    let found = found.iter().filter_map(|row| {
        let [at, seconds] = row.as_slice() else { return None };
        let seconds = seconds.split('.').next()?.parse().ok().filter(|it| *it > 0)?;
        Some(Newest { at: Timestamp::from_second(seconds).ok()?, place: places.get(at)?.clone() })
    });
    Ok(found.max_by_key(|it| it.at))
}
