//! Owners and privileges, of everything that has them; default privileges; large objects.
//!
//! A privilege is a fact only where it differs from what the object would have untouched: for a
//! user's object the built-in default, for the system's and an extension's what `initdb` and
//! `CREATE EXTENSION` gave. That is what `pg_dump` carries, and it keeps a privilege that is new
//! in a major version out of whatever was never granted.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::since(150_000, &[PARAMETER_GRANTS]),
    Query::always(&[DEFAULT_GRANTS]),
    Query::always(&[LARGE_OBJECT_OWNERS]),
    Query::always(&[LARGE_OBJECT_GRANTS]),
];

/// `given`: objects of the system and of extensions whose privileges are no longer what they
/// were made with. A dump leaves out those of `information_schema`.
pub(super) const GIVEN: &str = r#"
, given AS (
    SELECT 'relation ' || c.oid::regclass AS subject, c.relowner AS owner, c.relacl AS acl,
           (CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char" AS acltype, i.initprivs AS initial
      FROM pg_class c
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
     WHERE c.relacl IS DISTINCT FROM i.initprivs
       AND (c.relnamespace = 'pg_catalog'::regnamespace
            OR ('pg_class'::regclass, c.oid) IN (TABLE member))
    UNION ALL
    SELECT 'column ' || c.oid::regclass || '/' || quote_ident(a.attname), c.relowner, a.attacl, 'c', i.initprivs
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = a.attnum
     WHERE a.attacl IS DISTINCT FROM i.initprivs AND NOT a.attisdropped
       AND (c.relnamespace = 'pg_catalog'::regnamespace
            OR ('pg_class'::regclass, c.oid) IN (TABLE member))
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure, p.proowner, p.proacl, 'f', i.initprivs
      FROM pg_proc p
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
     WHERE p.proacl IS DISTINCT FROM i.initprivs
       AND (p.pronamespace = 'pg_catalog'::regnamespace
            OR ('pg_proc'::regclass, p.oid) IN (TABLE member))
    UNION ALL
    SELECT 'type ' || t.oid::regtype, t.typowner, t.typacl, 'T', i.initprivs
      FROM pg_type t
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_type'::regclass AND i.objoid = t.oid
     WHERE t.typacl IS DISTINCT FROM i.initprivs
       AND (t.typnamespace = 'pg_catalog'::regnamespace
            OR ('pg_type'::regclass, t.oid) IN (TABLE member))
    UNION ALL
    SELECT 'schema ' || quote_ident(n.nspname), n.nspowner, n.nspacl, 'n', i.initprivs
      FROM pg_namespace n
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid
     WHERE n.nspacl IS DISTINCT FROM i.initprivs
       AND (n.nspname = 'pg_catalog' OR ('pg_namespace'::regclass, n.oid) IN (TABLE member))
    UNION ALL
    SELECT 'language ' || quote_ident(l.lanname), l.lanowner, l.lanacl, 'l', i.initprivs
      FROM pg_language l
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_language'::regclass AND i.objoid = l.oid
     WHERE l.lanacl IS DISTINCT FROM i.initprivs
       AND (l.oid < 16384 OR ('pg_language'::regclass, l.oid) IN (TABLE member))
    UNION ALL
    SELECT 'foreign-data-wrapper ' || quote_ident(w.fdwname), w.fdwowner, w.fdwacl, 'F', i.initprivs
      FROM pg_foreign_data_wrapper w
      LEFT JOIN pg_init_privs i ON i.classoid = 'pg_foreign_data_wrapper'::regclass AND i.objoid = w.oid
     WHERE w.fdwacl IS DISTINCT FROM i.initprivs
       AND ('pg_foreign_data_wrapper'::regclass, w.oid) IN (TABLE member)
)"#;

/// One fact for an object and a grantee: privileges, `*` for the right to grant, the grantor
/// where it is not the owner. The owner is called that, so that a change of owner is one fact.
pub(super) const GRANTS: &str = "
SELECT 'grant/' || subject || '/'
           || CASE grantee WHEN 0 THEN 'PUBLIC' WHEN owner THEN 'the owner'
                           ELSE quote_ident(pg_get_userbyid(grantee)) END,
       coalesce(held, 'none')
  FROM (SELECT subject, owner, acl, acltype, NULL AS initial FROM object WHERE acl IS NOT NULL
         UNION ALL SELECT * FROM given) o
 CROSS JOIN LATERAL (SELECT acldefault(acltype, owner) AS untouched) d
 CROSS JOIN LATERAL (
       SELECT grantee, string_agg(privilege, ', ' ORDER BY privilege) FILTER (WHERE now) AS held,
              string_agg(privilege, ', ' ORDER BY privilege) FILTER (WHERE NOT now) AS usual
         FROM (SELECT true AS now, * FROM aclexplode(coalesce(acl, untouched))
                UNION ALL SELECT false, * FROM aclexplode(coalesce(initial, untouched))) e
        CROSS JOIN LATERAL (
              SELECT privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END
                  || CASE WHEN grantor <> owner THEN ' by ' || quote_ident(pg_get_userbyid(grantor))
                          ELSE '' END AS privilege) p
        GROUP BY grantee) g
 WHERE held IS DISTINCT FROM usual
";

const PARAMETER_GRANTS: &str = "
SELECT 'grant/parameter ' || p.parname || '/'
           || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END,
                  ', ' ORDER BY a.privilege_type)
  FROM pg_parameter_acl p
 CROSS JOIN LATERAL aclexplode(p.paracl) a
 WHERE a.grantee <> 10
 GROUP BY p.parname, a.grantee";

/// Of a role's defaults for all schemas, only what differs from the built-in ones. Those for one
/// schema add to nothing, which is what columns have by default.
const DEFAULT_GRANTS: &str = r#"
SELECT 'default-grant/' || quote_ident(pg_get_userbyid(d.defaclrole))
           || coalesce(' in ' || quote_ident(n.nspname), '') || ' on '
           || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
                   WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas'
                   WHEN 'L' THEN 'large objects' ELSE d.defaclobjtype::text END
           || '/' || CASE held.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(held.grantee)) END,
       coalesce(held.privileges, 'none')
  FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL (
       SELECT CASE WHEN d.defaclnamespace = 0
                   THEN acldefault((CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END)::"char", d.defaclrole)
                   ELSE acldefault('c', d.defaclrole) END AS untouched) u
 CROSS JOIN LATERAL (
       SELECT grantee, string_agg(privilege, ', ' ORDER BY privilege) FILTER (WHERE now) AS privileges,
              string_agg(privilege, ', ' ORDER BY privilege) FILTER (WHERE NOT now) AS usual
         FROM (SELECT true AS now, * FROM aclexplode(d.defaclacl)
                UNION ALL SELECT false, * FROM aclexplode(u.untouched)) e
        CROSS JOIN LATERAL (SELECT privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END AS privilege) p
        GROUP BY grantee) held
 WHERE held.privileges IS DISTINCT FROM held.usual"#;

/// There can be a million, so they are listed under their owner.
const LARGE_OBJECT_OWNERS: &str = "
SELECT 'large-object-owner/' || quote_ident(pg_get_userbyid(lomowner)),
       string_agg(oid::text, ',' ORDER BY oid)
  FROM pg_largeobject_metadata
 GROUP BY lomowner";

const LARGE_OBJECT_GRANTS: &str = "
SELECT 'large-object-grant/' || grantee || '/' || privileges, string_agg(oid::text, ',' ORDER BY oid)
  FROM (SELECT m.oid,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
               string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ', '
                          ORDER BY a.privilege_type) AS privileges
          FROM pg_largeobject_metadata m
         CROSS JOIN LATERAL aclexplode(m.lomacl) a
         WHERE a.grantee <> m.lomowner
         GROUP BY m.oid, 2) g
 GROUP BY 1";
