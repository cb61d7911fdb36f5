//! Tables with their partitioning, inheritance, storage and row security; views and
//! materialised views with their definitions.

use super::Query;

pub(super) const QUERIES: &[Query] = &[Query::always(&[TABLES]), Query::always(&[VIEWS])];

const TABLES: &str = concat!(
    "
SELECT r.class || '/' || r.name,
       concat_ws(E'\\n',
           'kind: ' || CASE r.relkind WHEN 'p' THEN 'partitioned table'
                                      WHEN 'f' THEN 'foreign table' ELSE 'table' END,
           'partition key: ' || pg_get_partkeydef(r.oid),
           'partition of: ' || parents.names || ' ' || pg_get_expr(r.relpartbound, r.oid),
           'detach pending: ' || parents.detaching,
           'inherits: ' || CASE WHEN NOT r.relispartition THEN parents.names END,
           'of type: ' || nullif(r.reloftype, 0)::regtype,
           'unlogged: ' || CASE r.relpersistence WHEN 'u' THEN 'yes' END,
           'access method: ' || nullif(am.amname, 'heap'),
           'tablespace: ' || quote_ident(space.spcname),
           'options: ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(
               r.reloptions || (SELECT array_agg('toast.' || toast_option) FROM unnest(toast.reloptions) toast_option)) o),
           'replica identity: ' || CASE WHEN r.relkind = 'f' THEN NULL
                                        WHEN r.relreplident = 'n' THEN 'nothing'
                                        WHEN r.relreplident = 'f' THEN 'full'
                                        WHEN r.relreplident = 'i' THEN 'index' END,
           'row security: ' || CASE WHEN r.relrowsecurity THEN 'enabled' END,
           'row security of the owner: ' || CASE WHEN r.relforcerowsecurity THEN 'forced' END,
           'server: ' || quote_ident(server.srvname),
           'foreign options: ' || ",
    options!("f.ftoptions"),
    ")
  FROM relation r
  LEFT JOIN LATERAL (
       SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) AS names,
              max(CASE to_jsonb(i) ->> 'inhdetachpending' WHEN 'true' THEN 'yes' END) AS detaching
         FROM pg_inherits i WHERE inhrelid = r.oid) parents ON true
  LEFT JOIN pg_am am ON am.oid = r.relam
  LEFT JOIN pg_tablespace space ON space.oid = r.reltablespace
  LEFT JOIN pg_class toast ON toast.oid = r.reltoastrelid
  LEFT JOIN pg_foreign_table f ON f.ftrelid = r.oid
  LEFT JOIN pg_foreign_server server ON server.oid = f.ftserver
 WHERE r.relkind IN ('r', 'p', 'f')"
);

const VIEWS: &str = "
SELECT r.class || '/' || r.name,
       concat_ws(E'\\n',
           'kind: ' || CASE r.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
           'populated: ' || CASE WHEN r.relkind = 'm' AND NOT r.relispopulated THEN 'no' END,
           'unlogged: ' || CASE r.relpersistence WHEN 'u' THEN 'yes' END,
           'access method: ' || nullif(am.amname, 'heap'),
           'tablespace: ' || quote_ident(space.spcname),
           'options: ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(r.reloptions) o),
           E'definition:\\n' || pg_get_viewdef(r.oid))
  FROM relation r
  LEFT JOIN pg_am am ON am.oid = r.relam
  LEFT JOIN pg_tablespace space ON space.oid = r.reltablespace
 WHERE r.relkind IN ('v', 'm')";
