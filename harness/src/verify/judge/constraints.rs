//! Constraints: that each holds, as the catalogue claims. After a restore of a dump the server has
//! just checked them; of files that were copied nobody has.

use postgres::Client;

use super::{Seen, connect, refusal};
use crate::error::{Attempt, Result};

/// Foreign keys, each as the query that counts rows without their counterpart. Operators are those
/// of the constraint itself.
const FOREIGN_KEYS: &str = r"
SELECT c.conrelid::regclass || ': ' || quote_ident(c.conname), c.convalidated,
       format('SELECT count(*) FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s)',
              c.conrelid::regclass,
              string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ' ORDER BY k.at),
              c.confrelid::regclass,
              string_agg(format('p.%I OPERATOR(%I.%s) c.%I', f.attname, n.nspname, o.oprname, a.attname),
                         ' AND ' ORDER BY k.at))
  FROM pg_catalog.pg_constraint c
  CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY AS k(own, other, op, at)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
  JOIN pg_catalog.pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = k.other
  JOIN pg_catalog.pg_operator o ON o.oid = k.op
  JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
 WHERE c.contype = 'f' AND c.conparentid = 0
 GROUP BY c.oid, c.conrelid, c.conname, c.convalidated, c.confrelid
 ORDER BY 1";

/// Conditions on rows, each as the query that counts those that break it.
const CHECKS: &str = r"
SELECT c.conrelid::regclass || ': ' || quote_ident(c.conname), c.convalidated,
       format('SELECT count(*) FROM ONLY %s WHERE NOT (%s)', c.conrelid::regclass,
              pg_get_expr(c.conbin, c.conrelid))
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class r ON r.oid = c.conrelid AND r.relkind = 'r'
 WHERE c.contype = 'c'
 ORDER BY 1";

/// Columns that may not be empty, a query a table. The planner believes the catalogue of `IS NULL`,
/// and does not look.
const NOT_NULL: &str = r"
SELECT r.oid::regclass || ': columns that may not be null', true,
       format('SELECT count(*) FROM ONLY %s WHERE pg_catalog.num_nulls(%s) > 0', r.oid::regclass,
              string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum))
  FROM pg_catalog.pg_class r
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnotnull AND a.attnum > 0
                                AND NOT a.attisdropped
 WHERE r.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 GROUP BY r.oid
 ORDER BY 1";

/// Rows that are to be unique, each as the query that counts those that are not, without their index.
const UNIQUE: &str = r"
SELECT i.indrelid::regclass || ': ' || i.indexrelid::regclass, true,
       format('SELECT count(*) FROM (SELECT FROM ONLY %s WHERE %s AND (%s) GROUP BY %s HAVING count(*) > 1) AS twice',
              i.indrelid::regclass,
              coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'),
              CASE WHEN to_jsonb(i) ->> 'indnullsnotdistinct' = 'true' THEN 'true'
                   ELSE string_agg(format('(%s) IS NOT NULL', pg_get_indexdef(i.indexrelid, k.at, false)),
                                   ' AND ' ORDER BY k.at) END,
              string_agg(format('(%s)', pg_get_indexdef(i.indexrelid, k.at, false)), ', ' ORDER BY k.at))
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class r ON r.oid = i.indrelid AND r.relkind = 'r'
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
  CROSS JOIN LATERAL generate_series(1, i.indnkeyatts::int) AS k(at)
 WHERE i.indisunique AND i.indisvalid
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 GROUP BY i.indexrelid, i.indrelid, i.indpred, to_jsonb(i)
 ORDER BY 1";

/// Values of domains, each as the query that counts those that break a condition of theirs.
const DOMAINS: &str = r"
SELECT r.oid::regclass || '.' || quote_ident(a.attname) || ': ' || quote_ident(c.conname), c.convalidated,
       format('SELECT count(*) FROM (SELECT %I::%s AS value FROM ONLY %s) AS q WHERE NOT (%s)',
              a.attname, format_type(t.typbasetype, t.typtypmod), r.oid::regclass,
              pg_get_expr(c.conbin, 0))
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_type t ON t.oid = c.contypid
  JOIN pg_catalog.pg_attribute a ON a.atttypid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_class r ON r.oid = a.attrelid AND r.relkind = 'r'
 WHERE c.contype = 'c' AND c.contypid <> 0
 ORDER BY 1";

/// What nobody can hold row by row here.
const EXCLUSIONS: &str = r"
SELECT c.conrelid::regclass || ': ' || quote_ident(c.conname)
  FROM pg_catalog.pg_constraint c WHERE c.contype = 'x' ORDER BY 1";

/// Holds every row to what refers to others or is a condition: a script may do more than restore
/// rows, and break what the server checked before. The rest the server checks whenever a row is
/// written.
pub(in crate::verify) fn made_anew(connection: &postgres::Config) -> Result<Seen> {
    let mut client = connect(connection)?;
    let mut seen = Seen::default();
    for list in [FOREIGN_KEYS, CHECKS] {
        for constraint in listed(&mut client, list)? {
            hold(&mut client, &constraint, &mut seen)?;
        }
    }
    for list in [NOT_NULL, UNIQUE] {
        seen.judged += listed(&mut client, list)?.len() as u64;
    }
    Ok(seen)
}

/// Holds every row to every constraint.
pub(in crate::verify) fn all(connection: &postgres::Config) -> Result<Seen> {
    let mut client = connect(connection)?;
    let without = "SET enable_indexscan = off; SET enable_indexonlyscan = off; \
                   SET enable_bitmapscan = off";
    client.batch_execute(without).attempt(|| "cannot set a session up")?;
    let mut seen = Seen::default();
    for list in [FOREIGN_KEYS, CHECKS, NOT_NULL, UNIQUE, DOMAINS] {
        for constraint in listed(&mut client, list)? {
            hold(&mut client, &constraint, &mut seen)?;
        }
    }
    for row in client.query(EXCLUSIONS, &[]).attempt(|| "cannot list constraints")? {
        let name = row.get::<_, String>(0);
        seen.open.push(format!("{name}: nobody holds rows to an exclusion here"));
    }
    Ok(seen)
}

struct Constraint {
    name: String,
    /// Whether the catalogue claims that every row keeps it.
    is_claimed: bool,
    counts: String,
}

fn listed(client: &mut Client, list: &str) -> Result<Vec<Constraint>> {
    let rows = client.query(list, &[]).attempt(|| "cannot list constraints")?;
    let constraints = rows.iter().map(|row| Constraint {
        name: row.get(0),
        is_claimed: row.get(1),
        counts: row.get(2),
    });
    Ok(constraints.collect())
}

fn hold(client: &mut Client, constraint: &Constraint, seen: &mut Seen) -> Result<()> {
    let Constraint { name, is_claimed, counts } = constraint;
    match client.query_one(counts.as_str(), &[]) {
        Ok(row) => match (row.get::<_, i64>(0), is_claimed) {
            (0, _) => seen.judged += 1,
            (rows, true) => seen.wrong.push(format!("{name}: {rows} rows break it")),
            (rows, false) => {
                seen.warned.push(format!("{name} was never validated: {rows} rows break it"));
            }
        },
        Err(cause) => seen.open.push(format!("{name}: {}", refusal(cause)?)),
    }
    Ok(())
}
