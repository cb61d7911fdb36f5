//! Columns: type, collation, nullability, default, identity, generation, storage, and their
//! order. Not their attribute numbers, which a dump closes up.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[COLUMNS]),
    Query::always(&[ORDER]),
    Query::since(140_000, &[COMPRESSION]),
    Query::since(180_000, &[UNVALIDATED_NOT_NULL]),
];

/// `pg_attver` is the server's own bookkeeping in late minor versions, new with every table.
///
/// Of a view only columns with a default: the others follow from its definition.
const COLUMNS: &str = concat!(
    "
SELECT 'column/' || r.name || '/' || quote_ident(a.attname),
       concat_ws(E'\\n',
           'type: ' || format_type(a.atttypid, a.atttypmod),
           'collation: ' || CASE WHEN a.attcollation <> t.typcollation
                                 THEN a.attcollation::regcollation::text END,
           'not null: ' || CASE WHEN a.attnotnull THEN 'yes' END,
           'identity: ' || CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
           'generated: ' || CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
           'default: ' || pg_get_expr(d.adbin, d.adrelid),
           'storage: ' || CASE WHEN a.attstorage <> t.typstorage THEN
                CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                                  WHEN 'm' THEN 'main' ELSE 'extended' END END,
           'statistics target: ' || nullif(a.attstattarget, -1),
           'options: ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o
                            WHERE o !~ '^pg_attver='),
           'foreign options: ' || ",
    options!("a.attfdwoptions"),
    ")
  FROM relation r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind IN ('r', 'p', 'f') OR r.relkind = 'v' AND d.oid IS NOT NULL"
);

/// Not of inheritance children: a dump puts inherited columns first.
const ORDER: &str = "
SELECT 'column-order/' || r.name,
       string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM relation r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.relkind IN ('r', 'p', 'f')
   AND (r.relispartition OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = r.oid))
 GROUP BY r.name";

const COMPRESSION: &str = "
SELECT 'column/' || r.name || '/' || quote_ident(a.attname) || '/compression',
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE a.attcompression::text END
  FROM relation r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.relkind IN ('r', 'p', 'f', 'm') AND a.attcompression <> ''";

/// Since 18 a not-null constraint is a row of `pg_constraint`, and may be one that was never
/// checked. Its name is left out: no earlier version has one.
const UNVALIDATED_NOT_NULL: &str = "
SELECT 'column/' || r.name || '/' || quote_ident(a.attname) || '/not null',
       concat_ws(', ', CASE WHEN NOT c.convalidated THEN 'not valid' END,
                       CASE WHEN c.connoinherit THEN 'no inherit' END)
  FROM relation r
  JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype = 'n'
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = c.conkey[1]
 WHERE NOT c.convalidated OR c.connoinherit";
