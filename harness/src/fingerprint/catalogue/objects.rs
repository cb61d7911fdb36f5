//! The one list of everything that users made, for what any object can have: an owner,
//! privileges, a comment, a security label. A kind of object that is listed here has them all.

use super::Query;
use super::access::{GIVEN, GRANTS};

/// One statement, because planning the list takes longer than running it.
pub(super) const QUERIES: &[Query] = &[Query::always(&[
    OBJECTS,
    GIVEN,
    OWNERS,
    "UNION ALL",
    GRANTS,
    "UNION ALL",
    COMMENTS,
    "UNION ALL",
    LABELS,
])];

/// `object`: `subject` is `class name[/part]`; `acltype` the letter of `acldefault`, null where
/// there are no privileges; `owned` false where the owner follows from another object's.
///
/// An extension is not owned here: a dump cannot carry its owner.
const OBJECTS: &str = r#"
, object (classid, objid, subid, subject, owner, owned, acl, acltype) AS (
    SELECT 'pg_class'::regclass, r.oid, 0, r.class || ' ' || r.name, r.relowner,
           NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
                          AND r.relkind = 'S' AND d.deptype IN ('a', 'i')),
           r.relacl, (CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char"
      FROM relation r
     WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'pg_class'::regclass, r.oid, a.attnum, 'column ' || r.name || '/' || quote_ident(a.attname),
           r.relowner, false, a.attacl, 'c'
      FROM relation r
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum <> 0 AND NOT a.attisdropped
     WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    UNION ALL
    SELECT 'pg_class'::regclass, index.oid, 0, 'index ' || r.name || '/' || quote_ident(index.relname),
           r.relowner, false, NULL, NULL
      FROM relation r
      JOIN pg_index i ON i.indrelid = r.oid
      JOIN pg_class index ON index.oid = i.indexrelid
    UNION ALL
    SELECT 'pg_constraint'::regclass, c.oid, 0,
           CASE WHEN c.contypid <> 0 THEN 'domain-constraint ' || c.contypid::regtype
                ELSE 'constraint ' || r.name END || '/' || quote_ident(c.conname),
           NULL, false, NULL, NULL
      FROM pg_constraint c
      JOIN place ON place.oid = c.connamespace
      LEFT JOIN relation r ON r.oid = c.conrelid
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, 0, 'trigger ' || r.name || '/' || quote_ident(t.tgname),
           NULL, false, NULL, NULL
      FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, 0, 'rule ' || r.name || '/' || quote_ident(w.rulename),
           NULL, false, NULL, NULL
      FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, 0, 'policy ' || r.name || '/' || quote_ident(p.polname),
           NULL, false, NULL, NULL
      FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, 'schema ' || place.name, n.nspowner, true, n.nspacl, 'n'
      FROM place JOIN pg_namespace n ON n.oid = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_namespace'::regclass AND objid = n.oid)
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, 'function ' || p.oid::regprocedure, p.proowner, true, p.proacl, 'f'
      FROM place JOIN pg_proc p ON p.pronamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                                                 AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, 'type ' || t.oid::regtype, t.typowner, true, t.typacl, 'T'
      FROM made_type t
    UNION ALL
    SELECT 'pg_operator'::regclass, o.oid, 0, 'operator ' || o.oid::regoperator, o.oprowner, true, NULL, NULL
      FROM place JOIN pg_operator o ON o.oprnamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_operator'::regclass AND objid = o.oid)
    UNION ALL
    SELECT 'pg_opclass'::regclass, o.oid, 0,
           'operator-class ' || place.name || '.' || quote_ident(o.opcname) || ' using ' || am.amname,
           o.opcowner, true, NULL, NULL
      FROM place JOIN pg_opclass o ON o.opcnamespace = place.oid JOIN pg_am am ON am.oid = o.opcmethod
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opclass'::regclass AND objid = o.oid)
    UNION ALL
    SELECT 'pg_opfamily'::regclass, o.oid, 0,
           'operator-family ' || place.name || '.' || quote_ident(o.opfname) || ' using ' || am.amname,
           o.opfowner, true, NULL, NULL
      FROM place JOIN pg_opfamily o ON o.opfnamespace = place.oid JOIN pg_am am ON am.oid = o.opfmethod
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opfamily'::regclass AND objid = o.oid)
    UNION ALL
    SELECT 'pg_collation'::regclass, c.oid, 0, 'collation ' || c.oid::regcollation, c.collowner, true, NULL, NULL
      FROM place JOIN pg_collation c ON c.collnamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_collation'::regclass AND objid = c.oid)
    UNION ALL
    SELECT 'pg_conversion'::regclass, c.oid, 0, 'conversion ' || place.name || '.' || quote_ident(c.conname),
           c.conowner, true, NULL, NULL
      FROM place JOIN pg_conversion c ON c.connamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_conversion'::regclass AND objid = c.oid)
    UNION ALL
    SELECT 'pg_ts_config'::regclass, c.oid, 0, 'text-search-configuration ' || c.oid::regconfig,
           c.cfgowner, true, NULL, NULL
      FROM place JOIN pg_ts_config c ON c.cfgnamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_config'::regclass AND objid = c.oid)
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, d.oid, 0, 'text-search-dictionary ' || d.oid::regdictionary,
           d.dictowner, true, NULL, NULL
      FROM place JOIN pg_ts_dict d ON d.dictnamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_dict'::regclass AND objid = d.oid)
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, s.oid, 0, 'statistics ' || place.name || '.' || quote_ident(s.stxname),
           s.stxowner, true, NULL, NULL
      FROM place JOIN pg_statistic_ext s ON s.stxnamespace = place.oid
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid)
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, 0, 'language ' || quote_ident(l.lanname), l.lanowner, true, l.lanacl, 'l'
      FROM pg_language l
     WHERE l.oid >= 16384
       AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_language'::regclass AND objid = l.oid)
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, 0, 'foreign-data-wrapper ' || quote_ident(w.fdwname),
           w.fdwowner, true, w.fdwacl, 'F'
      FROM pg_foreign_data_wrapper w
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_foreign_data_wrapper'::regclass AND objid = w.oid)
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, s.oid, 0, 'server ' || quote_ident(s.srvname), s.srvowner, true, s.srvacl, 'S'
      FROM pg_foreign_server s
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_foreign_server'::regclass AND objid = s.oid)
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, e.oid, 0, 'event-trigger ' || quote_ident(e.evtname), e.evtowner, true, NULL, NULL
      FROM pg_event_trigger e
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_event_trigger'::regclass AND objid = e.oid)
    UNION ALL
    SELECT 'pg_publication'::regclass, p.oid, 0, 'publication ' || quote_ident(p.pubname), p.pubowner, true, NULL, NULL
      FROM pg_publication p
    UNION ALL
    SELECT 'pg_subscription'::regclass, s.oid, 0, 'subscription ' || quote_ident(s.subname), s.subowner, true, NULL, NULL
      FROM pg_subscription s
      JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
    UNION ALL
    SELECT 'pg_cast'::regclass, c.oid, 0,
           'cast ' || c.castsource::regtype || ' as ' || c.casttarget::regtype, NULL, false, NULL, NULL
      FROM pg_cast c
     WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_transform'::regclass, t.oid, 0,
           'transform ' || t.trftype::regtype || ' for ' || quote_ident(l.lanname), NULL, false, NULL, NULL
      FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_transform'::regclass AND objid = t.oid)
    UNION ALL
    SELECT 'pg_am'::regclass, a.oid, 0, 'access-method ' || quote_ident(a.amname), NULL, false, NULL, NULL
      FROM pg_am a
     WHERE a.oid >= 16384
       AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_am'::regclass AND objid = a.oid)
    UNION ALL
    SELECT 'pg_extension'::regclass, e.oid, 0, 'extension ' || quote_ident(e.extname), NULL, false, NULL, NULL
      FROM pg_extension e
    UNION ALL
    SELECT 'pg_database'::regclass, d.oid, 0, 'database current', d.datdba, true, d.datacl, 'd'
      FROM pg_database d
     WHERE d.datname = current_database()
    UNION ALL
    SELECT 'pg_tablespace'::regclass, t.oid, 0, 'tablespace ' || quote_ident(t.spcname), t.spcowner,
           t.oid >= 16384, t.spcacl, 't'
      FROM pg_tablespace t
    UNION ALL
    SELECT 'pg_authid'::regclass, r.oid, 0, 'role ' || quote_ident(r.rolname), NULL, false, NULL, NULL
      FROM pg_roles r
     WHERE r.rolname !~ '^pg_'
    UNION ALL
    SELECT 'pg_largeobject'::regclass, l.oid, 0, 'large-object ' || l.oid, l.lomowner, false, NULL, NULL
      FROM pg_largeobject_metadata l
)"#;

const OWNERS: &str = "
SELECT 'owner/' || subject, quote_ident(pg_get_userbyid(owner)::text)
  FROM object
 WHERE owned
";

const COMMENTS: &str = "
SELECT 'comment/' || subject, description
  FROM object
  JOIN pg_description d ON d.classoid = classid AND d.objoid = objid AND d.objsubid = subid
UNION ALL
SELECT 'comment/' || subject, description
  FROM object
  JOIN pg_shdescription d ON d.classoid = classid AND d.objoid = objid
";

const LABELS: &str = "
SELECT 'label/' || subject || '/' || quote_ident(provider), label
  FROM object
  JOIN pg_seclabel l ON l.classoid = classid AND l.objoid = objid AND l.objsubid = subid
UNION ALL
SELECT 'label/' || subject || '/' || quote_ident(provider), label
  FROM object
  JOIN pg_shseclabel l ON l.classoid = classid AND l.objoid = objid
";
