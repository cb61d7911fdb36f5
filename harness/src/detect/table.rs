//! What an image is for, by the exact name of its last component: which are database servers, which
//! only look like one, and what the others do. The names are rows of `names`.

use serde::Serialize;

use super::names::{
    ANNEXES, CACHES, NO_HTTP, NO_SERVER_PARTS, NO_SERVERS, PROXIES, SERVERS, TOOLS,
};

/// A database server's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// PostgreSQL, and what is built on it.
    PostgreSql,
    /// `MariaDB`.
    MariaDb,
    /// `MySQL`, and Percona's.
    MySql,
    /// `MongoDB`.
    MongoDb,
}

impl EngineKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::PostgreSql, Self::MariaDb, Self::MySql, Self::MongoDb];

    /// The word of `drill.toml`, of labels and of records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
            Self::MongoDb => "mongodb",
        }
    }

    /// The port that it listens on unless it is told otherwise.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            Self::MariaDb | Self::MySql => 3306,
            Self::MongoDb => 27017,
        }
    }

    /// Folders in one of which it keeps its data, by images of different makers.
    pub(super) fn homes(self) -> &'static [&'static str] {
        match self {
            Self::PostgreSql => &[
                "/var/lib/postgresql",
                "/bitnami/postgresql",
                "/home/postgres/pgdata",
                "/var/lib/pgsql",
                "/pgdata",
            ],
            Self::MariaDb => &["/var/lib/mysql", "/bitnami/mariadb"],
            Self::MySql => &["/var/lib/mysql", "/bitnami/mysql"],
            Self::MongoDb => &["/data/db", "/bitnami/mongodb"],
        }
    }

    /// Words of which one is part of the name of an image or a service of this kind. They count
    /// only beside a mount at one of its [`homes`](Self::homes).
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::PostgreSql => {
                &["postgres", "postgresql", "pg", "postgis", "psql", "db", "database"]
            }
            Self::MariaDb => &["mariadb", "maria"],
            Self::MySql => &["mysql", "percona", "db", "database"],
            Self::MongoDb => &["mongo", "mongodb"],
        }
    }
}

/// What an image is for, by the last component of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Server(EngineKind),
    /// A database's name, and no server.
    NoServer,
    Proxy,
    Cache,
    Tool,
    Unknown,
}

/// What a last component stands for. A version at its end (`spilo-15`, `mysql-57-centos7`) is no
/// part of the name.
pub(super) fn purpose(name: &str) -> Purpose {
    if is_no_server(name) {
        return Purpose::NoServer;
    }
    for name in [name, without_version(name)] {
        for (kind, servers) in SERVERS {
            if servers.contains(&name) {
                return Purpose::Server(kind);
            }
        }
        let rows: [(&[&str], Purpose); 3] =
            [(PROXIES, Purpose::Proxy), (CACHES, Purpose::Cache), (TOOLS, Purpose::Tool)];
        if let Some((_, purpose)) = rows.iter().find(|(names, _)| names.contains(&name)) {
            return *purpose;
        }
    }
    Purpose::Unknown
}

fn is_no_server(name: &str) -> bool {
    // Proxies and tools have rows of their own; these parts only rule out servers.
    let known = PROXIES.contains(&name) || TOOLS.contains(&name) || CACHES.contains(&name);
    NO_SERVERS.contains(&name)
        || (!known && parts(name).any(|part| NO_SERVER_PARTS.contains(&part)))
}

/// Whether nobody asks such an image for anything but about the stack: no application.
pub(super) fn is_tool(name: &str) -> bool {
    const PARTS: [&str; 8] =
        ["exporter", "backup", "backups", "dump", "restore", "flyway", "liquibase", "operator"];
    let named = [NO_SERVERS, TOOLS, ANNEXES].iter().any(|names| names.contains(&name));
    named || parts(name).any(|part| PARTS.contains(&part))
}

/// Whether a port may answer HTTP.
pub(super) fn may_be_http(port: u16) -> bool {
    !NO_HTTP.contains(&port)
}

/// What a program is for that an image starts, by its name.
pub(super) fn started(program: &str) -> Purpose {
    const ROWS: [(&[&str], Purpose); 2] = [
        (
            &["nginx", "caddy", "traefik", "haproxy", "httpd", "httpd-foreground", "envoy"],
            Purpose::Proxy,
        ),
        (&["redis-server", "valkey-server", "keydb-server", "memcached"], Purpose::Cache),
    ];
    let words = program.split_whitespace().filter_map(|word| word.rsplit('/').next());
    let words = words.collect::<Vec<_>>();
    let row = ROWS.iter().find(|(names, _)| words.iter().any(|word| names.contains(word)));
    row.map_or(Purpose::Unknown, |(_, purpose)| *purpose)
}

/// Words of a name, between dashes, underscores and points.
pub(super) fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(['-', '_', '.']).filter(|part| !part.is_empty())
}

/// The name up to the first part that begins with a digit.
fn without_version(name: &str) -> &str {
    let at = name
        .match_indices('-')
        .find(|(at, _)| name[at + 1..].starts_with(|first: char| first.is_ascii_digit()));
    at.map_or(name, |(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_their_exact_names() {
        for name in ["postgres", "timescaledb-ha", "spilo-15", "postgresql-13-centos7"] {
            assert_eq!(purpose(name), Purpose::Server(EngineKind::PostgreSql), "{name}");
        }
        assert_eq!(purpose("mysql-57-centos7"), Purpose::Server(EngineKind::MySql));
        assert_eq!(purpose("percona-server-mongodb"), Purpose::Server(EngineKind::MongoDb));
        assert_eq!(purpose("my-postgres-app"), Purpose::Unknown);
    }

    #[test]
    fn what_only_looks_like_a_server_is_none() {
        let names = [
            "postgrest",
            "postgres-meta",
            "postgres-exporter",
            "postgres_exporter",
            "mysqld-exporter",
            "pgbouncer",
            "pgadmin4",
            "postgres-backup-local",
            "mysql-backup-s3",
            "mongo-express",
            "postgres-operator",
            "pgpool",
        ];
        for name in names {
            assert_eq!(purpose(name), Purpose::NoServer, "{name}");
        }
    }

    #[test]
    fn proxies_and_caches_have_rows_of_their_own() {
        assert_eq!(purpose("nginx-proxy"), Purpose::Proxy);
        assert_eq!(purpose("valkey"), Purpose::Cache);
        assert_eq!(purpose("docker-socket-proxy"), Purpose::Tool);
        assert_eq!(purpose("gitea"), Purpose::Unknown);
    }
}
