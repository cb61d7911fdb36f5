use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn detected(config: &Value) -> Detected {
    with_images(config, &BTreeMap::new())
}

fn with_images(config: &Value, images: &BTreeMap<String, ImageConfig>) -> Detected {
    let (bases, files) = (BTreeMap::new(), BTreeMap::new());
    Detected::of(&Facts { config, images, bases: &bases, files: &files, dir: "/srv/app" })
}

/// A Django-like stack: server, cache, application, worker, proxy.
fn stack() -> Value {
    let application = json!({
        "image": "corp/app:1",
        "environment": { "DATABASE_URL": "postgres://app:x@db:5432/app", "REDIS": "redis://redis:6379" },
        "volumes": ["media:/srv/media", "static:/srv/static"],
        "expose": ["8000"],
        "depends_on": ["db", "redis"],
    });
    let mut worker = application.clone();
    worker["command"] = json!(["celery", "--app=x", "worker"]);
    worker["volumes"] = json!(["media:/srv/media"]);
    json!({ "name": "shop", "services": {
        "db": {
            "image": "postgres:16-alpine",
            "environment": { "POSTGRES_PASSWORD": "x", "POSTGRES_USER": "app", "POSTGRES_DB": "shop" },
            "volumes": ["pg:/var/lib/postgresql/data"],
            "healthcheck": { "test": ["CMD", "pg_isready"] },
        },
        "redis": { "image": "redis:7", "volumes": ["redis:/data"] },
        "app": application,
        "worker": worker,
        "proxy": {
            "image": "nginx:1.27", "ports": ["8080:80"], "depends_on": ["app"],
            "volumes": ["media:/srv/media:ro", "/srv/app/nginx.conf:/etc/nginx/nginx.conf:ro"],
        },
    }, "volumes": { "pg": {}, "media": {}, "static": {}, "redis": {} } })
}

#[test]
fn a_usual_stack_is_told_apart() {
    let found = detected(&stack());
    let [database] = found.databases.as_slice() else { panic!("{:?}", found.databases) };
    assert_eq!(database.service, "db");
    assert_eq!(database.version.as_deref(), Some("16"));
    assert_eq!(database.name.as_deref(), Some("shop"));
    assert_eq!(database.user.as_deref(), Some("app"));
    assert_eq!(database.volume.as_deref(), Some("pg"));
    assert_eq!(found.application.as_deref(), Some("app"));
    assert_eq!(found.entry, Some(Entry { service: "proxy".to_owned(), port: 80 }));
    let classes = found.volumes.iter().map(|it| (it.name.as_str(), it.class.name()));
    let expected = [
        ("pg", "critical"),
        ("media", "critical"),
        ("static", "rebuildable"),
        ("redis", "critical"),
    ];
    assert_eq!(classes.collect::<Vec<_>>(), expected);
    assert_eq!(found.warnings, Vec::new());
    let probes = ["health check of service db", "GET http://proxy:80/ and what it links to"];
    assert_eq!(found.probes, probes);
}

#[test]
fn the_settings_are_those_of_the_written_file() {
    let found = detected(&stack());
    let config = found.config().expect("decided");
    let database = config.database.clone().expect("known");
    assert_eq!(database.service, "db");
    assert_eq!(database.volume.as_deref(), Some("pg"));
    assert_eq!((config.service.entry.as_deref(), config.service.port), (Some("proxy"), 80));
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("compose.yaml"), "services: {}").expect("written");
    std::fs::write(dir.path().join("drill.toml"), found.drill_toml()).expect("written");
    let written = crate::config::Config::load(dir.path()).expect("it parses");
    let written_database = written.database.clone().expect("written");
    assert_eq!(written_database.service, database.service);
    assert_eq!(written_database.volume, database.volume);
    assert_eq!(written.service.port, config.service.port);
    let names = |config: &crate::config::Config| {
        config.volumes.iter().map(|it| (it.name.clone(), it.class)).collect::<Vec<_>>()
    };
    assert_eq!(names(&written), names(&config));
}

#[test]
fn no_password_is_in_anything_that_is_said() {
    let mut config = stack();
    config["services"]["db"]["environment"]["POSTGRES_PASSWORD"] = json!("hunter2");
    let found = detected(&config);
    let json = serde_json::to_string(&found).expect("serialised");
    assert!(!json.contains("hunter2") && !found.drill_toml().contains("hunter2"));
}

#[test]
fn a_stack_without_a_database_has_no_ledger() {
    let config = json!({ "services": {
        "wiki": { "image": "corp/wiki:1", "ports": ["3000:3000"], "volumes": ["data:/data"] },
    } });
    let found = detected(&config);
    assert_eq!(found.databases, Vec::new());
    assert_eq!(found.application.as_deref(), Some("wiki"));
    assert_eq!(found.entry, Some(Entry { service: "wiki".to_owned(), port: 3000 }));
    assert!(!found.config().expect("settings").ledger.enabled);
    let text = found.drill_toml();
    assert!(text.contains("[ledger]"), "{text}");
}

#[test]
fn of_two_servers_the_applications_is_dumped_or_one_line_is_asked_for() {
    let server = |volume: &str| {
        json!({ "image": "postgres:16", "environment": { "POSTGRES_PASSWORD": "x" },
            "volumes": [format!("{volume}:/var/lib/postgresql/data")] })
    };
    let app = |host: &str| json!({ "image": "corp/app:1", "ports": ["80:80"], "environment": { "DB_HOST": host } });
    let config = json!({ "services": { "a": server("a"), "b": server("b"), "app": app("b") } });
    assert_eq!(detected(&config).config().expect("decided").database.expect("one").service, "b");
    assert_eq!(detected(&config).databases[0].service, "b");
    let config = json!({ "services": { "a": server("a"), "b": server("b"), "app": app("none") } });
    let found = detected(&config);
    let error = found.config().expect_err("undecided");
    assert!(error.next_step().expect("a hint").contains("service = \"a\""), "{error:?}");
    assert!(found.assumptions.iter().any(|it| it.contains("under [database]")), "{found:?}");
}

#[test]
fn a_proxy_with_the_engines_socket_is_noted_with_the_entry_without_it() {
    let config = json!({ "services": {
        "traefik": { "image": "traefik:v3", "ports": ["80:80"],
            "volumes": ["/var/run/docker.sock:/var/run/docker.sock:ro"] },
        "app": { "image": "corp/app:1", "labels": {
            "traefik.http.routers.app.rule": "Host(`app.example.org`)",
            "traefik.http.services.app.loadbalancer.server.port": "9000",
        } },
    } });
    let found = detected(&config);
    assert_eq!(found.entry, Some(Entry { service: "app".to_owned(), port: 9000 }));
    assert_eq!(found.more.host.as_deref(), Some("app.example.org"));
    let note = found.assumptions.iter().find(|it| it.contains("--without traefik"));
    assert!(note.expect("a note").contains("app:9000"), "{note:?}");
}

#[test]
fn a_writable_bind_is_listed_by_its_place_below_the_stack() {
    let config = json!({ "services": {
        "db": { "image": "postgres:16", "environment": { "POSTGRES_PASSWORD": "x" },
            "volumes": ["/srv/app/pgdata:/var/lib/postgresql/data", "/etc/localtime:/etc/localtime"] },
    } });
    let found = detected(&config);
    assert_eq!(found.databases[0].volume.as_deref(), Some("./pgdata"));
    assert_eq!(found.volumes.len(), 1, "{:?}", found.volumes);
}

#[test]
fn every_key_of_the_answer_is_there() {
    let value = serde_json::to_value(detected(&stack())).expect("serialised");
    let keys = value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let expected = [
        "stack",
        "services",
        "databases",
        "volumes",
        "application",
        "entry",
        "probes",
        "changed",
        "refused",
        "warnings",
        "assumptions",
    ];
    assert_eq!(keys, expected);
    assert_eq!(value["stack"], "shop");
    assert_eq!(value["databases"][0]["engine"], "postgresql");
    assert_eq!(project_name(&json!({}), Path::new("/srv/app")), "app");
}
