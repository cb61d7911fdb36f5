//! The database itself, its extensions and the cluster's properties that a restore must keep.
//! The database's name is no fact, so that a copy under another name compares equal.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[DATABASE]),
    Query::always(&[EXTENSIONS]),
    Query::always(&[SCHEMAS]),
    Query::always(&[TABLESPACES]),
];

const DATABASE: &str = "
SELECT 'database/current',
       concat_ws(E'\\n',
           'encoding: ' || pg_encoding_to_char(d.encoding),
           'collate: ' || d.datcollate,
           'ctype: ' || d.datctype,
           'locale provider: ' || CASE to_jsonb(d) ->> 'datlocprovider'
                                  WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END,
           'locale: ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
           'icu rules: ' || (to_jsonb(d) ->> 'daticurules'),
           'connection limit: ' || nullif(d.datconnlimit, -1),
           'template: ' || CASE WHEN d.datistemplate THEN 'yes' END,
           'connections: ' || CASE WHEN NOT d.datallowconn THEN 'refused' END,
           'tablespace: ' || quote_ident(nullif(space.spcname, 'pg_default')))
  FROM pg_database d
  JOIN pg_tablespace space ON space.oid = d.dattablespace
 WHERE d.datname = current_database()
UNION ALL
SELECT 'cluster/data checksums', current_setting('data_checksums')";

const EXTENSIONS: &str = "
SELECT 'extension/' || quote_ident(e.extname),
       concat_ws(E'\\n', 'version: ' || e.extversion, 'schema: ' || quote_ident(n.nspname))
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace";

const SCHEMAS: &str = "
SELECT 'schema/' || place.name, ''
  FROM place
 WHERE NOT EXISTS (SELECT FROM member
                    WHERE classid = 'pg_namespace'::regclass AND objid = place.oid)";

/// Not their location, which is a path on one machine.
const TABLESPACES: &str = "
SELECT 'tablespace/' || quote_ident(spcname),
       'options: ' || coalesce((SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(spcoptions) o), 'none')
  FROM pg_tablespace
 WHERE oid >= 16384";
