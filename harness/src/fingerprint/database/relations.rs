//! The relations that have rows of their own: tables, partitions, inheritance children and
//! materialised views. Locks each against being rewritten while the snapshot is in use.

use std::collections::HashMap;

use postgres::Client;

use super::quote;
use super::session::is_lost;
use super::snapshot::Snapshot;
use super::types::Types;
use crate::error::{Attempt, Result};

const RELATIONS: &str = "\
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'm' AND NOT c.relispopulated, \
           pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
           AND pg_catalog.has_table_privilege(c.oid, 'SELECT') \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' \
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
    ORDER BY n.nspname, c.relname";

const COLUMNS: &str = "\
    SELECT a.attrelid, a.attname::text, a.atttypid, \
           pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull \
    FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' \
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
      AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY a.attrelid, a.attnum";

const KEYS: &str = "\
    SELECT i.indrelid, a.attname::text \
    FROM pg_catalog.pg_index i \
    CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
    WHERE i.indisprimary AND k.position <= i.indnkeyatts \
    ORDER BY i.indrelid, k.position";

/// The file now, and the file in the snapshot. They differ once something rewrote or
/// truncated the table in between, and then the snapshot's rows are gone.
const FILES: &str = "\
    SELECT c.oid, coalesce(pg_catalog.pg_relation_filenode(c.oid) = c.relfilenode, false), \
           coalesce(pg_catalog.pg_table_size(c.oid), 0), \
           coalesce(pg_catalog.pg_relation_size(c.oid), 0) \
               / pg_catalog.current_setting('block_size')::int8 \
    FROM pg_catalog.pg_class c WHERE c.oid = ANY($1)";

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub type_oid: u32,
    /// As declared: `numeric(6,2)`.
    pub declared: String,
    /// Whether it is declared so that it may be null.
    pub nullable: bool,
}

/// One relation with rows of its own.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub oid: u32,
    /// `schema.name`, for people.
    pub name: String,
    /// Quoted, for statements.
    pub sql: String,
    pub columns: Vec<Column>,
    /// Columns of the primary key.
    pub key: Vec<String>,
    /// Bytes on disk, out-of-line values included.
    pub size: u64,
    /// Pages of the table itself.
    pub pages: u64,
    pub state: State,
}

/// Whether a relation's rows can be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Readable,
    /// A materialised view that was never refreshed has no rows, by definition.
    Unpopulated,
    Unreadable(String),
}

/// Lists the relations and locks the readable ones in the snapshot's own transaction, for
/// as long as the snapshot lives.
pub(super) fn list(snapshot: &Snapshot) -> Result<(Vec<Relation>, Types)> {
    let client = &mut *snapshot.session();
    let types = Types::load(client, snapshot.server_version())?;
    let mut relations = read(client)?;
    for relation in &mut relations {
        if relation.state == State::Readable
            && let Some(reason) = lock(client, relation)?
        {
            relation.state = State::Unreadable(reason);
        }
    }
    measure(client, &mut relations)?;
    Ok((relations, types))
}

fn read(client: &mut Client) -> Result<Vec<Relation>> {
    let mut columns: HashMap<u32, Vec<Column>> = HashMap::new();
    for row in client.query(COLUMNS, &[]).attempt(|| "cannot list the columns")? {
        columns.entry(row.get(0)).or_default().push(Column {
            name: row.get(1),
            type_oid: row.get(2),
            declared: row.get(3),
            nullable: row.get(4),
        });
    }
    let mut keys: HashMap<u32, Vec<String>> = HashMap::new();
    for row in client.query(KEYS, &[]).attempt(|| "cannot list the primary keys")? {
        keys.entry(row.get(0)).or_default().push(row.get(1));
    }
    let rows = client.query(RELATIONS, &[]).attempt(|| "cannot list the tables")?;
    Ok(rows
        .iter()
        .map(|row| {
            let oid: u32 = row.get(0);
            let (schema, name): (&str, &str) = (row.get(1), row.get(2));
            let state = match (row.get(3), row.get(4)) {
                (true, _) => State::Unpopulated,
                (_, true) => State::Readable,
                (_, false) => State::Unreadable("the role may not read it".to_owned()),
            };
            Relation {
                oid,
                name: format!("{schema}.{name}"),
                sql: format!("{}.{}", quote::identifier(schema), quote::identifier(name)),
                columns: columns.remove(&oid).unwrap_or_default(),
                key: keys.remove(&oid).unwrap_or_default(),
                size: 0,
                pages: 0,
                state,
            }
        })
        .collect())
}

/// Takes the lock that any reader takes. `LOCK TABLE` would refuse materialised views.
fn lock(client: &mut Client, relation: &Relation) -> Result<Option<String>> {
    let locked = client.batch_execute(&format!(
        "SAVEPOINT lock_relation; SELECT FROM ONLY {} LIMIT 0; RELEASE SAVEPOINT lock_relation",
        relation.sql
    ));
    let Err(cause) = locked else { return Ok(None) };
    if is_lost(client, &cause) {
        return Err(cause).attempt(|| format!("connection lost while locking {}", relation.name));
    }
    client
        .batch_execute("ROLLBACK TO SAVEPOINT lock_relation; RELEASE SAVEPOINT lock_relation")
        .attempt(|| "cannot return to the snapshot after a refused lock")?;
    Ok(Some(super::session::reason(&cause)))
}

fn measure(client: &mut Client, relations: &mut [Relation]) -> Result<()> {
    let locked: Vec<u32> = relations
        .iter()
        .filter(|relation| relation.state == State::Readable)
        .map(|relation| relation.oid)
        .collect();
    let rows = client.query(FILES, &[&locked]).attempt(|| "cannot read the sizes of the tables")?;
    let files: HashMap<u32, (bool, i64, i64)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
    for relation in relations {
        if relation.state != State::Readable {
            continue;
        }
        match files.get(&relation.oid) {
            Some((true, size, pages)) => {
                relation.size = u64::try_from(*size).unwrap_or(0);
                relation.pages = u64::try_from(*pages).unwrap_or(0);
            }
            _ => {
                relation.state = State::Unreadable(
                    "it was rewritten or truncated after the snapshot was taken".to_owned(),
                );
            }
        }
    }
    Ok(())
}
