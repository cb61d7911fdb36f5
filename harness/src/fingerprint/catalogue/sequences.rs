//! Sequences: parameters, what owns them, where they stand, and whether they stand behind the
//! columns that they feed. Their values are read from the sequences themselves, since no
//! catalogue says whether the last value was handed out.

use postgres::Client;

use super::{SCOPE, pairs};
use crate::error::{Attempt, Result};

/// Values that one statement reads: the server's planner need not take more at once.
const VALUES_PER_STATEMENT: usize = 400;

const PARAMETERS: &str = "
SELECT 'sequence/' || r.name,
       concat_ws(E'\\n',
           'type: ' || format_type(s.seqtypid, NULL),
           'start: ' || s.seqstart,
           'increment: ' || s.seqincrement,
           'minimum: ' || s.seqmin,
           'maximum: ' || s.seqmax,
           'cache: ' || s.seqcache,
           'cycle: ' || CASE WHEN s.seqcycle THEN 'yes' END,
           'unlogged: ' || CASE r.relpersistence WHEN 'u' THEN 'yes' END,
           'owned by: ' || (
                SELECT d.refobjid::regclass || '.' || quote_ident(a.attname)
                  FROM pg_depend d
                  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
                   AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
  FROM relation r
  JOIN pg_sequence s ON s.seqrelid = r.oid";

/// Statements that read where each sequence stands, or why it cannot be read.
const STATES: &str = "
SELECT key,
       CASE WHEN has_sequence_privilege(r.oid, 'SELECT')
            THEN format('SELECT %L, %s::text FROM %s', key, aspect, r.name)
            ELSE 'undecided: the sequence may not be read' END
  FROM relation r
 CROSS JOIN unnest(ARRAY['last_value', 'is_called']) aspect
 CROSS JOIN LATERAL (SELECT 'sequence/' || r.name || '/' || aspect AS key) k
 WHERE r.relkind = 'S'";

/// Statements that read where the replay of WAL leaves each sequence: a record in WAL is ahead of
/// what was handed out, so that not every value needs one. `log_cnt` is by how many values.
const REPLAYED: &str = "
SELECT key,
       CASE WHEN has_sequence_privilege(r.oid, 'SELECT')
            THEN format('SELECT %L, (%s)::text FROM %s', key, position, r.name)
            ELSE 'undecided: the sequence may not be read' END
  FROM relation r
  JOIN pg_sequence s ON s.seqrelid = r.oid
 CROSS JOIN LATERAL (VALUES ('last_value', 'last_value + log_cnt * ' || s.seqincrement),
                            ('is_called', 'is_called OR log_cnt > 0')) a (aspect, position)
 CROSS JOIN LATERAL (SELECT 'sequence/' || r.name || '/' || aspect AS key) k
 WHERE r.relkind = 'S'";

/// Statements that hold a sequence against the columns that it feeds: the one that owns it
/// (serial, identity), and those whose default takes values from it. Partitions are left out,
/// the parent's maximum being over all of them; so are sequences that may start over.
const FEEDS: &str = "
, feed AS (
    SELECT objid AS sequence, refobjid AS relation, refobjsubid AS number
      FROM pg_depend
     WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
       AND deptype IN ('a', 'i') AND refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum
      FROM pg_depend d
      JOIN pg_attrdef f ON f.oid = d.objid
     WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
)
SELECT key,
       CASE WHEN NOT has_sequence_privilege(r.oid, 'SELECT')
              OR NOT has_column_privilege(t.oid, a.attnum, 'SELECT')
            THEN 'undecided: the sequence or the column may not be read'
            WHEN row_security_active(t.oid)
            THEN 'undecided: row security hides rows of the column'
            ELSE format(
                'SELECT %L, CASE WHEN (SELECT %s(%I) FROM %s)::numeric %s'
                || ' s.last_value::numeric + CASE WHEN s.is_called THEN %s ELSE 0 END'
                || ' THEN ''behind'' ELSE ''ahead'' END FROM %s s',
                key, CASE WHEN s.seqincrement > 0 THEN 'max' ELSE 'min' END, a.attname, t.name,
                CASE WHEN s.seqincrement > 0 THEN '>=' ELSE '<=' END, s.seqincrement, r.name)
       END
  FROM relation r
  JOIN pg_sequence s ON s.seqrelid = r.oid AND NOT s.seqcycle
  JOIN feed ON feed.sequence = r.oid
  JOIN relation t ON t.oid = feed.relation AND t.relkind IN ('r', 'p') AND NOT t.relispartition
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = feed.number
  JOIN pg_type y ON y.oid = a.atttypid AND y.typcategory = 'N'
 CROSS JOIN LATERAL (SELECT 'sequence/' || r.name || '/feeds ' || t.name || '.'
                            || quote_ident(a.attname) AS key) k";

/// Parameters and states of every sequence.
pub(super) fn facts(client: &mut Client) -> Result<Vec<(String, String)>> {
    read(client, &format!("{SCOPE}{PARAMETERS}; {SCOPE}{STATES}; {SCOPE}{FEEDS}"))
}

/// Where the replay of WAL leaves each sequence.
pub(super) fn replayed(client: &mut Client) -> Result<Vec<(String, String)>> {
    read(client, &format!("{SCOPE}{REPLAYED}"))
}

/// What statements say, and what the statements say that they give back.
fn read(client: &mut Client, script: &str) -> Result<Vec<(String, String)>> {
    let (statements, mut facts): (Vec<_>, Vec<_>) = pairs(client, script)
        .attempt(|| "cannot read sequences from the catalogue")?
        .into_iter()
        .partition(|(_, value)| value.starts_with("SELECT "));
    for batch in statements.chunks(VALUES_PER_STATEMENT) {
        let selects: Vec<&str> = batch.iter().map(|(_, select)| select.as_str()).collect();
        facts.extend(
            pairs(client, &selects.join(" UNION ALL "))
                .attempt(|| "cannot read the values of sequences")?,
        );
    }
    Ok(facts)
}
