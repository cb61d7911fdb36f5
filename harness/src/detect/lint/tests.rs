//! Each rule on a planted stack, and none on the clean one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::detect::{Detected, Facts, ImageConfig};

/// Ids of what is found.
fn ids(config: &Value) -> Vec<&'static str> {
    with_images(config, &BTreeMap::new())
}

fn with_images(config: &Value, images: &BTreeMap<String, ImageConfig>) -> Vec<&'static str> {
    let (bases, files) = (BTreeMap::new(), BTreeMap::new());
    let facts = Facts { config, images, bases: &bases, files: &files, dir: "/srv/app" };
    let found = Detected::of(&facts).warnings;
    assert!(found.iter().all(|it| !it.remedy.is_empty() && it.detail.contains(&it.service)));
    found.iter().map(|warning| warning.id).collect()
}

fn server(image: &str, volumes: &Value) -> Value {
    json!({ "services": {
        "db": { "image": image, "environment": { "POSTGRES_PASSWORD": "x" }, "volumes": volumes },
    } })
}

#[test]
fn the_clean_stacks_have_none() {
    let mounts = [
        ("postgres:16", json!(["pg:/var/lib/postgresql/data"])),
        ("postgres:18", json!(["pg:/var/lib/postgresql"])),
        (
            "postgres:17-alpine",
            json!([{ "type": "bind", "source": "/srv/app/pg", "target": "/var/lib/postgresql/data" }]),
        ),
        ("bitnami/postgresql:16", json!(["pg:/bitnami/postgresql"])),
        ("timescale/timescaledb-ha:pg16", json!(["pg:/home/postgres/pgdata/data"])),
        ("mysql:8.0", json!(["my:/var/lib/mysql"])),
        ("mariadb:11.4", json!(["my:/var/lib/mysql"])),
        ("mongo:7.0", json!(["mo:/data/db"])),
    ];
    for (image, volumes) in mounts {
        assert_eq!(ids(&server(image, &volumes)), Vec::<&str>::new(), "{image} {volumes}");
    }
}

#[test]
fn a_moved_pgdata_that_no_volume_holds_is_named() {
    let mut config = server("postgres:16", &json!(["pg:/var/lib/postgresql/data"]));
    config["services"]["db"]["environment"]["PGDATA"] = json!("/data/pg");
    assert_eq!(ids(&config), ["pgdata-moved"]);
    config["services"]["db"]["volumes"] = json!(["pg:/data"]);
    assert_eq!(ids(&config), Vec::<&str>::new());
    let mut config = server("mysql:8.0", &json!(["my:/var/lib/mysql"]));
    config["services"]["db"]["command"] = json!("--datadir=/srv/mysql");
    assert_eq!(ids(&config), ["pgdata-moved"]);
}

#[test]
fn a_mount_above_the_images_volume_is_named() {
    assert_eq!(ids(&server("postgres:16", &json!(["pg:/var/lib/postgresql"]))), ["mount-too-high"]);
    let mut config = server("postgres:16", &json!(["pg:/var/lib/postgresql"]));
    config["services"]["db"]["environment"]["PGDATA"] = json!("/var/lib/postgresql/pgdata");
    assert_eq!(ids(&config), Vec::<&str>::new());
}

#[test]
fn a_mount_below_the_data_is_named() {
    let low = server("postgres:16", &json!(["pg:/var/lib/postgresql/data/pgdata"]));
    assert_eq!(ids(&low), ["mount-too-low"]);
    assert_eq!(ids(&server("mysql:8.0", &json!(["x:/var/lib/mysql/shop"]))), ["mount-too-low"]);
}

#[test]
fn the_layout_of_postgresql_18_is_named() {
    let old = json!(["pg:/var/lib/postgresql/data"]);
    assert_eq!(ids(&server("postgres:18", &old)), ["pg18-layout"]);
    assert_eq!(ids(&server("postgres:18-alpine", &old)), ["pg18-layout"]);
    let mut set = server("postgres:18", &old);
    set["services"]["db"]["environment"]["PGDATA"] = json!("/var/lib/postgresql/data");
    assert_eq!(ids(&set), Vec::<&str>::new());
}

#[test]
fn a_volume_without_a_name_is_named() {
    for volumes in [json!([]), json!(["/var/lib/postgresql/data"])] {
        assert_eq!(ids(&server("postgres:16", &volumes)), ["anonymous-volume"], "{volumes}");
    }
    let config = json!({ "services": { "app": { "image": "corp/app:1", "volumes": [] } } });
    let image = ImageConfig { volumes: vec!["/uploads".to_owned()], ..ImageConfig::default() };
    let images = BTreeMap::from([("app".to_owned(), image)]);
    assert_eq!(with_images(&config, &images), ["anonymous-volume"]);
    assert_eq!(ids(&config), Vec::<&str>::new());
}

#[test]
fn data_in_memory_is_named() {
    let mut config = server("postgres:16", &json!([]));
    config["services"]["db"]["tmpfs"] = json!(["/var/lib/postgresql/data"]);
    assert_eq!(ids(&config), ["uncovered-volume"]);
}

#[test]
fn a_tag_without_a_version_under_data_is_named() {
    for image in ["postgres", "postgres:latest", "postgres:alpine"] {
        let config = server(image, &json!(["pg:/var/lib/postgresql/data"]));
        assert_eq!(ids(&config), ["floating-tag"], "{image}");
    }
    let pinned = server("postgres@sha256:ab", &json!(["pg:/var/lib/postgresql/data"]));
    assert_eq!(ids(&pinned), Vec::<&str>::new());
    let config = json!({ "services": { "app": { "image": "corp/app" } } });
    assert_eq!(ids(&config), Vec::<&str>::new());
}

#[test]
fn the_engines_socket_is_named() {
    let socket = |path: &str| json!({ "services": { "app": { "image": "corp/app:1", "volumes": [format!("{path}:{path}")] } } });
    assert_eq!(ids(&socket("/var/run/docker.sock")), ["engine-socket"]);
    assert_eq!(ids(&socket("/srv/app/x")), Vec::<&str>::new());
}

#[test]
fn a_dump_through_a_pipe_is_named_unless_the_pipe_fails_with_it() {
    let job = |command: &str| json!({ "services": { "backup": { "image": "corp/x:1", "command": ["bash", "-c", command] } } });
    assert_eq!(ids(&job("pg_dump -h db app | gzip > /b/x.gz")), ["dump-without-pipefail"]);
    assert_eq!(ids(&job("mysqldump --all-databases|zstd > /b/x")), ["dump-without-pipefail"]);
    for clean in [
        "set -o pipefail; pg_dump -h db app | gzip > /b/x.gz",
        "pg_dump -Fc -h db app > /b/x || exit 1",
        "pg_dump -Fc -f /b/x",
    ] {
        assert_eq!(ids(&job(clean)), Vec::<&str>::new(), "{clean}");
    }
}

#[test]
fn a_key_that_only_the_environment_has_is_named() {
    let app = |name: &str| json!({ "services": { "app": { "image": "corp/app:1", "environment": { name: "x" } } } });
    for name in ["N8N_ENCRYPTION_KEY", "AIRFLOW__CORE__FERNET_KEY", "APP_KEY", "RAILS_MASTER_KEY"] {
        assert_eq!(ids(&app(name)), ["secret-not-held"], "{name}");
    }
    for name in ["SECRET_KEY", "DB_PASSWORD", "ENCRYPTION_KEY_FILE"] {
        assert_eq!(ids(&app(name)), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn one_volume_under_two_servers_is_named() {
    let server = |target: &str| {
        json!({ "image": "postgres:16", "environment": { "POSTGRES_PASSWORD": "x", "PGDATA": target },
            "volumes": ["pg:/srv/pg"] })
    };
    let shared = json!({ "services": { "a": server("/srv/pg"), "b": server("/srv/pg") } });
    assert_eq!(ids(&shared), ["shared-data-volume"]);
    let apart = json!({ "services": { "a": server("/srv/pg/a"), "b": server("/srv/pg/b") } });
    assert_eq!(ids(&apart), Vec::<&str>::new());
}
