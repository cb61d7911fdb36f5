//! Every B-tree index held against its table by the server's own `amcheck`: order, structure,
//! and that each row of the table is in it. An index that lies returns too few rows, and no
//! digest of the table can show that. Needs a role that may run it, a superuser by default.

use std::sync::atomic::{AtomicUsize, Ordering};

use postgres::Client;
use postgres::error::SqlState;

use crate::error::{Attempt, Error, Result};
use crate::fingerprint::database::session::{self, is_lost};
use crate::fingerprint::database::text::Text;
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::server::Server;

/// Where the extension comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amcheck {
    /// Whoever owns the database has installed it, or the check is undecided.
    Installed,
    /// It is installed where it is missing: only in a database of our own.
    Install,
}

/// What the check found.
#[derive(Debug, Default)]
pub struct IndexCheck {
    /// Indexes that are sound.
    pub sound: u64,
    /// Indexes that contradict their table or themselves.
    pub damaged: Vec<Divergence>,
    /// Indexes that could not be checked, and why.
    pub undecided: Vec<String>,
}

/// Largest first: the last one to finish should be a small one. Those that are not valid have no
/// content to check; that they are not is a fact of the catalogue.
const INDEXES: &str = "
SELECT i.indexrelid,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' on ' || i.indrelid::regclass
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_am am ON am.oid = c.relam
 WHERE am.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't'
   AND i.indisvalid AND i.indisready
 ORDER BY c.relpages DESC, i.indexrelid";

/// The statement that checks one index. Since version 1.4 of the extension it can also look for
/// rows that are not unique.
const CHECK: &str = "
SELECT 'SELECT ' || p.oid::regproc || '(index => $1::oid::regclass, heapallindexed => true'
           || CASE WHEN 'checkunique' = ANY (p.proargnames) THEN ', checkunique => true)' ELSE ')' END
  FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                  AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_proc p ON p.oid = d.objid AND p.proname = 'bt_index_check'
 WHERE e.extname = 'amcheck'
 ORDER BY p.pronargs DESC
 LIMIT 1";

struct Index {
    oid: u32,
    name: String,
}

/// Checks every B-tree index of a database, with `jobs` sessions. Blocks.
///
/// # Errors
/// Undecided when the server cannot be reached, the extension is not there, or a connection is
/// lost on the way.
pub fn damaged_indexes(
    server: impl Into<Server>,
    jobs: usize,
    amcheck: Amcheck,
) -> Result<IndexCheck> {
    let server = &server.into();
    let mut first = session::connect(server)?;
    if amcheck == Amcheck::Install {
        first
            .batch_execute(
                "BEGIN READ WRITE; CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public; COMMIT",
            )
            .attempt(|| "cannot install the extension amcheck")?;
    }
    let statement = statement(&mut first)?;
    let indexes = indexes(&mut first)?;
    let next = AtomicUsize::new(0);
    let work = |client: Client| check(client, &statement, &indexes, &next);
    let further = jobs.min(indexes.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..further).map(|_| scope.spawn(|| work(session::connect(server)?))).collect();
        let mut all = work(first);
        for worker in workers {
            let part = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all = all.and_then(|all| Ok(all.with(part?)));
        }
        all
    })
}

impl IndexCheck {
    fn with(mut self, other: Self) -> Self {
        self.sound += other.sound;
        self.damaged.extend(other.damaged);
        self.undecided.extend(other.undecided);
        self
    }
}

fn statement(client: &mut Client) -> Result<String> {
    let found = client.query_opt(CHECK, &[]).attempt(|| "cannot look for the extension amcheck")?;
    let found = found.ok_or_else(|| {
        Error::undecided("cannot check the indexes: the extension amcheck is not installed")
            .hint("CREATE EXTENSION amcheck, from the package postgresql-contrib")
    })?;
    Ok(found.get(0))
}

fn indexes(client: &mut Client) -> Result<Vec<Index>> {
    let rows = client.query(INDEXES, &[]).attempt(|| "cannot list the indexes")?;
    Ok(rows
        .iter()
        .map(|row| Index { oid: row.get(0), name: row.get::<_, Text>(1).line() })
        .collect())
}

/// Takes indexes from the queue until it is empty.
fn check(
    mut client: Client,
    statement: &str,
    indexes: &[Index],
    next: &AtomicUsize,
) -> Result<IndexCheck> {
    // An index may call functions that find their tables by the database's own path.
    let check = client
        .batch_execute("RESET search_path")
        .and_then(|()| client.prepare(statement))
        .attempt(|| "cannot prepare the check of an index")?;
    let mut found = IndexCheck::default();
    while let Some(index) = indexes.get(next.fetch_add(1, Ordering::Relaxed)) {
        match client.execute(&check, &[&index.oid]) {
            Ok(_) => found.sound += 1,
            Err(cause) if is_lost(&client, &cause) => {
                return Err(cause)
                    .attempt(|| format!("connection lost while checking index {}", index.name));
            }
            Err(cause) if is_damage(&cause) => found.damaged.push(Divergence::new(
                DivergenceKind::Index,
                format!("index {}", index.name),
                session::reason(&cause),
            )),
            Err(cause) => {
                found.undecided.push(format!("index {}: {}", index.name, session::reason(&cause)));
            }
        }
    }
    Ok(found)
}

/// Corruption in the server's own words, or a file of the relation that is not there.
fn is_damage(cause: &postgres::Error) -> bool {
    cause.code().is_some_and(|code| {
        [SqlState::INDEX_CORRUPTED, SqlState::DATA_CORRUPTED, SqlState::UNDEFINED_FILE]
            .contains(code)
    })
}
