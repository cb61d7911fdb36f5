//! Types that users made: enumerations with their labels in order, composites, domains with
//! their constraints, ranges, base types. Not those that come with a table, an array or a range.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[ENUMERATIONS]),
    Query::always(&[COMPOSITES]),
    Query::always(&[DOMAINS]),
    Query::always(&[DOMAIN_CONSTRAINTS]),
    Query::always(&[RANGES]),
    Query::always(&[BASE_TYPES]),
];

const ENUMERATIONS: &str = "
SELECT 'type/' || t.oid::regtype,
       concat_ws(E'\\n', 'kind: enumeration',
           'labels: ' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                            FROM pg_enum WHERE enumtypid = t.oid))
  FROM made_type t
 WHERE t.typtype = 'e'";

const COMPOSITES: &str = "
SELECT 'type/' || t.oid::regtype,
       concat_ws(E'\\n', 'kind: composite',
           'attributes: ' || (
               SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                          || CASE WHEN a.attcollation <> y.typcollation
                                  THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END,
                          ', ' ORDER BY a.attnum)
                 FROM pg_attribute a
                 JOIN pg_type y ON y.oid = a.atttypid
                WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM made_type t
 WHERE t.typtype = 'c'";

const DOMAINS: &str = "
SELECT 'type/' || t.oid::regtype,
       concat_ws(E'\\n', 'kind: domain',
           'type: ' || format_type(t.typbasetype, t.typtypmod),
           'collation: ' || CASE WHEN t.typcollation <> base.typcollation
                                 THEN t.typcollation::regcollation::text END,
           'not null: ' || CASE WHEN t.typnotnull THEN 'yes' END,
           'default: ' || coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault))
  FROM made_type t
  JOIN pg_type base ON base.oid = t.typbasetype
 WHERE t.typtype = 'd'";

const DOMAIN_CONSTRAINTS: &str = "
SELECT 'domain-constraint/' || t.oid::regtype || '/' || quote_ident(c.conname),
       'definition: ' || pg_get_constraintdef(c.oid)
  FROM made_type t
  JOIN pg_constraint c ON c.contypid = t.oid AND c.contype <> 'n'";

const RANGES: &str = "
SELECT 'type/' || t.oid::regtype,
       concat_ws(E'\\n', 'kind: range',
           'type: ' || format_type(r.rngsubtype, NULL),
           'operator class: ' || opclass.opcname,
           'collation: ' || CASE WHEN r.rngcollation <> subtype.typcollation
                                 THEN r.rngcollation::regcollation::text END,
           'canonical: ' || nullif(r.rngcanonical::oid, 0)::regprocedure,
           'difference: ' || nullif(r.rngsubdiff::oid, 0)::regprocedure,
           'multirange: ' || (to_jsonb(r) ->> 'rngmultitypid')::oid::regtype)
  FROM made_type t
  JOIN pg_range r ON r.rngtypid = t.oid
  JOIN pg_type subtype ON subtype.oid = r.rngsubtype
  JOIN pg_opclass opclass ON opclass.oid = r.rngsubopc";

const BASE_TYPES: &str = "
SELECT 'type/' || t.oid::regtype,
       concat_ws(E'\\n', 'kind: base type',
           'input: ' || t.typinput::regproc, 'output: ' || t.typoutput::regproc,
           'receive: ' || nullif(t.typreceive::oid, 0)::regproc,
           'send: ' || nullif(t.typsend::oid, 0)::regproc,
           'modifiers in: ' || nullif(t.typmodin::oid, 0)::regproc,
           'modifiers out: ' || nullif(t.typmodout::oid, 0)::regproc,
           'analyze: ' || nullif(t.typanalyze::oid, 0)::regproc,
           'length: ' || t.typlen, 'by value: ' || CASE WHEN t.typbyval THEN 'yes' END,
           'alignment: ' || t.typalign::text, 'storage: ' || t.typstorage::text,
           'category: ' || t.typcategory::text, 'preferred: ' || CASE WHEN t.typispreferred THEN 'yes' END,
           'delimiter: ' || t.typdelim::text, 'default: ' || t.typdefault,
           'element: ' || nullif(t.typelem, 0)::regtype,
           'collatable: ' || CASE WHEN t.typcollation <> 0 THEN 'yes' END)
  FROM made_type t
 WHERE t.typtype = 'b'";
