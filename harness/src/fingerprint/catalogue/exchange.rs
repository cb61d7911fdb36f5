//! What the database exchanges with others: publications, subscriptions, foreign servers and
//! the mappings of users to them. Secrets among the options are recorded as 16 bits of a hash.

use postgres::Client;

use super::{Query, pairs};
use crate::error::{Attempt, Result};

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[PUBLICATIONS]),
    Query::always(&[PUBLISHED_TABLES]),
    Query::since(150_000, &[PUBLISHED_PARTS]),
    Query::always(&[FOREIGN_DATA_WRAPPERS]),
    Query::always(&[SERVERS]),
    Query::always(&[USER_MAPPINGS]),
];

const PUBLICATIONS: &str = "
SELECT 'publication/' || quote_ident(p.pubname),
       concat_ws(E'\\n',
           'all tables: ' || CASE WHEN p.puballtables THEN 'yes' END,
           'publishes: ' || concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
                CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
                CASE WHEN p.pubtruncate THEN 'truncate' END),
           'via the root: ' || CASE WHEN p.pubviaroot THEN 'yes' END,
           'generated columns: ' || nullif(to_jsonb(p) ->> 'pubgencols', 'n'))
  FROM pg_publication p";

const PUBLISHED_TABLES: &str = "
SELECT 'published-table/' || quote_ident(p.pubname) || '/' || r.name, ''
  FROM pg_publication p
  JOIN pg_publication_rel t ON t.prpubid = p.oid
  JOIN relation r ON r.oid = t.prrelid";

/// Row filters, column lists and whole schemas: since 15.
const PUBLISHED_PARTS: &str = "
SELECT 'published-part/' || quote_ident(p.pubname) || '/' || r.name,
       concat_ws(E'\\n',
           'columns: ' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                             FROM pg_attribute a
                            WHERE a.attrelid = r.oid AND a.attnum = ANY (t.prattrs::int2[])),
           'rows: ' || pg_get_expr(t.prqual, t.prrelid))
  FROM pg_publication p
  JOIN pg_publication_rel t ON t.prpubid = p.oid
  JOIN relation r ON r.oid = t.prrelid
 WHERE t.prattrs IS NOT NULL OR t.prqual IS NOT NULL
UNION ALL
SELECT 'published-schema/' || quote_ident(p.pubname) || '/' || place.name, ''
  FROM pg_publication p
  JOIN pg_publication_namespace n ON n.pnpubid = p.oid
  JOIN place ON place.oid = n.pnnspid";

const FOREIGN_DATA_WRAPPERS: &str = concat!(
    "
SELECT 'foreign-data-wrapper/' || quote_ident(w.fdwname),
       concat_ws(E'\\n',
           'handler: ' || nullif(w.fdwhandler, 0)::regproc,
           'validator: ' || nullif(w.fdwvalidator, 0)::regproc,
           'options: ' || ",
    options!("w.fdwoptions"),
    ")
  FROM pg_foreign_data_wrapper w
 WHERE NOT EXISTS (SELECT FROM member
                    WHERE classid = 'pg_foreign_data_wrapper'::regclass AND objid = w.oid)"
);

const SERVERS: &str = concat!(
    "
SELECT 'server/' || quote_ident(s.srvname),
       concat_ws(E'\\n',
           'wrapper: ' || quote_ident(w.fdwname), 'type: ' || s.srvtype, 'version: ' || s.srvversion,
           'options: ' || ",
    options!("s.srvoptions"),
    ")
  FROM pg_foreign_server s
  JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 WHERE NOT EXISTS (SELECT FROM member
                    WHERE classid = 'pg_foreign_server'::regclass AND objid = s.oid)"
);

/// The view hides the options from those who may not see them.
const USER_MAPPINGS: &str = "
SELECT 'user-mapping/' || quote_ident(m.srvname) || '/' || quote_ident(m.usename),
       CASE WHEN m.umoptions IS NULL AND NOT current_setting('is_superuser')::boolean
            THEN 'undecided: the options of the user mapping may not be read'
            ELSE 'options: ' || coalesce((SELECT string_agg(split_part(o, '=', 1) || ' hash '
                                  || left(encode(sha256(textsend(o)), 'hex'), 4), ', ' ORDER BY o)
                             FROM unnest(m.umoptions) o), 'none') END
  FROM pg_user_mappings m";

/// Whether it is enabled is left out: a dump restores every subscription disabled. Before 16
/// every one ran as its owner, without saying so.
const SUBSCRIPTIONS: &str = "
SELECT 'subscription/' || quote_ident(s.subname),
       concat_ws(E'\\n',
           'publications: ' || (SELECT string_agg(quote_ident(p), ', ' ORDER BY p) FROM unnest(s.subpublications) p),
           'slot: ' || quote_ident(s.subslotname),
           'synchronous commit: ' || nullif(s.subsynccommit, 'off'),
           'connection: hash ' || left(encode(sha256(textsend(s.subconninfo)), 'hex'), 4),
           'options: ' || nullif(concat_ws(', ',
                CASE WHEN option ->> 'subbinary' = 'true' THEN 'binary' END,
                CASE WHEN option ->> 'subdisableonerr' = 'true' THEN 'disable on error' END,
                CASE WHEN coalesce(option ->> 'subrunasowner', 'true') = 'true' THEN 'run as owner' END,
                CASE WHEN option ->> 'subpasswordrequired' = 'false' THEN 'no password required' END,
                CASE WHEN option ->> 'subfailover' = 'true' THEN 'failover' END,
                'origin ' || nullif(option ->> 'suborigin', 'any')), ''))
  FROM pg_subscription s
 CROSS JOIN LATERAL (SELECT to_jsonb(s) AS option) j
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";

const SUBSCRIPTIONS_OUT_OF_REACH: &str = "
SELECT 'subscription/' || quote_ident(s.subname), 'undecided: pg_subscription may not be read'
  FROM pg_subscription s
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Subscriptions, whose connection strings only a superuser may read.
pub(super) fn subscriptions(client: &mut Client) -> Result<Vec<(String, String)>> {
    let attempt = || "cannot read the subscriptions";
    let readable: bool = client
        .query_one("SELECT has_table_privilege('pg_subscription', 'SELECT')", &[])
        .attempt(attempt)?
        .get(0);
    let sql = if readable { SUBSCRIPTIONS } else { SUBSCRIPTIONS_OUT_OF_REACH };
    pairs(client, &[sql]).attempt(attempt)
}
