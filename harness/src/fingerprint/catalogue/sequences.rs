//! Sequences: parameters, what owns them, where they stand, and whether they stand behind the
//! columns that they feed. Their values are read from the sequences themselves, since no
//! catalogue says whether the last value was handed out.

use postgres::Client;

use super::{SCOPE, pairs, texts};
use crate::error::{Attempt, Result};
use crate::fingerprint::database::session;
use crate::model::fingerprint::UNDECIDED;

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
///
/// The maximum is over the tables that are here: below a parent there may be foreign ones. The
/// statements are run under the database's own path, and qualify all that they call.
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
), below AS (
    SELECT relation AS root, relation AS oid FROM feed
    UNION
    SELECT below.root, i.inhrelid FROM below JOIN pg_inherits i ON i.inhparent = below.oid
)
SELECT key,
       CASE WHEN NOT has_sequence_privilege(r.oid, 'SELECT') OR NOT tables.readable
            THEN 'undecided: the sequence or the column may not be read'
            WHEN tables.hidden
            THEN 'undecided: row security hides rows of the column'
            ELSE format(
                'SELECT %L, CASE WHEN (SELECT pg_catalog.%s(value) FROM (%s) AS fed (value))'
                || '::pg_catalog.numeric OPERATOR(pg_catalog.%s) (s.last_value::pg_catalog.numeric'
                || ' OPERATOR(pg_catalog.+) CASE WHEN s.is_called THEN %s ELSE 0 END'
                || '::pg_catalog.numeric) THEN ''behind'' ELSE ''ahead'' END FROM %s s',
                key, furthest, tables.each, CASE WHEN s.seqincrement > 0 THEN '>=' ELSE '<=' END,
                s.seqincrement, r.name)
       END
  FROM relation r
  JOIN pg_sequence s ON s.seqrelid = r.oid AND NOT s.seqcycle
  JOIN feed ON feed.sequence = r.oid
  JOIN relation t ON t.oid = feed.relation AND t.relkind IN ('r', 'p') AND NOT t.relispartition
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = feed.number
  JOIN pg_type y ON y.oid = a.atttypid AND y.typcategory = 'N'
 CROSS JOIN LATERAL (SELECT CASE WHEN s.seqincrement > 0 THEN 'max' ELSE 'min' END AS furthest) f
 CROSS JOIN LATERAL (
       SELECT bool_and(has_column_privilege(leaf.oid, a.attname, 'SELECT')) AS readable,
              bool_or(row_security_active(leaf.oid)) AS hidden,
              string_agg(format('SELECT pg_catalog.%s(%I) FROM ONLY %s', furthest, a.attname,
                                leaf.oid::regclass), ' UNION ALL ') AS each
         FROM below
         JOIN pg_class leaf ON leaf.oid = below.oid AND leaf.relkind = 'r'
        WHERE below.root = t.oid) tables
 CROSS JOIN LATERAL (SELECT 'sequence/' || r.name || '/feeds ' || t.name || '.'
                            || quote_ident(a.attname) AS key) k";

/// Parameters and states of every sequence.
pub(super) fn facts(client: &mut Client) -> Result<Vec<(String, String)>> {
    read(client, &[PARAMETERS, STATES, FEEDS])
}

/// Where the replay of WAL leaves each sequence.
pub(super) fn replayed(client: &mut Client) -> Result<Vec<(String, String)>> {
    read(client, &[REPLAYED])
}

/// What statements say, and what the statements say that they give back.
fn read(client: &mut Client, queries: &[&str]) -> Result<Vec<(String, String)>> {
    let scoped: Vec<String> = queries.iter().map(|query| format!("{SCOPE}{query}")).collect();
    let said = texts(client, &scoped).attempt(|| "cannot read sequences from the catalogue")?;
    let (mut facts, mut statements) = (Vec::new(), Vec::new());
    for (key, value) in said {
        match value.sql().filter(|sql| sql.starts_with("SELECT ")) {
            Some(select) => statements.push((key.line(), select.to_owned())),
            None if value.line().starts_with("SELECT ") => {
                let reason = "its name is no UTF-8, and cannot be asked for";
                facts.push((key.line(), format!("{UNDECIDED}{reason}")));
            }
            None => facts.push((key.line(), value.lines())),
        }
    }
    for batch in statements.chunks(VALUES_PER_STATEMENT) {
        facts.extend(values(client, batch)?);
    }
    Ok(facts)
}

/// What each statement yields, in one round trip. If one is refused each is asked by itself, so
/// that it is undecided alone.
fn values(client: &mut Client, batch: &[(String, String)]) -> Result<Vec<(String, String)>> {
    let selects: Vec<&str> = batch.iter().map(|(_, select)| select.as_str()).collect();
    if let Ok(values) = attempt(client, &selects.join(" UNION ALL "))? {
        return Ok(values);
    }
    let mut values = Vec::new();
    for (key, select) in batch {
        match attempt(client, select)? {
            Ok(read) => values.extend(read),
            Err(reason) => values.push((key.clone(), format!("{UNDECIDED}{reason}"))),
        }
    }
    Ok(values)
}

type Values = Vec<(String, String)>;

/// What a statement yields, or why the server refuses it. The transaction stands in either case.
fn attempt(client: &mut Client, select: &str) -> Result<std::result::Result<Values, String>> {
    let failed = || "cannot read the values of sequences";
    client.batch_execute("SAVEPOINT sequences").attempt(failed)?;
    let read = session::under_own_path(client, |client| pairs(client, &[select]));
    let (read, end) = match read {
        Ok(values) => (Ok(values), "RELEASE SAVEPOINT sequences"),
        Err(cause) if session::is_lost(client, &cause) => return Err(cause).attempt(failed),
        Err(cause) => (Err(session::reason(&cause)), "ROLLBACK TO SAVEPOINT sequences"),
    };
    client.batch_execute(end).attempt(failed)?;
    Ok(read)
}
