//! Which services are database servers, of what kind, and by what that is known. The order of the
//! grounds: our label, the image's configuration, its name, its Dockerfile, where data is mounted.

use std::sync::LazyLock;

use regex::Regex;

use super::facts::{ImageConfig, MountKind, Service, is_within};
use super::reference::Reference;
use super::table::{EngineKind, Purpose, parts, purpose};

/// Label with which a stack says itself that a service is a database.
pub const LABEL_DATABASE: &str = "dr-drill.database";

/// A service that is a server, or looks like one and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// A server, and by what that is known.
    Server(EngineKind, String),
    /// It has a server's image and runs something else: what.
    Client(EngineKind, String),
    /// Neither.
    Other,
}

/// Programs that ask a server, or copy what it holds.
static CLIENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\b(pg_dump|pg_dumpall|pg_restore|psql|pg_basebackup|createdb|mysqldump|mariadb-dump
        |mysqladmin|mysqlimport|mysqlcheck|mysqlsh|mongodump|mongorestore|mongoimport|mongosh
        |crond?|supercronic|rclone|restic|borg|walg|wal-g)\b
        |(?:^|[\s;&|])(mysql|mariadb|mongo)\s",
    )
});

/// Programs that do no more than wait and copy. Scripts that start a server begin with them, too.
static HELPER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:^|[\s;&|])(chown|chmod|curl|wget|sleep|tail|cp|rm|find|echo|true)(?:\s|$)")
});

/// The server's own program, wherever in a command it stands; `postgres` is also a user and a
/// host, so it counts where a program stands.
static SERVER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\b(mysqld|mysqld_safe|mariadbd|mariadbd-safe|mongod|mongos|pg_ctl|pg_ctlcluster
        |patroni|docker-entrypoint|docker-ensure-initdb)\b
        |(?:^|exec\s|[;&|\n]\s*|gosu\spostgres\s|su-exec\spostgres\s|\.sh\s|entrypoint\s)(?:/\S*/)?postgres(?:\s|$)",
    )
});

/// Parts of a variable's name that say where somebody else's server is.
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(host|server|url|uri|addr|endpoint|dsn)"));

/// A version in the folder of a PostgreSQL of Debian or Red Hat.
static PATH_VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"/(?:postgresql|pgsql)[/-](\d+(?:\.\d+)?)/bin"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours")
}

/// What a service is.
pub(super) fn role(service: &Service<'_>) -> Role {
    if let Some(label) = service.labels().get(LABEL_DATABASE) {
        let kind = EngineKind::ALL.into_iter().find(|kind| kind.name() == label.trim());
        return kind.map_or(Role::Other, |kind| {
            Role::Server(kind, format!("its label {LABEL_DATABASE} says so"))
        });
    }
    if service.reference().is_some_and(|it| purpose(it.name) == Purpose::NoServer) {
        return Role::Other;
    }
    let Some((kind, ground)) = candidate(service) else { return Role::Other };
    match runs_else(service, kind) {
        None => Role::Server(kind, ground),
        Some(why) => Role::Client(kind, format!("{ground}, but {why}")),
    }
}

/// A kind, and the strongest ground for it.
fn candidate(service: &Service<'_>) -> Option<(EngineKind, String)> {
    if let Some((kind, said)) = service.image.and_then(by_configuration) {
        return Some((kind, format!("its image's configuration: {said}")));
    }
    if let Some(reference) = service.reference()
        && let Purpose::Server(kind) = purpose(reference.name)
    {
        let surer = if service.image.is_some() { "" } else { "; surer once the image is here" };
        return Some((kind, format!("its image is named {:?}{surer}", reference.name)));
    }
    if let Some(base) = service.base
        && let Purpose::Server(kind) = purpose(Reference::of(base).name)
    {
        let said = format!("its Dockerfile is FROM {base}; surer once the image is built");
        return Some((kind, said));
    }
    by_mount(service).or_else(|| by_variables(service))
}

/// What an image that is here says: variables of the official images and of Bitnami's, which
/// images that derive from them inherit.
fn by_configuration(image: &ImageConfig) -> Option<(EngineKind, String)> {
    let has = |name: &str| image.env.get(name).map(|value| format!("{name}={value}"));
    if let Some(said) = has("BITNAMI_APP_NAME") {
        let kind = match said.rsplit('=').next().unwrap_or_default() {
            "postgresql" | "postgresql-repmgr" => EngineKind::PostgreSql,
            "mariadb" | "mariadb-galera" => EngineKind::MariaDb,
            "mysql" => EngineKind::MySql,
            "mongodb" | "mongodb-sharded" => EngineKind::MongoDb,
            _ => return None,
        };
        return Some((kind, said));
    }
    let rows: [(EngineKind, &[&str]); 4] = [
        (EngineKind::PostgreSql, &["PG_MAJOR", "PGDATA", "POSTGRESQL_VERSION"]),
        (EngineKind::MariaDb, &["MARIADB_MAJOR", "MARIADB_VERSION"]),
        (EngineKind::MySql, &["MYSQL_MAJOR", "MYSQL_VERSION"]),
        (EngineKind::MongoDb, &["MONGO_MAJOR", "MONGO_VERSION"]),
    ];
    rows.into_iter().find_map(|(kind, names)| {
        let said = names.iter().filter_map(|name| has(name)).collect::<Vec<_>>();
        (!said.is_empty() && serves(image, kind)).then(|| (kind, said.join(", ")))
    })
}

/// Whether an image looks like a server's at all: images with only a client set versions, too.
fn serves(image: &ImageConfig, kind: EngineKind) -> bool {
    let home = |path: &String| kind.homes().iter().any(|home| is_within(path, home));
    let program = [image.entrypoint.join(" "), image.command.join(" ")].join(" ");
    image.env.get("PGDATA").is_some_and(|_| kind == EngineKind::PostgreSql)
        || image.volumes.iter().any(home)
        || image.ports.contains(&kind.port())
        || SERVER.is_match(program.trim())
}

/// A writable mount where a server of the kind keeps its data, beside a name that says the kind.
fn by_mount(service: &Service<'_>) -> Option<(EngineKind, String)> {
    let named = |kind: EngineKind| {
        let image = service.reference().map_or("", |it| it.name);
        let environment = service.own_environment();
        let says = |word: &&str| kind.words().contains(word);
        let asked = match kind {
            EngineKind::PostgreSql => environment.contains_key("POSTGRES_PASSWORD"),
            EngineKind::MariaDb => environment.contains_key("MARIADB_ROOT_PASSWORD"),
            EngineKind::MySql => environment.contains_key("MYSQL_ROOT_PASSWORD"),
            EngineKind::MongoDb => environment.contains_key("MONGO_INITDB_ROOT_PASSWORD"),
        };
        asked || parts(image).chain(parts(service.name)).any(|word| says(&word))
    };
    let mounts = service.mounts();
    EngineKind::ALL.into_iter().filter(|kind| named(*kind)).find_map(|kind| {
        let lies = mounts.iter().find(|mount| {
            !mount.is_read_only && kind.homes().iter().any(|home| is_within(&mount.target, home))
        })?;
        let said = format!(
            "it mounts {}, where such a server keeps its data; surer once the image is here",
            lies.target
        );
        Some((kind, said))
    })
}

/// Variables that initialise a server, beside a name that says the kind, and no address of another.
fn by_variables(service: &Service<'_>) -> Option<(EngineKind, String)> {
    let rows: [(EngineKind, &[&str], &[&str]); 4] = [
        (
            EngineKind::PostgreSql,
            &["postgres", "postgresql"],
            &["POSTGRES_PASSWORD", "POSTGRES_DB"],
        ),
        (EngineKind::MariaDb, &["mariadb"], &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"]),
        (EngineKind::MySql, &["mysql"], &["MYSQL_ROOT_PASSWORD", "MYSQL_DATABASE"]),
        (EngineKind::MongoDb, &["mongo", "mongodb"], &["MONGO_INITDB_ROOT_PASSWORD"]),
    ];
    let image = service.reference().map_or("", |it| it.name);
    let words = parts(image).chain(parts(service.name)).collect::<Vec<_>>();
    let environment = service.own_environment();
    if environment.keys().any(|name| ADDRESS.is_match(name)) {
        return None;
    }
    rows.into_iter().find_map(|(kind, names, variables)| {
        let word = names.iter().find(|name| words.contains(name))?;
        let variable = variables.iter().find(|name| environment.contains_key(**name))?;
        let said =
            format!("it is named {word:?} and is given {variable}; surer once the image is here");
        Some((kind, said))
    })
}

/// What a service with a server's image runs instead, if it does.
fn runs_else(service: &Service<'_>, kind: EngineKind) -> Option<String> {
    let program = match service.said_program() {
        Some(said) => said,
        None if service.image.is_some() => service.program(),
        None => return None,
    };
    let program = program.trim();
    if program.is_empty() || program.starts_with('-') || SERVER.is_match(program) {
        return None;
    }
    if let Some(client) = CLIENT.captures(program) {
        let found = client.iter().skip(1).flatten().next().map_or("a client", |it| it.as_str());
        return Some(format!("it runs {found}, not the server"));
    }
    // A script of somebody's own: whoever starts a server gives it a place for its data, or is
    // reached by others.
    let has_home = service.mounts().iter().any(|mount| {
        mount.kind != MountKind::Tmpfs
            && !mount.is_read_only
            && kind.homes().iter().any(|home| is_within(&mount.target, home))
    });
    if let Some(helper) = HELPER.captures(program).filter(|_| !has_home) {
        return Some(format!("it runs {}, not the server", &helper[1]));
    }
    let is_reached = service.published().contains(&kind.port());
    let is_image_s = service.said_program().is_none();
    (!has_home && !is_reached && !is_image_s)
        .then(|| format!("it runs {:?} and has no volume for a server's data", first(program)))
}

fn first(program: &str) -> &str {
    program.split_whitespace().next().unwrap_or(program)
}

/// The version as far as the image says: the major of PostgreSQL, `MAJOR.MINOR` of the others,
/// the tag where the image is not here.
pub(super) fn version(service: &Service<'_>, kind: EngineKind) -> Option<String> {
    let environment = service.image.map(|image| &image.env);
    let said = |name: &str| environment.and_then(|env| env.get(name)).map(String::as_str);
    let names: &[&str] = match kind {
        EngineKind::PostgreSql => &["PG_MAJOR", "PG_VERSION", "POSTGRESQL_VERSION"],
        EngineKind::MariaDb => &["MARIADB_VERSION"],
        EngineKind::MySql => &["MYSQL_MAJOR", "MYSQL_VERSION"],
        EngineKind::MongoDb => &["MONGO_MAJOR", "MONGO_VERSION"],
    };
    let of_image = names.iter().chain(&["APP_VERSION"]).find_map(|name| said(name));
    if let Some(version) = of_image.and_then(|text| major(text, kind)) {
        return Some(version);
    }
    if let Some(found) = said("PATH").and_then(|path| PATH_VERSION.captures(path)) {
        return Some(found[1].to_owned());
    }
    let base = service.base.map(Reference::of).filter(|base| is_server(base.name));
    let reference = service.reference().filter(|it| base.is_none() || is_server(it.name));
    reference.or(base).and_then(|reference| by_reference(reference.name, reference.tag, kind))
}

/// Images whose tags begin with a version of their own.
const OWN_VERSIONS: [&str; 8] = [
    "timescaledb",
    "timescaledb-ha",
    "timescaledb-postgis",
    "citus",
    "paradedb",
    "spilo",
    "age",
    "pgvecto-rs",
];

fn by_reference(name: &str, tag: Option<&str>, kind: EngineKind) -> Option<String> {
    static PG: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)\b(?:pg|postgres)-?(\d{1,2})(?:\b|\.)"));
    let tag = tag.unwrap_or_default();
    if kind == EngineKind::PostgreSql {
        if let Some(found) = PG.captures(tag).or_else(|| PG.captures(name)) {
            return Some(found[1].to_owned());
        }
        if let Some((_, version)) =
            name.split_once("spilo-").or_else(|| name.split_once("postgresql-"))
        {
            return major(version, kind);
        }
        if OWN_VERSIONS.iter().any(|own| name.starts_with(own)) {
            return None;
        }
    }
    // A tag of somebody's own counts something else.
    major(tag, kind).filter(|it| kind != EngineKind::PostgreSql || (9..100).contains(&number(it)))
}

fn is_server(name: &str) -> bool {
    matches!(purpose(name), Purpose::Server(_))
}

fn number(version: &str) -> u32 {
    version.split('.').next().and_then(|it| it.parse().ok()).unwrap_or_default()
}

/// `16.2-alpine` → `16`, `9.6` → `9.6`; `1:10.6.12+maria~ubu2204` → `10.6`, `8` → `8`.
fn major(text: &str, kind: EngineKind) -> Option<String> {
    let text = text.split_once(':').map_or(text, |(_, version)| version);
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut parts = numbers.split('.').filter(|part| !part.is_empty());
    let first = parts.next()?;
    let keeps_one = kind == EngineKind::PostgreSql && first.parse::<u32>().is_ok_and(|it| it >= 10);
    match parts.next().filter(|_| !keeps_one) {
        Some(second) => Some(format!("{first}.{second}")),
        None => Some(first.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn role_of(spec: &Value, image: Option<&ImageConfig>) -> Role {
        role(&Service { name: "x", spec, image, base: None })
    }

    fn image(env: &[(&str, &str)], command: &str) -> ImageConfig {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let command = command.split(' ').map(str::to_owned).collect();
        ImageConfig { env: env.collect::<BTreeMap<_, _>>(), command, ..ImageConfig::default() }
    }

    fn is_server(spec: &Value, expected: EngineKind) -> bool {
        matches!(role_of(spec, None), Role::Server(kind, _) if kind == expected)
    }

    #[test]
    fn the_label_stands_above_everything() {
        let spec = json!({ "image": "redis", "labels": { LABEL_DATABASE: "mysql" } });
        assert!(is_server(&spec, EngineKind::MySql));
    }

    #[test]
    fn the_images_configuration_stands_above_its_name() {
        let built =
            image(&[("PGDATA", "/var/lib/postgresql/data"), ("PG_MAJOR", "16")], "postgres");
        let spec = json!({ "image": "corp/thing:1" });
        let Role::Server(kind, ground) = role_of(&spec, Some(&built)) else { panic!("a server") };
        assert_eq!(kind, EngineKind::PostgreSql);
        assert!(ground.contains("PG_MAJOR=16"), "{ground}");
    }

    #[test]
    fn an_image_with_a_clients_version_is_no_server() {
        let client = image(&[("PG_MAJOR", "16")], "python app.py");
        assert_eq!(role_of(&json!({ "image": "corp/app" }), Some(&client)), Role::Other);
    }

    #[test]
    fn names_that_are_denied_win_over_the_configuration() {
        let derived = image(&[("PGDATA", "/var/lib/postgresql/data")], "postgres");
        let spec = json!({ "image": "prodrigestivill/postgres-backup-local" });
        assert_eq!(role_of(&spec, Some(&derived)), Role::Other);
    }

    #[test]
    fn a_servers_image_that_runs_a_client_is_a_client() {
        let commands = [
            json!(["sh", "-c", "pg_dump -h db -U postgres app | gzip > /b/x.gz"]),
            json!("psql -h postgres -U postgres -f /seed.sql"),
            json!(["sh", "-c", "while true; do sleep 3600; done"]),
            json!(["bash", "/scripts/seed.sh"]),
        ];
        for command in commands {
            let spec = json!({ "image": "postgres:16", "command": command });
            let role = role_of(&spec, None);
            assert!(matches!(role, Role::Client(EngineKind::PostgreSql, _)), "{command}: {role:?}");
        }
        let spec = json!({ "image": "mongo", "entrypoint": ["mongo", "--host", "mongodb:27017"] });
        assert!(matches!(role_of(&spec, None), Role::Client(..)));
    }

    #[test]
    fn a_server_with_options_or_a_script_before_it_is_a_server() {
        let commands = [
            json!("postgres -c max_connections=200"),
            json!(["-c", "fsync=off"]),
            json!(["docker-entrypoint.sh", "postgres", "-c", "wal_level=logical"]),
            json!(["bash", "-c", "chown -R postgres /x; exec docker-entrypoint.sh postgres"]),
        ];
        for command in commands {
            let spec = json!({ "image": "postgres:16", "command": command });
            assert!(is_server(&spec, EngineKind::PostgreSql), "{command}");
        }
        let spec = json!({ "image": "mysql:8", "command": "--character-set-server=utf8mb4" });
        assert!(is_server(&spec, EngineKind::MySql));
        let spec = json!({ "image": "postgres:16", "volumes": ["pg:/var/lib/postgresql/data"],
            "command": ["bash", "-c", "chmod 600 /key\npostgres -c ssl=on"] });
        assert!(is_server(&spec, EngineKind::PostgreSql));
        let spec = json!({ "image": "postgres", "entrypoint": "/own.sh",
            "volumes": ["pg:/var/lib/postgresql/data"] });
        assert!(is_server(&spec, EngineKind::PostgreSql));
    }

    #[test]
    fn variables_count_beside_a_name_and_without_an_address() {
        let server = json!({ "image": "debezium/example-postgres:2.7",
            "environment": { "POSTGRES_PASSWORD": "x" } });
        assert!(is_server(&server, EngineKind::PostgreSql));
        let client = json!({ "image": "corp/postgres-api:2",
            "environment": { "POSTGRES_PASSWORD": "x", "POSTGRES_HOST": "db" } });
        assert_eq!(role_of(&client, None), Role::Other);
    }

    #[test]
    fn a_mount_counts_only_beside_a_name() {
        let volumes = json!(["x:/var/lib/postgresql"]);
        let spec = json!({ "image": "onlyoffice/documentserver", "volumes": volumes });
        assert_eq!(role_of(&spec, None), Role::Other);
        let spec = json!({ "image": "corp/app-postgres:3", "volumes": volumes });
        assert!(is_server(&spec, EngineKind::PostgreSql));
    }

    #[test]
    fn versions_are_read_from_the_image_or_its_tag() {
        let cases = [
            ("postgres:16.2-alpine", EngineKind::PostgreSql, Some("16")),
            ("postgres:9.6", EngineKind::PostgreSql, Some("9.6")),
            ("postgres", EngineKind::PostgreSql, None),
            ("pgvector/pgvector:pg16", EngineKind::PostgreSql, Some("16")),
            ("pgvector/pgvector:0.8.0-pg17", EngineKind::PostgreSql, Some("17")),
            ("timescale/timescaledb:2.14.2-pg15", EngineKind::PostgreSql, Some("15")),
            ("timescale/timescaledb:2.14.2", EngineKind::PostgreSql, None),
            ("ghcr.io/immich-app/postgres:14-vectorchord0.3.0", EngineKind::PostgreSql, Some("14")),
            ("corp/postgres:2.0", EngineKind::PostgreSql, None),
            ("mariadb:10.6.12", EngineKind::MariaDb, Some("10.6")),
            ("mysql:8", EngineKind::MySql, Some("8")),
            ("mongo:latest", EngineKind::MongoDb, None),
        ];
        for (image, kind, expected) in cases {
            let spec = json!({ "image": image });
            let service = Service { name: "x", spec: &spec, image: None, base: None };
            assert_eq!(version(&service, kind).as_deref(), expected, "{image}");
        }
        let here = image(&[("MARIADB_VERSION", "1:10.6.12+maria~ubu2204")], "mariadbd");
        let spec = json!({ "image": "mariadb" });
        let service = Service { name: "x", spec: &spec, image: Some(&here), base: None };
        assert_eq!(version(&service, EngineKind::MariaDb).as_deref(), Some("10.6"));
    }
}
