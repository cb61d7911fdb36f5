//! Reads a copy. Its content may be hostile: no triggers, no views, no functions of the schema, no
//! extensions, and an end to its time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result};

use crate::fingerprint::lattice::Lattice;
use crate::model::fingerprint::{RowsDigest, SqliteState};
use crate::printable::printable;

/// Complaints of the engine's check that are kept.
const COMPLAINTS_MAX: usize = 20;

/// Steps of the engine's machine between two looks at the clock: less than a millisecond.
const STEPS: i32 = 10_000;

/// Reads all of a database into `state`.
pub(super) fn into(copy: &Path, limit: Duration, state: &mut SqliteState) {
    let read = open(copy, limit).and_then(|connection| {
        state.user_version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        state.schema = schema(&connection)?;
        Ok((tables(&connection)?, connection))
    });
    let (names, connection) = match read {
        Ok(read) => read,
        Err(error) => return blame(state, "it cannot be opened", &error),
    };
    if let Err(error) = check(&connection, state) {
        blame(state, "it cannot be checked", &error);
    }
    // Not every schema permits it: a parent without a key is an error. The rows are compared.
    if let Ok(dangling) = dangling(&connection) {
        state.dangling = dangling;
    }
    for name in names {
        let digest = rows(&connection, &name).unwrap_or_else(|error| {
            let reason = reason(&error);
            if is_damage(&error) {
                note(&mut state.damage, format!("table {name} cannot be read: {reason}"));
            }
            RowsDigest::Undecided { reason }
        });
        state.tables.insert(name, digest);
    }
}

fn open(copy: &Path, limit: Duration) -> Result<Connection> {
    // It has to be written to: what its log or its journal holds is recovered first.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    let deadline = Instant::now() + limit;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= deadline));
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;
         PRAGMA query_only = ON;",
    )?;
    Ok(connection)
}

fn check(connection: &Connection, state: &mut SqliteState) -> Result<()> {
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({COMPLAINTS_MAX})"))?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let said = text(row.get_ref(0)?);
        if said != "ok" {
            note(&mut state.damage, said);
        }
    }
    Ok(())
}

fn dangling(connection: &Connection) -> Result<BTreeMap<String, u64>> {
    let mut check = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = check.query([])?;
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let pair = format!("{} refers to {}", text(row.get_ref(0)?), text(row.get_ref(2)?));
        *counts.entry(pair).or_default() += 1;
    }
    Ok(counts)
}

fn schema(connection: &Connection) -> Result<BTreeMap<String, String>> {
    let mut query = connection.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    let mut rows = query.query([])?;
    let mut schema = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (kind, name) = (text(row.get_ref(0)?), text(row.get_ref(1)?));
        if !is_statistics(&name) {
            let sql = blake3::hash(text(row.get_ref(2)?).as_bytes());
            schema.insert(format!("{kind} {name}"), sql.to_hex().to_string());
        }
    }
    Ok(schema)
}

/// Tables that have pages. Virtual ones have none: what they keep is in tables beside them.
fn tables(connection: &Connection) -> Result<Vec<String>> {
    let mut query = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
    let mut rows = query.query([])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        let name = text(row.get_ref(0)?);
        if !is_statistics(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// What `ANALYZE` counted is no data, and comes by itself when an application closes its database.
fn is_statistics(table: &str) -> bool {
    table.starts_with("sqlite_stat")
}

fn rows(connection: &Connection, table: &str) -> Result<RowsDigest> {
    let quoted = table.replace('"', "\"\"");
    let mut query = connection.prepare(&format!("SELECT * FROM main.\"{quoted}\""))?;
    let columns = query.column_count();
    let mut rows = query.query([])?;
    let (mut count, mut sum, mut bytes) = (0, Lattice::default(), Vec::new());
    while let Some(row) = rows.next()? {
        bytes.clear();
        for column in 0..columns {
            write(row.get_ref(column)?, &mut bytes);
        }
        sum.insert(&bytes);
        count += 1;
    }
    Ok(RowsDigest::Read { count, digest: sum.digest() })
}

/// A value with its type and its length, so that no two rows are written alike.
fn write(value: ValueRef<'_>, into: &mut Vec<u8>) {
    let mut sized = |kind: u8, bytes: &[u8]| {
        into.push(kind);
        into.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        into.extend_from_slice(bytes);
    };
    match value {
        ValueRef::Null => sized(0, &[]),
        ValueRef::Integer(integer) => sized(1, &integer.to_le_bytes()),
        ValueRef::Real(real) => sized(2, &real.to_bits().to_le_bytes()),
        ValueRef::Text(text) => sized(3, text),
        ValueRef::Blob(blob) => sized(4, blob),
    }
}

/// Files the error where it belongs: damage is found, anything else is not known.
fn blame(state: &mut SqliteState, what: &str, error: &Error) {
    let said = format!("{what}: {}", reason(error));
    if is_damage(error) {
        note(&mut state.damage, said);
    } else {
        state.undecided.push(said);
    }
}

fn is_damage(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn reason(error: &Error) -> String {
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return "it took longer than it may".to_owned();
    }
    printable(&error.to_string()).into_owned()
}

fn note(damage: &mut Vec<String>, said: String) {
    if damage.len() < COMPLAINTS_MAX && !damage.contains(&said) {
        damage.push(said);
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            printable(&String::from_utf8_lossy(bytes)).into_owned()
        }
        _ => String::new(),
    }
}
