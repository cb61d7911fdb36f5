//! The relations that have rows of their own: tables, partitions, inheritance children and
//! materialised views. Locks each against being rewritten while the snapshot is in use.

use std::collections::HashMap;

use postgres::Client;

use super::session::{self, is_lost};
use super::snapshot::Snapshot;
use super::text::Text;
use super::types::Types;
use crate::error::{Attempt, Result};

/// A tree of partitions with a level that goes by hash is one table in pieces: a hash can be of an
/// OID, such as an enum's, and then another server puts the same rows elsewhere.
///
/// The planner looks into expressions of indexes and of statistics objects.
const RELATIONS: &str = "\
    WITH piece AS ( \
        SELECT leaf.relid AS oid, root.oid AS root FROM pg_catalog.pg_class root \
        CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) leaf \
        WHERE root.relkind = 'p' AND NOT root.relispartition AND leaf.isleaf \
          AND EXISTS (SELECT FROM pg_catalog.pg_partition_tree(root.oid) level \
                      JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = level.relid \
                      WHERE p.partstrat = 'h')) \
    SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), \
           c.relkind = 'm', c.relkind = 'm' AND NOT c.relispopulated, \
           pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
           AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), \
           EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid \
                   AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)) \
           OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = c.oid), \
           piece.root, pg_catalog.quote_ident(rn.nspname) || '.' || pg_catalog.quote_ident(r.relname) \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN piece ON piece.oid = c.oid \
    LEFT JOIN pg_catalog.pg_class r ON r.oid = piece.root \
    LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace \
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' \
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
    ORDER BY n.nspname, c.relname";

const COLUMNS: &str = "\
    SELECT a.attrelid, pg_catalog.quote_ident(a.attname), a.atttypid, \
           pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull \
    FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' \
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
      AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY a.attrelid, a.attnum";

const KEYS: &str = "\
    SELECT i.indrelid, pg_catalog.quote_ident(a.attname) \
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
    /// Quoted where SQL needs it, and safe for a terminal.
    pub name: String,
    /// Quoted, for statements.
    pub sql: String,
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
    /// `schema.name`, quoted where SQL needs it, and safe for a terminal.
    pub name: String,
    /// What its rows are selected from.
    pub from: String,
    /// Whether it is a materialised view.
    pub is_view: bool,
    /// Whether the planner has expressions to look into when it is read: see
    /// [`session::under_own_path`].
    pub has_expressions: bool,
    /// The table that it is a piece of, where pieces are cut by hash.
    pub piece_of: Option<String>,
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
        let (name, declared): (Text, Text) = (row.get(1), row.get(3));
        let column = Column {
            name: name.line(),
            sql: name.sql().unwrap_or_default().to_owned(),
            type_oid: row.get(2),
            declared: declared.line(),
            nullable: row.get(4),
        };
        columns.entry(row.get(0)).or_default().push(column);
    }
    let mut keys: HashMap<u32, Vec<String>> = HashMap::new();
    for row in client.query(KEYS, &[]).attempt(|| "cannot list the primary keys")? {
        keys.entry(row.get(0)).or_default().push(row.get::<_, Text>(1).line());
    }
    let rows = client.query(RELATIONS, &[]).attempt(|| "cannot list the tables")?;
    Ok(rows.iter().map(|row| relation(row, &columns, &mut keys)).collect())
}

fn relation(
    row: &postgres::Row,
    columns: &HashMap<u32, Vec<Column>>,
    keys: &mut HashMap<u32, Vec<String>>,
) -> Relation {
    let (oid, name): (u32, Text) = (row.get(0), row.get(1));
    let (root, piece_of): (Option<u32>, Option<Text>) = (row.get(6), row.get(7));
    let mut own = columns.get(&oid).cloned().unwrap_or_default();
    // Pieces are hashed alike, so that their sums are the sum of the whole.
    if let Some(whole) = root.and_then(|root| columns.get(&root)) {
        own.sort_by_key(|column| whole.iter().position(|other| other.name == column.name));
    }
    let is_sent = name.sql().is_some() && own.iter().all(|column| !column.sql.is_empty());
    let state = match (row.get(3), row.get(4), is_sent) {
        (true, ..) => State::Unpopulated,
        (_, false, _) => State::Unreadable("the role may not read it".to_owned()),
        (_, true, false) => State::Unreadable(
            "its name or a column's is no UTF-8, and cannot be asked for".to_owned(),
        ),
        (_, true, true) => State::Readable,
    };
    Relation {
        oid,
        name: name.line(),
        from: format!("ONLY {}", name.sql().unwrap_or_default()),
        is_view: row.get(2),
        has_expressions: row.get(5),
        piece_of: piece_of.map(|root| root.line()),
        columns: own,
        key: keys.remove(&oid).unwrap_or_default(),
        size: 0,
        pages: 0,
        state,
    }
}

/// Takes the lock that any reader takes. `LOCK TABLE` would refuse materialised views.
fn lock(client: &mut Client, relation: &Relation) -> Result<Option<String>> {
    let statement = format!("SELECT FROM {} LIMIT 0", relation.from);
    client.batch_execute("SAVEPOINT lock_relation").attempt(|| "cannot set a savepoint")?;
    let locked = if relation.has_expressions {
        session::under_own_path(client, |client| client.batch_execute(&statement))
    } else {
        client.batch_execute(&statement)
    };
    let Err(cause) = locked.and_then(|()| client.batch_execute("RELEASE SAVEPOINT lock_relation"))
    else {
        return Ok(None);
    };
    if is_lost(client, &cause) {
        return Err(cause).attempt(|| format!("connection lost while locking {}", relation.name));
    }
    client
        .batch_execute("ROLLBACK TO SAVEPOINT lock_relation; RELEASE SAVEPOINT lock_relation")
        .attempt(|| "cannot return to the snapshot after a refused lock")?;
    Ok(Some(session::reason(&cause)))
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
