//! Roles, their memberships and their settings. A password is recorded as a hash that gives
//! nothing away; a predefined role only where a user's role is its member.

use postgres::Client;

use super::{Query, pairs};
use crate::error::{Attempt, Result};

pub(super) const QUERIES: &[Query] =
    &[Query::always(&[ROLES]), Query::always(&[MEMBERSHIPS]), Query::always(&[SETTINGS])];

const ROLES: &str = "
SELECT 'role/' || quote_ident(rolname),
       concat_ws(E'\\n',
           'superuser: ' || CASE WHEN rolsuper THEN 'yes' END,
           'inherit: ' || CASE WHEN NOT rolinherit THEN 'no' END,
           'create roles: ' || CASE WHEN rolcreaterole THEN 'yes' END,
           'create databases: ' || CASE WHEN rolcreatedb THEN 'yes' END,
           'login: ' || CASE WHEN rolcanlogin THEN 'yes' END,
           'replication: ' || CASE WHEN rolreplication THEN 'yes' END,
           'bypass row security: ' || CASE WHEN rolbypassrls THEN 'yes' END,
           'connection limit: ' || nullif(rolconnlimit, -1),
           'valid until: ' || (rolvaliduntil AT TIME ZONE 'UTC'))
  FROM pg_roles
 WHERE rolname !~ '^pg_'";

/// Since 16 a membership can be granted by several, and says whether it inherits; before, the
/// member's own attribute says so.
const MEMBERSHIPS: &str = "
SELECT 'membership/' || quote_ident(member.rolname) || '/' || quote_ident(role.rolname),
       concat_ws(', ', 'member',
           CASE WHEN bool_or(m.admin_option) THEN 'may admit others' END,
           CASE bool_or((to_jsonb(m) ->> 'inherit_option')::boolean)
                WHEN NOT member.rolinherit
                THEN CASE WHEN member.rolinherit THEN 'does not inherit' ELSE 'inherits' END END,
           CASE WHEN NOT bool_or((to_jsonb(m) ->> 'set_option')::boolean)
                THEN 'may not become it' END)
  FROM pg_auth_members m
  JOIN pg_roles role ON role.oid = m.roleid
  JOIN pg_roles member ON member.oid = m.member
 WHERE member.rolname !~ '^pg_'
 GROUP BY role.rolname, member.rolname, member.rolinherit";

/// Of the database, of roles, and of roles in this database. A setting with a dot in its name
/// belongs to an extension or an application and may be a secret, so that 16 bits of its hash
/// have to do: enough to see a change, too few to guess the value from.
const SETTINGS: &str = "
SELECT 'setting/' || CASE WHEN s.setrole = 0 THEN 'database'
                          WHEN s.setdatabase = 0 THEN 'role ' || quote_ident(r.rolname)
                          ELSE 'role ' || quote_ident(r.rolname) || ' in the database' END
           || '/' || name,
       CASE WHEN name LIKE '%.%' THEN 'hash ' || left(encode(sha256(textsend(value)), 'hex'), 4)
            ELSE value END
  FROM pg_db_role_setting s
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) entry
 CROSS JOIN LATERAL (SELECT split_part(entry, '=', 1) AS name,
                            substr(entry, strpos(entry, '=') + 1) AS value) c
 WHERE s.setdatabase = 0 AND r.rolname !~ '^pg_'
    OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A SCRAM verifier is salted, so its hash gives nothing away. Of anything else, an MD5 hash for
/// one, only 16 bits are kept: a whole one could be tried against a list of passwords.
const PASSWORDS: &str = "
SELECT 'role/' || quote_ident(rolname) || '/password',
       CASE WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN hash ELSE left(hash, 4) END
  FROM pg_authid
 CROSS JOIN LATERAL (SELECT encode(sha256(textsend(rolpassword)), 'hex') AS hash) h
 WHERE rolname !~ '^pg_'";

const PASSWORDS_OUT_OF_REACH: &str = "
SELECT 'role/' || quote_ident(rolname) || '/password', 'undecided: pg_authid may not be read'
  FROM pg_roles
 WHERE rolname !~ '^pg_'";

/// Hashes of the passwords, which only a superuser may read.
pub(super) fn passwords(client: &mut Client) -> Result<Vec<(String, String)>> {
    let attempt = || "cannot read the passwords of roles";
    let readable: bool = client
        .query_one("SELECT has_table_privilege('pg_authid', 'SELECT')", &[])
        .attempt(attempt)?
        .get(0);
    let sql = if readable { PASSWORDS } else { PASSWORDS_OUT_OF_REACH };
    pairs(client, &[sql]).attempt(attempt)
}
