//! Indexes that no constraint brings: definition, whether they are usable, and their place in a
//! partition tree.

use super::Query;

pub(super) const QUERIES: &[Query] = &[Query::always(&[INDEXES])];

const INDEXES: &str = "
SELECT 'index/' || r.name || '/' || quote_ident(index.relname),
       concat_ws(E'\\n',
           'definition: ' || pg_get_indexdef(i.indexrelid),
           'valid: ' || CASE WHEN NOT i.indisvalid THEN 'no' END,
           'ready: ' || CASE WHEN NOT (i.indisready AND i.indislive) THEN 'no' END,
           'clustered: ' || CASE WHEN i.indisclustered THEN 'yes' END,
           'replica identity: ' || CASE WHEN i.indisreplident THEN 'yes' END,
           'part of: ' || (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = i.indexrelid),
           'tablespace: ' || quote_ident(space.spcname),
           'statistics targets: ' || (
                SELECT string_agg(a.attnum || '=' || a.attstattarget, ', ' ORDER BY a.attnum)
                  FROM pg_attribute a
                 WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0))
  FROM relation r
  JOIN pg_index i ON i.indrelid = r.oid
  JOIN pg_class index ON index.oid = i.indexrelid
  LEFT JOIN pg_tablespace space ON space.oid = index.reltablespace
 WHERE NOT EXISTS (SELECT FROM pg_constraint c
                    WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))";
