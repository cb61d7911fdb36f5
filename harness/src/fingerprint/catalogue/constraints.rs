//! Constraints of tables: definition with validity and deferrability, the index behind it, and
//! whether its triggers fire. Not-null belongs to the columns, domain constraints to the types.

use super::Query;

pub(super) const QUERIES: &[Query] = &[Query::always(&[CONSTRAINTS])];

/// Left out: constraint triggers, which are triggers; and foreign keys that a partition has from
/// its parent, whose names the server invents anew.
///
/// The triggers behind a foreign key can be disabled, by `pg_restore --disable-triggers` that
/// was cut short for one; the constraint is then there and holds nothing.
const CONSTRAINTS: &str = "
SELECT 'constraint/' || r.name || '/' || quote_ident(c.conname),
       concat_ws(E'\\n',
           'definition: ' || pg_get_constraintdef(c.oid),
           'triggers: ' || (SELECT 'not firing' FROM pg_trigger t
                             WHERE t.tgisinternal AND t.tgenabled <> 'O'
                               AND (t.tgconstraint = c.oid OR t.tgconstraint IN
                                    (SELECT oid FROM pg_constraint WHERE conparentid = c.oid))
                             LIMIT 1),
           'index: ' || CASE WHEN i.indexrelid IS NOT NULL THEN concat_ws(', ',
                pg_get_indexdef(i.indexrelid),
                CASE WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'not valid' END,
                CASE WHEN i.indisclustered THEN 'clustered' END,
                CASE WHEN i.indisreplident THEN 'replica identity' END,
                'tablespace ' || quote_ident(space.spcname)) END)
  FROM relation r
  JOIN pg_constraint c ON c.conrelid = r.oid
  LEFT JOIN pg_index i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_class index ON index.oid = i.indexrelid
  LEFT JOIN pg_tablespace space ON space.oid = index.reltablespace
 WHERE c.contype NOT IN ('n', 't') AND NOT (c.contype = 'f' AND c.conparentid <> 0)";
