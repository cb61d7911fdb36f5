//! A database's name and user, in the convention of each image; where its password would come
//! from. The password itself is never read.

use std::collections::BTreeMap;

use super::facts::Service;
use super::table::EngineKind;

/// What is known of who may sign in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: Option<String>,
    pub(super) user: Option<String>,
    /// What is assumed or cannot be known.
    pub(super) assumptions: Vec<String>,
}

/// Variables of the images of a kind: the official one's first.
struct Names {
    name: &'static [&'static str],
    user: &'static [&'static str],
    password: &'static [&'static str],
    /// With these the server, or nobody, knows the password.
    unknown: &'static [(&'static str, &'static str)],
}

const MADE: &str = "the server makes it at its first start and only prints it then";
const HASHED: &str = "only its hash is given";

const POSTGRESQL: Names = Names {
    name: &[
        "POSTGRES_DB",
        "POSTGRESQL_DATABASE",
        "POSTGRES_DATABASE",
        "POSTGRES_DBNAME",
        "PG_DATABASE",
    ],
    user: &["POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER", "PG_USER"],
    password: &[
        "POSTGRES_PASSWORD",
        "POSTGRESQL_PASSWORD",
        "POSTGRES_PASS",
        "PG_PASSWORD",
        "POSTGRESQL_POSTGRES_PASSWORD",
        "PGPASSWORD_SUPERUSER",
    ],
    unknown: &[],
};

const MARIADB: Names = Names {
    name: &["MARIADB_DATABASE", "MYSQL_DATABASE"],
    user: &["MARIADB_USER", "MYSQL_USER"],
    password: &[
        "MARIADB_ROOT_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "MARIADB_PASSWORD",
        "MYSQL_PASSWORD",
    ],
    unknown: &[
        ("MARIADB_RANDOM_ROOT_PASSWORD", MADE),
        ("MYSQL_RANDOM_ROOT_PASSWORD", MADE),
        ("MARIADB_ROOT_PASSWORD_HASH", HASHED),
        ("MARIADB_PASSWORD_HASH", HASHED),
    ],
};

const MYSQL: Names = Names {
    name: &["MYSQL_DATABASE"],
    user: &["MYSQL_USER"],
    password: &["MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"],
    unknown: &[("MYSQL_RANDOM_ROOT_PASSWORD", MADE)],
};

const MONGODB: Names = Names {
    name: &["MONGO_INITDB_DATABASE", "MONGODB_DATABASE"],
    user: &["MONGO_INITDB_ROOT_USERNAME", "MONGODB_ROOT_USER", "MONGODB_USERNAME"],
    password: &["MONGO_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD", "MONGODB_PASSWORD"],
    unknown: &[],
};

/// Variables that let a server start without a password.
const OPEN: [&str; 6] = [
    "POSTGRES_HOST_AUTH_METHOD",
    "ALLOW_EMPTY_PASSWORD",
    "MYSQL_ALLOW_EMPTY_PASSWORD",
    "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
    "MARIADB_ALLOW_EMPTY_PASSWORD",
    "MYSQL_ALLOW_EMPTY_ROOT_PASSWORD",
];

/// Reads the account of a server. `files` has the contents of those that `…_FILE` variables name.
pub(super) fn of(
    service: &Service<'_>,
    kind: EngineKind,
    files: &BTreeMap<String, String>,
) -> Account {
    let names = match kind {
        EngineKind::PostgreSql => POSTGRESQL,
        EngineKind::MariaDb => MARIADB,
        EngineKind::MySql => MYSQL,
        EngineKind::MongoDb => MONGODB,
    };
    let environment = service.environment();
    let set = |name: &str| environment.get(name).filter(|it| !it.is_empty()).cloned();
    let mut account = Account::default();
    let mut read = |names: &[&str], what: &str| {
        if let Some(given) = names.iter().find_map(|name| set(name)) {
            return Some(given);
        }
        let (variable, path) = names
            .iter()
            .find_map(|name| Some((format!("{name}_FILE"), set(&format!("{name}_FILE"))?)))?;
        let content = files.get(&path).map(|text| text.trim().to_owned());
        if content.is_none() {
            account.assumptions.push(format!(
                "the {what} of service {} stands in {path} ({variable}), which is not here: the running server is asked",
                service.name
            ));
        }
        content
    };
    let (name, user) = (read(names.name, "database's name"), read(names.user, "user"));
    account.user = user.or_else(|| default_user(kind, &environment));
    account.name = match kind {
        EngineKind::PostgreSql => name.or_else(|| account.user.clone()),
        _ => name,
    };
    account.assumptions.extend(unknown(service, &names, &environment));
    account
}

fn default_user(kind: EngineKind, environment: &BTreeMap<String, String>) -> Option<String> {
    let named_in_a_file = environment.keys().any(|name| name.ends_with("USER_FILE"));
    match kind {
        _ if named_in_a_file => None,
        EngineKind::PostgreSql => Some("postgres".to_owned()),
        EngineKind::MariaDb | EngineKind::MySql => Some("root".to_owned()),
        EngineKind::MongoDb => None,
    }
}

/// Passwords that cannot be known, and why, by the variable's name.
fn unknown(
    service: &Service<'_>,
    names: &Names,
    environment: &BTreeMap<String, String>,
) -> Vec<String> {
    let is_on = |name: &str| environment.get(name).is_some_and(|it| !it.is_empty());
    let name = service.name;
    let mut said = names.unknown.iter().filter(|(variable, _)| is_on(variable));
    if let Some((variable, why)) = said.next() {
        return vec![format!(
            "a password of service {name} cannot be known, because {variable} is set: {why}"
        )];
    }
    let given = |variable: &str| is_on(variable) || is_on(&format!("{variable}_FILE"));
    if names.password.iter().any(|variable| given(variable)) || OPEN.iter().any(|it| is_on(it)) {
        return Vec::new();
    }
    let first = names.password[0];
    // Without accounts is how MongoDB starts unless it is told otherwise.
    if first.starts_with("MONGO") || !service.said_program().unwrap_or_default().is_empty() {
        return Vec::new();
    }
    vec![format!(
        "service {name} is given no password ({first} is not set): an empty volume is not initialised without one; write {first} under [environment], or in the stack's .env, where the stack reads it"
    )]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn account(kind: EngineKind, environment: &Value, files: &[(&str, &str)]) -> Account {
        let spec = json!({ "image": "x", "environment": environment });
        let service = Service { name: "db", spec: &spec, image: None, base: None };
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        of(&service, kind, &files.collect())
    }

    #[test]
    fn each_image_has_its_convention() {
        let cases = [
            (EngineKind::PostgreSql, json!({ "POSTGRES_PASSWORD": "x" }), "postgres", "postgres"),
            (
                EngineKind::PostgreSql,
                json!({ "POSTGRES_PASSWORD": "x", "POSTGRES_USER": "app" }),
                "app",
                "app",
            ),
            (
                EngineKind::PostgreSql,
                json!({ "POSTGRESQL_PASSWORD": "x", "POSTGRESQL_USERNAME": "u", "POSTGRESQL_DATABASE": "d" }),
                "d",
                "u",
            ),
            (
                EngineKind::MySql,
                json!({ "MYSQL_ROOT_PASSWORD": "x", "MYSQL_DATABASE": "d" }),
                "d",
                "root",
            ),
        ];
        for (kind, environment, name, user) in cases {
            let found = account(kind, &environment, &[]);
            assert_eq!(found.name.as_deref(), Some(name), "{environment}");
            assert_eq!(found.user.as_deref(), Some(user), "{environment}");
            assert_eq!(found.assumptions, Vec::<String>::new());
        }
    }

    #[test]
    fn a_file_is_read_where_it_is_here_and_named_where_it_is_not() {
        let environment = json!({ "POSTGRES_PASSWORD_FILE": "/run/secrets/p", "POSTGRES_USER_FILE": "/run/secrets/u" });
        let found = account(EngineKind::PostgreSql, &environment, &[("/run/secrets/u", "app\n")]);
        assert_eq!(found.user.as_deref(), Some("app"));
        let found = account(EngineKind::PostgreSql, &environment, &[]);
        assert_eq!(found.user, None);
        assert!(found.assumptions[0].contains("POSTGRES_USER_FILE"), "{found:?}");
    }

    #[test]
    fn a_password_that_cannot_be_known_is_named_with_its_reason() {
        let environment = json!({ "MARIADB_RANDOM_ROOT_PASSWORD": "1", "MARIADB_DATABASE": "d" });
        let found = account(EngineKind::MariaDb, &environment, &[]);
        assert!(found.assumptions[0].contains("MARIADB_RANDOM_ROOT_PASSWORD"), "{found:?}");
        let environment = json!({ "MARIADB_ROOT_PASSWORD_HASH": "*AB" });
        let found = account(EngineKind::MariaDb, &environment, &[]);
        assert!(found.assumptions[0].contains("cannot be known, because"), "{found:?}");
    }
}
