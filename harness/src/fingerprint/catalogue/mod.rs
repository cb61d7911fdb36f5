//! Every fact of a database's catalogue that a restore must bring back, as canonical texts
//! under `kind/object[/part[/aspect]]`. Owns the reading; judging is `compare::facts`. Leaves
//! out what legitimately differs: OIDs, file nodes, statistics, system objects as `initdb` and
//! extensions made them. Needs a transaction with one snapshot and an empty `search_path`.

/// An expression that lists options, those that may be secrets as 16 bits of a hash: enough to see
/// a change, too few to guess the value from.
macro_rules! options {
    ($array:literal) => {
        concat!(
            "(SELECT string_agg(shown, ', ' ORDER BY shown) FROM unnest(",
            $array,
            ") option CROSS JOIN LATERAL (SELECT CASE
                WHEN split_part(option, '=', 1) ~* 'pass|secret|token|key|credential'
                THEN split_part(option, '=', 1) || ' hash '
                  || left(encode(sha256(textsend(option)), 'hex'), 4)
                ELSE option END AS shown) s)"
        )
    };
}

mod access;
mod amcheck;
mod columns;
mod constraints;
mod database;
mod exchange;
mod indexes;
mod objects;
mod reactions;
mod relations;
mod roles;
mod routines;
mod sequences;
mod text;
mod types;

pub use self::amcheck::{Amcheck, IndexCheck, damaged_indexes};

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use data_encoding::HEXLOWER;
use postgres::{Client, SimpleQueryMessage};

use super::database::session;
use super::database::text::Text;
use crate::error::{Attempt, Error, Result};
use crate::server::Server;

/// A statement that yields facts: two text columns, key and value. Rows with a null are no facts.
struct Query {
    /// First server version that has the catalogues that it reads.
    since: i32,
    /// The statement, below [`SCOPE`]; in parts where it shares them.
    parts: &'static [&'static str],
}

impl Query {
    const fn always(parts: &'static [&'static str]) -> Self {
        Self::since(0, parts)
    }

    const fn since(since: i32, parts: &'static [&'static str]) -> Self {
        Self { since, parts }
    }
}

/// What every statement may refer to. `member` is what belongs to an extension, which brings it
/// back itself; `place` the schemas of users; `relation` what users made in them.
const SCOPE: &str = "
WITH RECURSIVE member AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), place AS (
    SELECT oid, quote_ident(nspname) AS name
      FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relation AS (
    SELECT c.oid, c.relkind, c.relowner, c.relacl, c.relpersistence, c.relam,
           c.reltablespace, c.reltoastrelid, c.reloptions, c.relreplident, c.relrowsecurity,
           c.relforcerowsecurity, c.relispartition, c.relpartbound, c.reloftype,
           c.relispopulated,
           place.name || '.' || quote_ident(c.relname) AS name,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'matview' WHEN 'S' THEN 'sequence'
                          WHEN 'f' THEN 'foreign-table' WHEN 'c' THEN 'type'
                          WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END AS class
      FROM pg_class c
      JOIN place ON place.oid = c.relnamespace
     WHERE NOT EXISTS (SELECT FROM member
                        WHERE classid = 'pg_class'::regclass AND objid = c.oid)
), made_type AS (
    SELECT t.*
      FROM pg_type t
      JOIN place ON place.oid = t.typnamespace
      LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE (t.typtype IN ('b', 'd', 'e', 'r') OR c.relkind = 'c')
       AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
       AND NOT EXISTS (SELECT FROM member
                        WHERE classid = 'pg_type'::regclass AND objid = t.oid
                           OR classid = 'pg_class'::regclass AND objid = t.typrelid)
)
";

/// What changes how the server prints definitions, for this transaction. Compiling the
/// statements would take longer than running them.
const CANONICAL_OUTPUT: &str = "
SET LOCAL search_path = '';
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 3;
SET LOCAL quote_all_identifiers = off;
SET LOCAL jit = off;
";

/// The families, each with the word that an error uses for it.
const FAMILIES: [(&str, &[Query]); 13] = [
    ("tables and views", relations::QUERIES),
    ("columns", columns::QUERIES),
    ("constraints", constraints::QUERIES),
    ("indexes", indexes::QUERIES),
    ("types", types::QUERIES),
    ("functions and operators", routines::QUERIES),
    ("triggers, rules and policies", reactions::QUERIES),
    ("collations and text search", text::QUERIES),
    ("publications and foreign servers", exchange::QUERIES),
    ("owners, grants and comments", objects::QUERIES),
    ("default privileges and large objects", access::QUERIES),
    ("roles", roles::QUERIES),
    ("the database", database::QUERIES),
];

/// Reads every fact of the catalogue that the client's snapshot sees.
///
/// The client is in a repeatable-read transaction; its settings are changed until the end of it,
/// so that definitions are printed alike everywhere, with qualified names. A key is
/// `kind/object[/part[/aspect]]`, names quoted as SQL quotes them. A value is one text, or lines
/// of `attribute: value` where attributes at their default are left out, so that an attribute
/// that is new in a major version does not make the others differ. One that begins with
/// [`crate::model::fingerprint::UNDECIDED`] could not be read.
///
/// Sequences are not transactional: their values are those of the moment of reading.
pub fn facts(client: &mut Client, server_version: i32) -> Result<BTreeMap<String, String>> {
    client
        .batch_execute(CANONICAL_OUTPUT)
        .attempt(|| "cannot prepare the session for reading the catalogue")?;
    let mut read = Vec::new();
    for (family, queries) in FAMILIES {
        let script: Vec<String> = queries
            .iter()
            .filter(|query| query.since <= server_version)
            .map(|query| format!("{SCOPE}{}", query.parts.concat()))
            .collect();
        read.extend(
            pairs(client, &script)
                .attempt(|| format!("cannot read {family} from the catalogue"))?,
        );
    }
    read.extend(roles::passwords(client)?);
    read.extend(exchange::subscriptions(client)?);
    read.extend(sequences::facts(client)?);
    by_key(read)
}

/// Reads the facts of the sequences alone, as they stand now: see [`crate::compare::sequences`].
pub fn sequences(server: impl Into<Server>) -> Result<BTreeMap<String, String>> {
    by_key(sequences::facts(&mut reading(server)?)?)
}

/// Reads where the replay of WAL leaves each sequence: the last position that a physical restore
/// may bring back.
pub fn replayed_sequences(server: impl Into<Server>) -> Result<BTreeMap<String, String>> {
    by_key(sequences::replayed(&mut reading(server)?)?)
}

/// A session in a transaction that only reads.
fn reading(server: impl Into<Server>) -> Result<Client> {
    let mut client = session::connect(&server.into())?;
    session::begin(&mut client, None)?;
    Ok(client)
}

/// Runs statements in one round trip and returns their rows without nulls: keys as one line each,
/// values as lines.
fn pairs<S: AsRef<str>>(
    client: &mut Client,
    statements: &[S],
) -> Result<Vec<(String, String)>, postgres::Error> {
    let rows = texts(client, statements)?;
    Ok(rows.into_iter().map(|(key, value)| (key.line(), value.lines())).collect())
}

/// The same, whatever bytes the texts are made of: they cross as hexadecimal digits.
fn texts<S: AsRef<str>>(
    client: &mut Client,
    statements: &[S],
) -> Result<Vec<(Text, Text)>, postgres::Error> {
    const UNREADABLE: &str = "encode writes hexadecimal digits";
    let statements = statements.iter().map(|statement| {
        format!(
            "SELECT pg_catalog.encode(pg_catalog.convert_to(key, sent), 'hex'), \
                    pg_catalog.encode(pg_catalog.convert_to(value, sent), 'hex') \
             FROM ({}) AS fact (key, value), \
                  (SELECT CASE WHEN pg_catalog.getdatabaseencoding() \
                                    OPERATOR(pg_catalog.=) 'SQL_ASCII' \
                          THEN 'SQL_ASCII' ELSE 'UTF8' END) AS encoding (sent) \
             WHERE key IS NOT NULL AND value IS NOT NULL",
            statement.as_ref()
        )
    });
    let messages = client.simple_query(&statements.collect::<Vec<_>>().join(";"))?;
    let text = |hex: &str| Text::from(HEXLOWER.decode(hex.as_bytes()).expect(UNREADABLE));
    Ok(messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((text(row.get(0)?), text(row.get(1)?))),
            _ => None,
        })
        .collect())
}

/// Two facts under one key would hide each other.
fn by_key(read: Vec<(String, String)>) -> Result<BTreeMap<String, String>> {
    let mut facts = BTreeMap::new();
    for (key, value) in read {
        match facts.entry(key) {
            Entry::Vacant(vacant) => vacant.insert(value),
            Entry::Occupied(taken) => {
                return Err(Error::undecided(format!(
                    "two facts of the catalogue are both named \"{}\"",
                    taken.key()
                )));
            }
        };
    }
    Ok(facts)
}
