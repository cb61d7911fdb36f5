//! The shared snapshot: one transaction, kept open, whose view of the data every reader
//! and `pg_dump --snapshot` import, so that all of them see the same instant under load.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use postgres::Client;

use super::session;
use super::text::Text;
use crate::error::{Attempt, Result};
use crate::model::artefact::RecoveryPoint;
use crate::server::Server;

/// Reads the clock and the position before the snapshot is taken: whoever had an answer to a
/// commit by then is in the snapshot, and nothing older than the point can be missing from it.
/// A standby reports what it has replayed.
const POINT: &str = "\
    SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8, \
           CASE WHEN pg_catalog.pg_is_in_recovery() \
                THEN pg_catalog.pg_last_wal_replay_lsn() \
                ELSE pg_catalog.pg_current_wal_insert_lsn() END::text";

const EXPORT: &str = "\
    SELECT pg_catalog.pg_export_snapshot(), \
           pg_catalog.current_setting('server_version_num')::int4, \
           pg_catalog.current_database()";

/// A read-only transaction whose snapshot others can import for as long as this value lives.
pub struct Snapshot {
    server: Server,
    client: Mutex<Held>,
    id: String,
    recovery_point: RecoveryPoint,
    server_version: i32,
    database: String,
}

/// The connection. Closing it blocks, which a thread of the runtime may not do: an interrupted
/// drill drops its snapshot wherever it stands.
struct Held(Option<Client>);

impl Deref for Held {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.0.as_ref().expect("it is taken when it is dropped")
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Client {
        self.0.as_mut().expect("it is taken when it is dropped")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            let _ = std::thread::spawn(move || drop(client)).join();
        }
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Snapshot")
            .field("id", &self.id)
            .field("recovery_point", &self.recovery_point)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Opens the transaction on a connection of its own and exports its snapshot.
    ///
    /// # Errors
    /// Undecided when the server cannot be reached or is older than PostgreSQL 13.
    pub fn open(server: impl Into<Server>) -> Result<Self> {
        let server = server.into();
        let mut client = session::connect(&server)?;
        let point = client.query_one(POINT, &[]).attempt(|| "cannot read the server's clock")?;
        let (micros, lsn) = (point.get::<_, i64>(0), point.get::<_, Option<String>>(1));
        session::begin(&mut client, None)?;
        let row = client.query_one(EXPORT, &[]).attempt(|| "cannot export a snapshot")?;
        Ok(Self {
            id: row.get(0),
            recovery_point: RecoveryPoint {
                instant: Timestamp::from_microsecond(micros)
                    .attempt(|| format!("cannot read the server's clock, {micros} µs"))?,
                lsn: lsn.unwrap_or_else(|| "0/0".to_owned()),
            },
            server_version: row.get(1),
            database: row.get::<_, Text>(2).line(),
            client: Mutex::new(Held(Some(client))),
            server,
        })
    }

    /// What `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot` take.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The instant of the snapshot, by the server's clock and its write-ahead log, read just
    /// before it was taken.
    #[must_use]
    pub fn recovery_point(&self) -> &RecoveryPoint {
        &self.recovery_point
    }

    /// `server_version_num`, such as 150018.
    #[must_use]
    pub fn server_version(&self) -> i32 {
        self.server_version
    }

    /// Name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// A further session on the same server, which has yet to import the snapshot.
    pub(super) fn connect(&self) -> Result<Client> {
        session::connect(&self.server)
    }

    /// The session that holds the transaction. Whoever fails in it must roll back to a
    /// savepoint: an aborted transaction would end the snapshot.
    pub(super) fn session(&self) -> MutexGuard<'_, impl DerefMut<Target = Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
