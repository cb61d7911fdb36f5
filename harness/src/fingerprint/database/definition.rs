//! Materialised views held against their definitions: whether their rows are what the definition
//! yields on the data of the same snapshot. A dump restores no rows of such a view; it refreshes
//! it, so that a view that was stale comes back with others.
//!
//! Asking runs whatever the definition calls. So it is asked as the view's owner, as a refresh
//! would, and under the database's own path; functions that are not PostgreSQL's own only where
//! the answer is needed; foreign tables never.

use postgres::Client;

use super::exact;
use super::relations::{self, Relation, State};
use super::session::{self, is_lost};
use super::snapshot::Snapshot;
use super::stream::{self, Failure};
use super::text::Text;
use super::types::Types;
use crate::error::{Attempt, Error};
use crate::fingerprint::lattice::Lattice;
use crate::model::fingerprint::{DatabaseFingerprint, Definition, RowHash, RowsDigest};

type Result<T, E = Error> = std::result::Result<T, E>;

/// What may be run to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// PostgreSQL's own functions, for a moment.
    Little,
    /// Whatever a refresh would run.
    Refresh,
}

impl Effort {
    /// How long the server may think about one view.
    fn limit_s(self) -> u32 {
        match self {
            Self::Little => 20,
            Self::Refresh => 3600,
        }
    }
}

/// What a view reads, through other views and down to partitions, and what it calls. A rule's
/// tree names its functions by OID; those of users are 16384 and up.
const VIEW: &str = r"
    WITH RECURSIVE reads AS (
        SELECT $1::oid AS oid
         UNION
        SELECT next.oid FROM reads JOIN pg_class c ON c.oid = reads.oid
         CROSS JOIN LATERAL (
               SELECT d.refobjid AS oid FROM pg_rewrite w
                 JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                                 AND d.refclassid = 'pg_class'::regclass
                WHERE w.ev_class = c.oid AND (c.relkind = 'v' OR c.oid = $1)
                UNION ALL
               SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid) next
    ), tree AS (
        SELECT w.ev_action::text AS text FROM reads JOIN pg_class c ON c.oid = reads.oid
          JOIN pg_rewrite w ON w.ev_class = c.oid
         WHERE c.relkind = 'v' OR c.oid = $1
    ), called AS (
        SELECT p.oid, p.provolatile FROM tree
         CROSS JOIN LATERAL regexp_matches(text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') m
          JOIN pg_proc p ON p.oid = m[1]::oid
    )
    SELECT pg_get_viewdef($1), pg_get_userbyid(v.relowner)::text,
           EXISTS (SELECT FROM reads JOIN pg_class c ON c.oid = reads.oid WHERE c.relkind = 'f'),
           EXISTS (SELECT FROM called WHERE oid >= 16384),
           EXISTS (SELECT FROM called WHERE provolatile <> 'i')
           OR EXISTS (SELECT FROM tree WHERE text ~ '\{(SQLVALUEFUNCTION|COERCEVIAIO) |:limitCount \{')
      FROM pg_class v WHERE v.oid = $1";

/// Adds to a fingerprint what the definitions of `views` yield, or those of all that have rows.
/// Under the snapshot that the fingerprint was taken under. Blocks.
///
/// # Errors
/// Undecided when the connection is lost. What one view's definition refuses is a value.
pub fn hold_to_definitions(
    snapshot: &Snapshot,
    fingerprint: &mut DatabaseFingerprint,
    views: Option<&[String]>,
    effort: Effort,
) -> Result<()> {
    let is_view = |name: &String| fingerprint.facts.contains_key(&format!("matview/{name}"));
    let is_asked = views.is_none_or(|views| !views.is_empty());
    if !is_asked || !fingerprint.tables.keys().any(is_view) {
        return Ok(());
    }
    let (mut listed, types) = relations::list(snapshot)?;
    listed.retain(|relation| {
        let is_asked = views.is_none_or(|views| views.contains(&relation.name));
        relation.is_view && relation.state == State::Readable && is_asked
    });
    let client = &mut *snapshot.session();
    for view in listed {
        let held = fingerprint.tables.get(&view.name).map(|table| &table.rows);
        let Some(held @ RowsDigest::Read { .. }) = held else { continue };
        let found = hold(client, &view, held, &types, fingerprint.row_hash, effort)?;
        fingerprint.definitions.insert(view.name, found);
    }
    Ok(())
}

/// Holds the rows of one view to its definition.
fn hold(
    client: &mut Client,
    view: &Relation,
    held: &RowsDigest,
    types: &Types,
    row_hash: RowHash,
    effort: Effort,
) -> Result<Definition> {
    let failed = || format!("cannot hold {} to its definition", view.name);
    let row = client.query_one(VIEW, &[&view.oid]).attempt(failed)?;
    let (definition, owner): (Text, Text) = (row.get(0), row.get(1));
    let (foreign, calls, varies): (bool, bool, bool) = (row.get(2), row.get(3), row.get(4));
    let unsettled = |reason: &str| Ok(Definition::Unsettled { reason: reason.to_owned() });
    let undecided = |reason: &str| Ok(Definition::Undecided { reason: reason.to_owned() });
    if foreign {
        return unsettled("it reads foreign tables, which are never read");
    }
    if calls && effort == Effort::Little {
        return undecided("its definition calls functions that are not PostgreSQL's own");
    }
    let (Some(definition), Some(owner)) = (definition.sql(), owner.sql()) else {
        return undecided("its definition is no UTF-8, and cannot be asked for");
    };
    let columns: Vec<&str> = view.columns.iter().map(|column| column.sql.as_str()).collect();
    let definition = definition.trim_end().trim_end_matches(';');
    let from = format!("({definition}) AS yields ({})", columns.join(", "));
    let yields = Relation { from, ..view.clone() };

    client.batch_execute("SAVEPOINT definition").attempt(failed)?;
    let found = as_owner(client, owner, effort, |client| read(client, &yields, types, row_hash));
    match &found {
        Err(Failure::Server(cause)) if is_lost(client, cause) => {}
        _ => client.batch_execute("ROLLBACK TO SAVEPOINT definition").attempt(failed)?,
    }
    match found {
        Ok(Ok(found)) if found == *held => Ok(Definition::Same),
        Ok(Ok(_)) if varies => unsettled("its definition need not yield the same rows twice"),
        Ok(Ok(RowsDigest::Read { count, .. })) => Ok(Definition::Other { count }),
        Ok(Ok(_)) => undecided("it was not evaluated"),
        Ok(Err(reason)) => undecided(&reason),
        Err(Failure::Server(cause)) if is_lost(client, &cause) => Err(cause).attempt(failed),
        Err(Failure::Server(cause)) => undecided(&session::reason(&cause)),
        Err(Failure::Stream(error)) => Err(error),
    }
}

/// Does `work` with the rights of a role, under the database's own path, in one process and in
/// the order of the tables' pages, as a refresh after a restore has it. The caller rolls back.
fn as_owner<T>(
    client: &mut Client,
    owner: &str,
    effort: Effort,
    work: impl FnOnce(&mut Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    client.execute("SELECT pg_catalog.set_config('role', $1, true)", &[&owner])?;
    client.batch_execute(&format!(
        "SET LOCAL statement_timeout = '{}s'; SET LOCAL synchronize_seqscans = off; \
         SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off",
        effort.limit_s()
    ))?;
    session::under_own_path(client, work)
}

/// The digest of what a query yields, or why its rows have none.
fn read(
    client: &mut Client,
    yields: &Relation,
    types: &Types,
    row_hash: RowHash,
) -> Result<Result<RowsDigest, String>, Failure> {
    match row_hash {
        RowHash::Chain64 => match exact::statement(yields, types) {
            Ok(statement) => Ok(Ok(exact::digest(&client.query_one(&statement, &[])?))),
            Err(reason) => Ok(Err(reason)),
        },
        RowHash::Blake3Lattice => {
            let mut sum = Lattice::default();
            let count = stream::rows(client, yields, None, |line| {
                sum.insert(line);
                Ok(())
            })?;
            Ok(Ok(RowsDigest::Read { count, digest: sum.digest() }))
        }
    }
}
