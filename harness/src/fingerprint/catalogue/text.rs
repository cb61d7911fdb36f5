//! How text is compared and searched: collations, the versions of those in use, text search
//! configurations with their dictionaries.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[COLLATIONS]),
    Query::always(&[COLLATION_VERSIONS]),
    Query::since(150_000, &[DATABASE_COLLATION_VERSION]),
    Query::always(&[CONFIGURATIONS]),
    Query::always(&[DICTIONARIES]),
];

const COLLATIONS: &str = "
SELECT 'collation/' || c.oid::regcollation,
       concat_ws(E'\\n',
           'definition: ' || concat_ws(', ',
               CASE c.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END,
               coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate, c.collctype)),
           'ctype: ' || CASE WHEN c.collctype <> c.collcollate THEN c.collctype END,
           'encoding: ' || nullif(pg_encoding_to_char(c.collencoding), ''),
           'deterministic: ' || CASE WHEN NOT c.collisdeterministic THEN 'no' END,
           'rules: ' || (to_jsonb(c) ->> 'collicurules'))
  FROM place
  JOIN pg_collation c ON c.collnamespace = place.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_collation'::regclass AND objid = c.oid)";

/// Of every collation that a column or an index sorts by, how the system's library sorts now.
/// A dump takes no version along; where the new one differs, text sorts otherwise. What sorts by
/// bytes has no version, nor does what a library gives none for.
const COLLATION_VERSIONS: &str = "
SELECT 'collation-version/' || c.oid::regcollation,
       concat_ws(E'\\n',
           'sorts as: ' || coalesce(pg_collation_actual_version(c.oid), 'unversioned'),
           'built as: ' || CASE WHEN c.collversion <> pg_collation_actual_version(c.oid) THEN c.collversion END)
  FROM pg_collation c
 WHERE c.oid IN (SELECT a.attcollation FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
                  WHERE NOT a.attisdropped
                  UNION
                 SELECT unnest(i.indcollation::oid[]) FROM relation r JOIN pg_index i ON i.indrelid = r.oid)
   AND c.collprovider <> 'd'";

const DATABASE_COLLATION_VERSION: &str = "
SELECT 'collation-version/default',
       concat_ws(E'\\n',
           'sorts as: ' || coalesce(actual, 'unversioned'),
           'built as: ' || CASE WHEN d.datcollversion <> actual THEN d.datcollversion END)
  FROM pg_database d
 CROSS JOIN LATERAL (SELECT pg_database_collation_actual_version(d.oid) AS actual) v
 WHERE d.datname = current_database()";

const CONFIGURATIONS: &str = "
SELECT 'text-search-configuration/' || c.oid::regconfig,
       concat_ws(E'\\n',
           'parser: ' || p.prsname,
           'mappings: ' || (
               SELECT string_agg(alias || '=' || dictionaries, ', ' ORDER BY alias)
                 FROM (SELECT (SELECT alias FROM ts_token_type(c.cfgparser) WHERE tokid = m.maptokentype) AS alias,
                              string_agg(m.mapdict::regdictionary::text, '+' ORDER BY m.mapseqno) AS dictionaries
                         FROM pg_ts_config_map m
                        WHERE m.mapcfg = c.oid
                        GROUP BY m.maptokentype) tokens))
  FROM place
  JOIN pg_ts_config c ON c.cfgnamespace = place.oid
  JOIN pg_ts_parser p ON p.oid = c.cfgparser
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_config'::regclass AND objid = c.oid)";

const DICTIONARIES: &str = "
SELECT 'text-search-dictionary/' || d.oid::regdictionary,
       concat_ws(E'\\n', 'template: ' || t.tmplname, 'options: ' || d.dictinitoption)
  FROM place
  JOIN pg_ts_dict d ON d.dictnamespace = place.oid
  JOIN pg_ts_template t ON t.oid = d.dicttemplate
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_dict'::regclass AND objid = d.oid)
UNION ALL
SELECT 'text-search-parser/' || place.name || '.' || quote_ident(p.prsname),
       concat_ws(E'\\n', 'start: ' || p.prsstart, 'token: ' || p.prstoken, 'end: ' || p.prsend,
                         'headline: ' || nullif(p.prsheadline::oid, 0)::regproc, 'types: ' || p.prslextype)
  FROM place
  JOIN pg_ts_parser p ON p.prsnamespace = place.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_parser'::regclass AND objid = p.oid)
UNION ALL
SELECT 'text-search-template/' || place.name || '.' || quote_ident(t.tmplname),
       concat_ws(E'\\n', 'init: ' || nullif(t.tmplinit::oid, 0)::regproc, 'lexize: ' || t.tmpllexize)
  FROM place
  JOIN pg_ts_template t ON t.tmplnamespace = place.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_template'::regclass AND objid = t.oid)";
