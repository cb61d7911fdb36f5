//! Connections that read a database: the same output formats whatever the server's, the
//! database's or the role's settings say, and never a write.

use std::time::Duration;

use postgres::Client;
use postgres::error::{DbError, Severity};

use crate::error::Attempt;
use crate::server::Server;

/// A server that does not answer in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a reader waits for somebody's `ALTER TABLE`.
const LOCK_TIMEOUT: &str = "30s";

/// Settings that decide how a value looks, and those that would end a long read.
const SETTINGS: &[(&str, &str)] = &[
    ("search_path", ""),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("xmloption", "content"),
    ("xmlbinary", "base64"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("quote_all_identifiers", "off"),
    ("array_nulls", "on"),
    // Rows that a policy hides must raise an error, not be left out in silence.
    ("row_security", "off"),
    ("default_transaction_read_only", "on"),
    ("lock_timeout", LOCK_TIMEOUT),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("transaction_timeout", "0"),
    ("idle_session_timeout", "0"),
];

/// Through the view of all settings, because one that this major does not know is not set.
const SET: &str = "\
    SELECT pg_catalog.set_config(s.name, v.value, false) \
    FROM pg_catalog.pg_settings s \
    JOIN ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS v(name, value) \
      ON pg_catalog.lower(s.name) = pg_catalog.lower(v.name) \
    UNION ALL \
    SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) \
    WHERE pg_catalog.getdatabaseencoding() = 'SQL_ASCII'";

/// Has names found as the database's own sessions find them, those of PostgreSQL first. Whatever
/// is asked under it qualifies its functions, so that nobody's can take their place.
const OWN_PATH: &str = "\
    SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', \
           nullif(reset_val, '')), false) \
    FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'search_path'";

/// Runs `work` under the database's own `search_path`. The server's planner looks into what an
/// index is made of whenever its table is read, and so into functions that find their own tables
/// by that path.
///
/// After an error the path is as the transaction's end leaves it.
pub(in crate::fingerprint) fn under_own_path<T, E: From<postgres::Error>>(
    client: &mut Client,
    work: impl FnOnce(&mut Client) -> Result<T, E>,
) -> Result<T, E> {
    client.batch_execute(OWN_PATH)?;
    let done = work(client)?;
    client.batch_execute("SET search_path = ''")?;
    Ok(done)
}

/// Opens a session with fixed settings.
pub(in crate::fingerprint) fn connect(server: &Server) -> crate::error::Result<Client> {
    let mut client = server.connect(|config| {
        config.application_name("restore-drill");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
    })?;
    let (names, values): (Vec<&str>, Vec<&str>) = SETTINGS.iter().copied().unzip();
    client.query(SET, &[&names, &values]).attempt(|| "cannot fix the settings of the session")?;
    // A server without a way to watch its client does without: it then reads to the end of a
    // table for nobody.
    let _ = client.batch_execute("SET client_connection_check_interval = '5s'");
    Ok(client)
}

/// Begins the transaction in which everything is read. With `snapshot`, it sees exactly
/// what the session that exported it sees.
pub(in crate::fingerprint) fn begin(
    client: &mut Client,
    snapshot: Option<&str>,
) -> crate::error::Result<()> {
    let mut statements =
        String::from("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if let Some(id) = snapshot {
        statements.push_str("; SET TRANSACTION SNAPSHOT ");
        statements.push_str(&super::quote::literal(id));
    }
    client
        .batch_execute(&statements)
        .attempt(|| "cannot begin a read-only transaction under the shared snapshot")
}

/// Whether an error means that the session is gone, and with it everything it could tell.
pub(in crate::fingerprint) fn is_lost(client: &Client, cause: &postgres::Error) -> bool {
    // The farewell of a session that is ended arrives before its connection closes.
    let is_farewell = |refusal: &DbError| {
        matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
    };
    client.is_closed() || cause.as_db_error().is_none_or(is_farewell)
}

/// Why the server refused one relation, in the server's words and without its details,
/// which can hold values.
pub(in crate::fingerprint) fn reason(cause: &postgres::Error) -> String {
    cause.as_db_error().map_or_else(
        || cause.to_string(),
        |refusal| {
            let message = crate::tree_path::escape(refusal.message().as_bytes());
            format!("{message} ({})", refusal.code().code())
        },
    )
}
