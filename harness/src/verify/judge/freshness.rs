//! Freshness: the newest instant that a row has, which a backup that was written today of a copy
//! from last year does not have.

use jiff::Timestamp;

use super::{connect, refusal};
use crate::error::{Attempt, Result};

/// Columns of instants, of tables that have rows of their own.
const COLUMNS: &str = r"
SELECT r.oid::regclass::text, array_agg(quote_ident(a.attname) ORDER BY a.attnum)
  FROM pg_catalog.pg_class r
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND a.atttypid IN ('pg_catalog.timestamptz'::regtype, 'pg_catalog.timestamp'::regtype)
 GROUP BY r.oid ORDER BY 1";

/// An instant in the data, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify) struct Newest {
    pub(in crate::verify) at: Timestamp,
    pub(in crate::verify) place: String,
}

/// The newest instant of any row that is not in the future of `now`: a date of expiry says nothing.
pub(in crate::verify) fn newest(
    connection: &postgres::Config,
    now: Timestamp,
) -> Result<Option<Newest>> {
    let mut client = connect(connection)?;
    let mut newest: Option<Newest> = None;
    let now_s = now.as_second();
    for row in client.query(COLUMNS, &[]).attempt(|| "cannot list columns of instants")? {
        let (table, columns): (String, Vec<String>) = (row.get(0), row.get(1));
        let most = columns.iter().map(|column| {
            format!(
                "extract(epoch FROM max({column}) FILTER (WHERE {column} <= to_timestamp({now_s}) \
                 AND isfinite({column})))::float8"
            )
        });
        let asked = format!("SELECT {} FROM ONLY {table}", most.collect::<Vec<_>>().join(", "));
        let found = match client.query_one(asked.as_str(), &[]) {
            Ok(found) => found,
            // A table that cannot be read is another judge's.
            Err(cause) => {
                refusal(cause)?;
                continue;
            }
        };
        for (at, column) in columns.iter().enumerate() {
            let Some(seconds) = found.get::<_, Option<f64>>(at) else { continue };
            #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
            let Ok(at) = Timestamp::from_second(seconds as i64) else { continue };
            if newest.as_ref().is_none_or(|known| known.at < at) {
                newest = Some(Newest { at, place: format!("{table}.{column}") });
            }
        }
    }
    Ok(newest)
}
