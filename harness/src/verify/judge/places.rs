//! What of a restored database stands somewhere else: collations whose order may be another here.

use super::{Seen, connect};
use crate::error::{Attempt, Result};

/// Collations of columns and of the database that were made under another version.
const COLLATIONS: &str = "
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname), c.collversion,
       pg_catalog.pg_collation_actual_version(c.oid)
  FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
 WHERE c.collversion IS NOT NULL
   AND c.collversion IS DISTINCT FROM pg_catalog.pg_collation_actual_version(c.oid)
   AND EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
                WHERE a.attcollation = c.oid AND r.relkind IN ('r', 'i', 'm') AND r.oid >= 16384)
 ORDER BY 1";

const DATABASE: &str = "
SELECT 'the database''s own', datcollversion, pg_catalog.pg_database_collation_actual_version(oid)
  FROM pg_catalog.pg_database
 WHERE datname = current_database() AND datcollversion IS NOT NULL
   AND datcollversion IS DISTINCT FROM pg_catalog.pg_database_collation_actual_version(oid)";

/// Names collations whose version is another.
pub(in crate::verify) fn collations(connection: &postgres::Config) -> Result<Seen> {
    let mut client = connect(connection)?;
    let version = client.query_one("SELECT current_setting('server_version_num')::int4", &[]);
    let version = version.attempt(|| "cannot ask for the version")?.get::<_, i32>(0);
    let mut seen = Seen { judged: 1, ..Seen::default() };
    let lists = if version >= 150_000 { &[COLLATIONS, DATABASE][..] } else { &[COLLATIONS] };
    for list in lists {
        for row in client.query(*list, &[]).attempt(|| "cannot list collations")? {
            let (name, was, is): (String, String, Option<String>) =
                (row.get(0), row.get(1), row.get(2));
            seen.warned.push(format!(
                "collation {name} was {was} and is {} here: text may sort differently, and \
                 indexes on it need a REINDEX",
                is.as_deref().unwrap_or("unknown")
            ));
        }
    }
    Ok(seen)
}
