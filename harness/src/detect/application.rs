//! The application: the service whose variables or command hold the database's address, as a whole
//! host. Where several do, what is published, proxied to and no worker comes first.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::facts::{Facts, MountKind, Service};
use super::table::{self, Purpose, may_be_http};

/// Hosts of addresses: after `//` and a sign-in, in lists, as `host=…`, `tcp(…)`, `name:5432`.
static HOSTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"//(?:[^/\s]*@)?([A-Za-z0-9._-]+)",
        r"[,@]([A-Za-z0-9._-]+):\d+",
        r"(?i)(?:\b|_|-)(?:host(?:name)?|server|addr(?:ess)?|data\s?source)\s*=\s*['\x22]?(?:tcp:)?([A-Za-z0-9._-]+)",
        r"\(([A-Za-z0-9._-]+):\d+\)",
        r"^([A-Za-z0-9._-]+):\d+(?:/\S*)?$",
        r"(?:^|\s)(?:--?[a-z-]*host(?:name)?|-h|-H)[=\s]+([A-Za-z0-9._-]+)",
        r"(?:^|[\s,])([A-Za-z0-9._-]+):\d{2,5}(?:[\s,]|$)",
    ];
    patterns.map(|text| Regex::new(text).expect("a pattern of ours")).into()
});

/// Parts of a variable's name that say its value is no host, though it may equal one.
const NO_HOST: [&str; 24] = [
    "user",
    "username",
    "usr",
    "login",
    "password",
    "passwd",
    "pass",
    "pwd",
    "name",
    "dbname",
    "database",
    "schema",
    "type",
    "engine",
    "driver",
    "dialect",
    "adapter",
    "backend",
    "client",
    "connection",
    "provider",
    "vendor",
    "kind",
    "db",
];

/// Parts that say it is one.
const HOST: [&str; 13] = [
    "host",
    "hosts",
    "hostname",
    "server",
    "addr",
    "address",
    "url",
    "uri",
    "endpoint",
    "dsn",
    "dbhost",
    "servername",
    "upstream",
];

/// Words in names and commands of what works behind an application.
const WORKERS: [&str; 19] = [
    "worker",
    "workers",
    "celery",
    "beat",
    "sidekiq",
    "cron",
    "scheduler",
    "jobs",
    "job",
    "queue",
    "migrate",
    "migration",
    "migrations",
    "migrator",
    "init",
    "seed",
    "setup",
    "consumer",
    "flower",
];

/// Whether a service's variables or command hold one of these hosts, and where.
pub(super) fn holds(service: &Service<'_>, hosts: &[&str]) -> Option<String> {
    let environment = service.environment();
    let found = environment.iter().find(|(name, value)| names_host(name, value, hosts));
    if let Some((name, _)) = found {
        return Some(format!("its variable {name} holds it"));
    }
    let program = service.said_program()?;
    in_address(&program, hosts).then(|| "its command holds it".to_owned())
}

fn names_host(variable: &str, value: &str, hosts: &[&str]) -> bool {
    if hosts.contains(&value.trim()) {
        let lower = variable.to_lowercase();
        let parts = table::parts(&lower).collect::<Vec<_>>();
        let has = |words: &[&str]| parts.iter().any(|part| words.contains(part));
        let ends = HOST.iter().any(|word| lower.ends_with(word));
        return has(&HOST) || ends || !has(&NO_HOST);
    }
    in_address(value, hosts)
}

fn in_address(text: &str, hosts: &[&str]) -> bool {
    HOSTS.iter().any(|pattern| {
        let found = pattern.captures_iter(text);
        found.filter_map(|it| it.get(1)).any(|host| hosts.contains(&host.as_str()))
    })
}

/// Whether a service leads to another: by address, by dependency, by link.
pub(super) fn leads_to(service: &Service<'_>, other: &Service<'_>) -> bool {
    let links = service.spec["links"].as_array().into_iter().flatten();
    let mut links = links.filter_map(|link| link.as_str()?.split(':').next());
    service.depends_on().contains(&other.name)
        || links.any(|link| link == other.name)
        || holds(service, &other.hosts()).is_some()
}

/// Whether nobody would take a service for the application.
fn is_excluded(service: &Service<'_>, databases: &[&str]) -> bool {
    let tool = service.reference().is_some_and(|it| table::is_tool(it.name));
    let aside = matches!(service.purpose(), Purpose::Cache | Purpose::Proxy | Purpose::Server(_));
    tool || aside || databases.contains(&service.name)
}

/// The application, or candidates that are as good as each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Application {
    pub(super) name: Option<String>,
    /// By what it is known.
    pub(super) ground: String,
    /// Others that could be it as well.
    pub(super) rivals: Vec<String>,
}

/// Finds the application of these databases.
pub(super) fn find(facts: &Facts<'_>, databases: &[&str]) -> Application {
    let services = facts.services().collect::<Vec<_>>();
    let mut candidates =
        services.iter().filter(|it| !is_excluded(it, databases)).collect::<Vec<_>>();
    if candidates.is_empty() {
        // Pages that a proxy hands out by itself, and what is a tool elsewhere.
        let is_left = |service: &&Service<'_>| {
            !databases.contains(&service.name) && service.engine_socket().is_none()
        };
        let left = services.iter().filter(is_left).filter(|it| it.purpose() != Purpose::Cache);
        let own = left.filter(|it| it.purpose() != Purpose::Proxy || it.is_built());
        candidates = own.filter(|it| it.published().iter().any(|it| may_be_http(*it))).collect();
    }
    let stores = services.iter().filter(|it| databases.contains(&it.name)).collect::<Vec<_>>();
    let by_value = |service: &&&Service<'_>| {
        stores.iter().find_map(|store| {
            let ground = holds(service, &store.hosts())?;
            Some(format!("{ground}: {}", store.name))
        })
    };
    let said = candidates.iter().filter(|it| by_value(it).is_some()).copied().collect::<Vec<_>>();
    if !said.is_empty() {
        return best(&said, &services, true, |it| by_value(&&it).unwrap_or_default());
    }
    let depending = candidates.iter().filter(|it| stores.iter().any(|store| leads_to(it, store)));
    let depending = depending.copied().collect::<Vec<_>>();
    if !depending.is_empty() {
        return best(&depending, &services, true, |_| "it depends on the database".to_owned());
    }
    // One that nothing else of the stack is for: without a database, or with its address in a file.
    let why = if stores.is_empty() { "the stack has no database, and it" } else { "it" };
    best(&candidates, &services, !stores.is_empty(), |_| {
        format!("{why} is what is left without proxies, caches and tools")
    })
}

fn best(
    candidates: &[&Service<'_>],
    services: &[Service<'_>],
    has_store: bool,
    ground: impl Fn(&Service<'_>) -> String,
) -> Application {
    let mut ranked =
        candidates.iter().map(|it| (score(it, services, has_store), *it)).collect::<Vec<_>>();
    ranked.sort_by_key(|(score, service)| (-score, service.name));
    let Some((top, first)) = ranked.first() else { return Application::default() };
    let rivals = ranked.iter().skip(1).filter(|(score, _)| score == top);
    Application {
        name: Some(first.name.to_owned()),
        ground: ground(first),
        rivals: rivals.map(|(_, service)| service.name.to_owned()).collect(),
    }
}

/// How much of an application a service is.
/// Behind a database stands what others ask, beside none what asks others.
fn score(service: &Service<'_>, services: &[Service<'_>], has_store: bool) -> i32 {
    let image = service.reference().map_or("", |it| it.name);
    let words = table::parts(service.name).chain(table::parts(image)).collect::<BTreeSet<_>>();
    let command = service.said_program().unwrap_or_default().to_lowercase();
    let mut in_command = command.split(|c: char| !c.is_ascii_alphanumeric());
    let is_behind = |word: &str| WORKERS.contains(&word);
    let is_worker = words.iter().any(|word| is_behind(word)) || in_command.any(is_behind);
    let is_published = service.published().iter().any(|port| may_be_http(*port));
    let labels = service.labels();
    let is_routed =
        labels.keys().any(|label| label.starts_with("traefik.http") || label.starts_with("caddy"))
            || service.own_environment().contains_key("VIRTUAL_HOST");
    let behind_proxy =
        services.iter().any(|other| other.purpose() == Purpose::Proxy && leads_to(other, service));
    let writes = service
        .mounts()
        .iter()
        .any(|it| !it.is_read_only && matches!(it.kind, MountKind::Volume | MountKind::Bind));
    let others = || services.iter().filter(|other| other.name != service.name);
    let asked = has_store && others().any(|other| leads_to(other, service));
    let asks = !has_store && others().any(|other| leads_to(service, other));
    let ends = service.spec["restart"].as_str() == Some("no") && !is_published;
    let points = [
        (is_published, 8),
        (is_routed, 8),
        (behind_proxy, 6),
        (asked || asks, 2),
        (writes, 1),
        (!service.exposed().is_empty(), 1),
        (is_worker, -10),
        (ends, -4),
    ];
    points.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_whole_component_of_an_address() {
        let yes = [
            ("DATABASE_URL", "postgresql://app:secret@db:5432/app"),
            ("X", "jdbc:postgresql://db/app"),
            ("WORDPRESS_DB_HOST", "db:3306"),
            ("HOST", "db"),
            ("MYDB", "db"),
            ("DSN", "host=db port=5432 user=app"),
            ("GO_DSN", "app:x@tcp(db:3306)/app"),
            ("ConnectionStrings__Default", "Server=db;Database=app"),
            ("HOSTS", "redis:6379,db:5432"),
            ("database__connection__host", "db"),
        ];
        for (name, value) in yes {
            assert!(names_host(name, value, &["db"]), "{name}={value}");
        }
        let no = [
            ("POSTGRES_DB", "db"),
            ("DB_USER", "db"),
            ("DB_CONNECTION", "db"),
            ("DATABASE_URL", "postgresql://db:db@postgres:5432/db"),
            ("URL", "http://db.example.com/"),
            ("URL", "http://my-db/"),
            ("PATH", "/srv/db:/srv/db2"),
        ];
        for (name, value) in no {
            assert!(!names_host(name, value, &["db"]), "{name}={value}");
        }
    }
}
