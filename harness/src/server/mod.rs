//! Where a PostgreSQL server is, and how its identity is checked: a `postgres://…` with the
//! modes of TLS that `libpq` has, or the plain connection to a sandbox's own database.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-ssl.html>.

mod address;
mod tls;
mod verifier;

use postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};

/// What to do about a connection that failed without TLS having a part in it.
const UNREACHABLE: &str = "check its name, port and role, and that it lets this machine in; the \
                           password comes from PGPASSWORD";

/// A server, the role that signs in, and one database.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    connector: MakeRustlsConnect,
    /// Whose word on the server's identity is taken, for people.
    trusts: String,
}

// By hand: the configuration holds a password.
impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.describe())
    }
}

/// Without TLS: the server is on this machine, in a network of its own.
impl From<&Config> for Server {
    fn from(config: &Config) -> Self {
        Self { config: config.clone(), tls: None }
    }
}

impl From<&Self> for Server {
    fn from(server: &Self) -> Self {
        server.clone()
    }
}

impl Server {
    /// Reads a `postgres://…`. What it does not say is taken from `PGPASSWORD`, `PGSSLMODE` and
    /// `PGSSLROOTCERT`.
    ///
    /// # Errors
    /// Usage when it cannot be understood, or names a certificate that cannot be read. The
    /// address is not repeated: it can hold a password.
    pub fn parse(address: &str) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        address::read(address, variable)
    }

    /// Where it is, and who signs in.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Connects, with changes to the configuration that are this session's own.
    pub(crate) fn connect(&self, change: impl FnOnce(&mut Config)) -> Result<Client> {
        let mut config = self.config.clone();
        change(&mut config);
        let connected = match &self.tls {
            None => config.connect(NoTls),
            Some(tls) => config.connect(tls.connector.clone()),
        };
        connected.map_err(|cause| {
            let hint = self.tls.as_ref().and_then(|tls| tls::hint(&cause, &config, &tls.trusts));
            let error =
                Error::undecided(format!("cannot connect to {}", self.describe())).because(cause);
            error.hint(hint.unwrap_or_else(|| UNREACHABLE.to_owned()))
        })
    }

    /// `database "x" on host:port`, without credentials.
    fn describe(&self) -> String {
        use postgres::config::Host;
        let host = self.config.get_hosts().first().map_or_else(
            || "the local socket".to_owned(),
            |host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            },
        );
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().unwrap_or_default();
        format!("database \"{database}\" on {host}:{port}")
    }
}
