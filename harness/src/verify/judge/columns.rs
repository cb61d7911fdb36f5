//! Columns that hold paths of an archive: found by looking up some of their values, where nobody has
//! named them.

use std::collections::HashSet;

use postgres::GenericClient;

use crate::error::{Attempt, Result};
use crate::model::fingerprint::MediaFingerprint;
use crate::model::reference::ReferenceColumn;

/// Values of a column that are looked up.
const LOOKED_UP: usize = 200;

/// Columns of text, of tables that have rows of their own.
const COLUMNS: &str = r"
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(r.relname),
       a.attname::text, pg_catalog.quote_ident(a.attname)
  FROM pg_catalog.pg_class r
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND a.atttypid IN ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)
 ORDER BY 1, a.attnum";

/// Finds the columns half of whose values are paths of the archive, and names those of which some
/// are: nobody knows whether these are meant, or most of the files are gone.
pub(in crate::verify) fn found(
    client: &mut impl GenericClient,
    files: &MediaFingerprint,
) -> Result<(Vec<ReferenceColumn>, Vec<String>)> {
    let known = files.entries.keys().map(String::as_str).collect::<HashSet<_>>();
    let (mut found, mut doubtful) = (Vec::new(), Vec::new());
    let unread = || "cannot look for columns that name files";
    for row in client.query(COLUMNS, &[]).attempt(unread)? {
        let (table, column, quoted): (String, String, String) =
            (row.get(0), row.get(1), row.get(2));
        let asked = format!(
            "SELECT {quoted} FROM ONLY {table} WHERE {quoted} <> '' AND length({quoted}) < 4096 \
             LIMIT {LOOKED_UP}"
        );
        // A table that cannot be read is another judge's.
        let Ok(values) = client.query(asked.as_str(), &[]) else { continue };
        let values = values.iter().filter_map(|row| row.try_get::<_, String>(0).ok());
        let values = values.collect::<Vec<_>>();
        let hits = values.iter().filter(|value| known.contains(value.as_str())).count();
        if hits > 0 && hits * 2 >= values.len() {
            found.push(ReferenceColumn { table, column, hash: None });
        } else if hits > 0 {
            doubtful.push(format!(
                "{table}.{column}: {hits} of {} values are files of the archive: --references \
                 {table}.{column} if they are to be",
                values.len()
            ));
        }
    }
    Ok((found, doubtful))
}
