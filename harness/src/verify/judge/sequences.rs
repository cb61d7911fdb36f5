//! Sequences: none gives a number next that its column has already.

use super::{Seen, connect, refusal};
use crate::error::{Attempt, Result};

/// Sequences with the columns that they fill: those that own them, and those whose default names
/// them.
const FILLS: &str = r"
SELECT DISTINCT s.oid::regclass::text, r.oid::regclass::text, quote_ident(a.attname), q.seqincrement > 0
  FROM pg_catalog.pg_class s
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND (
         d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i'))
  JOIN pg_catalog.pg_class r ON r.oid = d.refobjid AND r.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.refobjsubid
 WHERE s.relkind = 'S'
UNION
SELECT DISTINCT s.oid::regclass::text, r.oid::regclass::text, quote_ident(a.attname), q.seqincrement > 0
  FROM pg_catalog.pg_attrdef f
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
                            AND d.refclassid = 'pg_catalog.pg_class'::regclass
  JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
  JOIN pg_catalog.pg_class r ON r.oid = f.adrelid AND r.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = f.adnum
 ORDER BY 1, 2, 3";

/// Holds every sequence against the columns that it fills.
pub(in crate::verify) fn ahead(connection: &postgres::Config) -> Result<Seen> {
    let mut client = connect(connection)?;
    let mut seen = Seen::default();
    let rows = client.query(FILLS, &[]).attempt(|| "cannot list sequences")?;
    for row in rows {
        let (sequence, table, column): (String, String, String) =
            (row.get(0), row.get(1), row.get(2));
        let (largest, behind, step) =
            if row.get(3) { ("max", "<", "+") } else { ("min", ">", "-") };
        // One that was never called gives its own number next.
        let asked = format!(
            "SELECT n.next, t.most, n.next {behind}= t.most, \
                    EXISTS (SELECT FROM {table} WHERE {column}::int8 = n.next) \
               FROM (SELECT CASE WHEN s.is_called THEN s.last_value {step} abs(q.seqincrement) \
                                 ELSE s.last_value END AS next \
                       FROM {sequence} AS s, pg_catalog.pg_sequence AS q \
                      WHERE q.seqrelid = '{literal}'::pg_catalog.regclass) AS n, \
                    (SELECT {largest}({column}::int8) AS most FROM {table}) AS t",
            literal = sequence.replace('\'', "''"),
        );
        match client.query_one(asked.as_str(), &[]) {
            Ok(row) => {
                let (next, most): (i64, Option<i64>) = (row.get(0), row.get(1));
                let most = most.unwrap_or_default();
                match (row.get::<_, Option<bool>>(2), row.get(3)) {
                    (_, true) => seen.wrong.push(format!(
                        "{sequence} gives {next} next, which {table}.{column} has already; its \
                         last is {most}"
                    )),
                    // Numbers beyond may be put in by hand, or be made of more than the sequence.
                    (Some(true), false) => seen.warned.push(format!(
                        "{sequence} gives {next} next, and {table}.{column} has up to {most}"
                    )),
                    _ => seen.judged += 1,
                }
            }
            Err(cause) => seen.open.push(format!("{sequence}: {}", refusal(cause)?)),
        }
    }
    Ok(seen)
}
