//! The whole of sealing, held to the table; what is judged at length has a file of its own.

mod binds;
mod left_out;

use std::fs;
use std::os::unix::fs::symlink;

use super::table::{Rule, Section, below, sections};
use super::*;

fn allowed(config: &Value, dir: &Path) -> Result<Allowed> {
    Allowed::of(config, dir, &[])
}

fn sealed(config: &Value, dir: &Path) -> SealedStack {
    limited(config, dir, Limits::default())
}

fn limited(config: &Value, dir: &Path, limits: Limits) -> SealedStack {
    let labels = BTreeMap::from([("dr-drill.run".to_owned(), "r1".to_owned())]);
    let images = BTreeMap::from([("built".to_owned(), "built:hash".to_owned())]);
    let allowed = allowed(config, dir).expect("can be sealed");
    let (project, files) = ("p".to_owned(), "/files".into());
    allowed
        .seal(&Seal { project, labels, images, declared: BTreeMap::new(), files, limits })
        .expect("sealed")
}

#[test]
fn limits_of_the_operator_win_over_those_of_a_service() {
    let own = json!({ "limits": { "memory": "8g", "cpus": "4", "pids": 99 } });
    let config = json!({ "services": { "s": { "image": "x", "deploy": { "resources": own } } } });
    let limits = Limits { memory: Some("512m".to_owned()), cpus: Some("1.5".to_owned()) };
    let sealed = limited(&config, Path::new("/"), limits);
    let service = &sealed.file["services"]["s"];
    assert_eq!((&service["mem_limit"], &service["cpus"]), (&json!("512m"), &json!(1.5)));
    assert_eq!(service["deploy"]["resources"]["limits"], json!({ "pids": 99 }));
    let free = limited(&config, Path::new("/"), Limits::default());
    assert!(free.file["services"]["s"]["mem_limit"].is_null());
}

/// A stack of two services, one of them with a further key.
fn with(key: &str, value: &Value) -> Value {
    json!({
        "services": { "s": { "image": "x", key: value }, "other": { "image": "y" } },
        "volumes": { "state": null },
    })
}

/// A stack with a value at a path of the table. Names that an author gives are `s`.
fn stack_at(path: &str, value: Value) -> Value {
    let mut stack = json!({ "services": { "s": { "image": "x" } } });
    let place = path.replace("ulimits.*", "ulimits.nofile").replace('*', "s");
    *place.split('.').fold(&mut stack, |place, part| &mut place[part]) = value;
    let mounts = &mut stack["services"]["s"]["volumes"];
    if mounts.is_object() {
        mounts["type"] = json!("tmpfs");
        *mounts = json!([mounts.take()]);
    } else {
        drop(stack["services"]["s"].as_object_mut().and_then(|keys| keys.remove("volumes")));
    }
    stack
}

fn keys_of(is_meant: impl Fn(&Rule) -> bool) -> Vec<(&'static Section, &'static str)> {
    let rows = sections().flat_map(|section| section.groups.iter().map(move |it| (section, it)));
    let meant = rows.filter(|(_, group)| is_meant(&group.rule));
    meant.flat_map(|(section, group)| group.keys.iter().map(move |key| (section, *key))).collect()
}

#[test]
fn what_is_refused_is_named_with_its_service_and_its_reason() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(dir.path().join("s")).expect("created");
    let keys = keys_of(|rule| matches!(rule, Rule::Refuse));
    assert!(keys.len() > 30, "{}", keys.len());
    for (section, key) in keys {
        let path = below(section.scope, key);
        let error = allowed(&stack_at(&path, json!("set")), dir.path()).expect_err(&path);
        assert!(
            error.to_string().contains(&format!("cannot be sealed: {}", shown(&path))),
            "{error}"
        );
        assert!(error.next_step().is_some(), "{path}");
        assert!(allowed(&stack_at(&path, Value::Null), dir.path()).is_ok(), "{path}: unset");
    }
}

/// The key as a message has it: without section and name.
fn shown(path: &str) -> String {
    let path = path.replace("ulimits.*", "ulimits.nofile");
    path.split('.')
        .skip(if path.contains('*') { 2 } else { 0 })
        .collect::<Vec<_>>()
        .join(".")
        .replace('*', "s")
}

#[test]
fn what_is_dropped_is_gone_and_said() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (section, key) in keys_of(|rule| matches!(rule, Rule::Drop)) {
        let path = below(section.scope, key);
        let allowed = allowed(&stack_at(&path, json!("set")), dir.path()).expect(&path);
        assert!(!allowed.config().to_string().contains("\"set\""), "{path}");
        let mut changes = allowed.changes().iter().filter(|change| change.what == What::Dropped);
        let Some(change) = changes.next() else { panic!("{path} is not said to be dropped") };
        assert_eq!(changes.next(), None);
        assert_eq!((change.key.as_str(), change.what), (shown(&path).as_str(), What::Dropped));
        assert!(!change.reason.is_empty());
    }
}

#[test]
fn what_is_kept_is_as_it_was() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (section, key) in keys_of(|rule| matches!(rule, Rule::Keep)) {
        let path = below(section.scope, key);
        // The stack's own sections are no plain values; mounts and builds are judged as a whole.
        if section.scope.is_empty()
            || ["services.*.volumes", "services.*.build"].iter().any(|it| path.starts_with(it))
        {
            continue;
        }
        let stack = stack_at(&path, json!("set"));
        let allowed = allowed(&stack, dir.path()).expect(&path);
        assert_eq!((allowed.config(), allowed.changes()), (&stack, [].as_slice()), "{path}");
    }
}

/// Every judged key of a service, a value that is kept and some that are refused.
fn judged() -> Vec<(&'static str, Value, Vec<Value>)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
    let lists = |texts: &[&str]| texts.iter().map(|text| json!([text])).collect::<Vec<_>>();
    vec![
        ("cap_add", json!(["CHOWN", "cap_net_raw"]), lists(&["SYS_ADMIN", "CAP_NET_ADMIN", "ALL"])),
        ("cgroup", json!("private"), texts(&["host"])),
        ("ipc", json!("service:other"), texts(&["host", "container:x", "service:absent"])),
        ("isolation", json!("default"), texts(&["process"])),
        (
            "network_mode",
            json!("service:other"),
            texts(&["host", "bridge", "container:x", "service:absent"]),
        ),
        ("oom_score_adj", json!(500), texts(&["much"])),
        ("pid", json!("service:other"), texts(&["host", "container:x", "service:absent"])),
        ("runtime", json!("runc"), texts(&["kata", "sysbox-runc"])),
        (
            "security_opt",
            json!(["no-new-privileges:true", "apparmor=docker-default"]),
            lists(&[
                "seccomp:unconfined",
                "apparmor=unconfined",
                "label:disable",
                "systempaths=unconfined",
                "seccomp=./profile.json",
                "no-new-privileges:false",
            ]),
        ),
        ("storage_opt", json!({ "size": "1G" }), vec![json!({ "dm.fs": "ext4" })]),
        (
            "sysctls",
            json!({ "net.core.somaxconn": "1024", "kernel.shmmax": 1 }),
            vec![json!({ "kernel.core_pattern": "|/x" }), json!(["vm.overcommit_memory=1"])],
        ),
        (
            "ulimits",
            json!({ "nofile": { "soft": 1, "hard": 2 }, "nproc": 5 }),
            vec![json!({ "rtprio": 99 }), json!({ "nice": { "soft": 1, "hard": 40 } })],
        ),
        (
            "volumes_from",
            json!(["other:ro", "service:other:rw"]),
            lists(&["container:x", "absent", "service:absent:ro"]),
        ),
        (
            "volumes",
            json!(["state:/state:rw", "/anonymous", { "type": "tmpfs", "target": "/t" }]),
            vec![
                json!(["elsewhere:/x"]),
                json!(["/dev/shm:/shm"]),
                json!(["/var/run/docker.sock:/var/run/docker.sock"]),
                json!(["~/x:/x"]),
                json!([{ "type": "npipe", "source": "x", "target": "/x" }]),
                json!([{ "type": "volume", "source": "/etc", "target": "/x" }]),
                json!("state:/state"),
            ],
        ),
        (
            "build",
            json!({ "context": "/", "args": { "A": "1" } }),
            vec![json!("https://example.org/x.git")],
        ),
    ]
}

#[test]
fn what_is_judged_is_kept_or_refused_by_its_value() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = judged();
    for (section, key) in keys_of(|rule| matches!(rule, Rule::Judge(_))) {
        let has_case = cases.iter().any(|(known, ..)| *known == key);
        let of_files = ["configs.*", "secrets.*"].contains(&section.scope);
        assert!(has_case || of_files, "{key} has no case");
    }
    for (key, fine, wrong) in cases {
        let stack = with(key, &fine);
        let allowed = allowed(&stack, dir.path()).expect(key);
        assert_eq!(allowed.config()["services"], stack["services"], "{key}");
        for value in wrong {
            let error = Allowed::of(&with(key, &value), dir.path(), &[]).expect_err(key);
            let expected = format!("service \"s\" cannot be sealed: {key} ");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn a_server_that_asks_to_be_spared_runs_without() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let allowed = allowed(&with("oom_score_adj", &json!(-500)), dir.path()).expect("can be sealed");
    assert_eq!(allowed.config()["services"]["s"]["oom_score_adj"], Value::Null);
    assert_eq!(allowed.changes()[0].key, "oom_score_adj");
}

#[test]
fn a_key_that_no_specification_has_is_refused_wherever_it_stands() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for path in [
        "services.*.restrat",
        "services.*.deploy.newer",
        "services.*.healthcheck.newer",
        "volumes.*.newer",
        "networks.*.newer",
        "secrets.*.newer",
        "newer",
    ] {
        let error = allowed(&stack_at(path, Value::Null), dir.path()).expect_err(path);
        assert!(
            error.to_string().contains(&format!("{}: the Compose Specification", shown(path))),
            "{error}"
        );
    }
    let error = allowed(&with("restrat", &json!("no")), dir.path()).expect_err("a slip");
    assert_eq!(error.next_step(), Some("did you mean \"restart\"?"));
    let error = allowed(&with("quantum_link", &json!("on")), dir.path()).expect_err("a newer key");
    assert!(error.next_step().expect("a hint").contains("override file"), "{error:?}");
}

#[test]
fn all_that_is_refused_is_listed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut stack = with("privileged", &json!(true));
    stack["services"]["other"]["uts"] = json!("host");
    let error = allowed(&stack, dir.path()).expect_err("two faults");
    let lines = [error.to_string()].into_iter().chain(error.detail_lines().iter().cloned());
    let lines = lines.collect::<Vec<_>>().join("\n");
    assert!(lines.contains("\"s\" cannot be sealed: privileged"), "{lines}");
    assert!(lines.contains("\"other\" cannot be sealed: uts"), "{lines}");
}

/// Where the copy of a file is.
fn copy_of(file: &Path) -> String {
    let file = file.canonicalize().expect("there");
    let digest = blake3::hash(file.as_os_str().as_encoded_bytes()).to_hex();
    format!("/files/{}-{}", &digest[..8], file.file_name().expect("a name").to_string_lossy())
}

#[test]
fn a_mount_is_judged_where_it_leads() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("stack")).expect("created");
    fs::create_dir(at("beside")).expect("created");
    fs::write(at("stack/nginx.conf"), "").expect("written");
    symlink("/var/run/docker.sock", at("stack/engine")).expect("linked");
    symlink("../beside", at("stack/link")).expect("linked");
    let stack = at("stack");
    let long = |source: &str| json!({ "type": "bind", "source": source, "target": "/t", "read_only": true });
    for source in ["./link", "../beside"] {
        for mount in [json!(format!("{source}:/t:ro")), long(source)] {
            let config = with("volumes", &json!([mount]));
            assert_eq!(sealed(&config, &stack).file["services"]["s"]["volumes"], json!([mount]));
        }
    }
    for source in [
        "./engine",
        "./absent",
        "~/x",
        "../beside/../stack/engine",
        "/",
        "/proc",
        "/run/docker.sock",
    ] {
        for mount in [json!(format!("{source}:/t:ro")), long(source)] {
            let error = allowed(&with("volumes", &json!([mount])), &stack).expect_err(source);
            let said = error.to_string();
            assert!(
                said.contains("\"s\" cannot be sealed: volumes") && said.contains(source),
                "{said}"
            );
        }
    }
    let error = allowed(&with("volumes", &json!(["./engine:/t:ro"])), &stack).expect_err("a link");
    assert!(error.to_string().contains("docker.sock"), "{error}");
}

#[test]
fn a_mount_loses_what_would_travel_or_relabel() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("a"), "").expect("written");
    let mounts = json!([
        "./a:/a:ro,Z,rshared", "state:/s:z",
        { "type": "bind", "source": "a", "target": "/b", "read_only": true,
          "bind": { "propagation": "rshared", "selinux": "z", "create_host_path": true } },
    ]);
    let copy = copy_of(&dir.path().join("a"));
    let expected = json!([
        format!("{copy}:/a:ro"), "state:/s",
        { "type": "bind", "source": copy, "target": "/b", "read_only": true,
          "bind": { "create_host_path": true } },
    ]);
    let config = with("volumes", &mounts);
    assert_eq!(sealed(&config, dir.path()).file["services"]["s"]["volumes"], expected);
    let changes = allowed(&config, dir.path()).expect("can be sealed").changes().to_vec();
    let keys = changes.iter().map(|change| (change.key.as_str(), change.what)).collect::<Vec<_>>();
    let dropped = What::Dropped;
    let expected = [
        ("volumes", What::Changed),
        ("volumes.bind.propagation", dropped),
        ("volumes.bind.selinux", dropped),
    ];
    assert_eq!(keys, expected);
}

#[test]
fn files_of_configs_and_secrets_are_judged_as_mounts_are() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("token"), "x").expect("written");
    symlink("/var/run/docker.sock", dir.path().join("link")).expect("linked");
    for section in ["configs", "secrets"] {
        let mut config = with("init", &json!(true));
        let mut entry = |entry: Value| {
            config[section] = json!({ "token": entry });
            allowed(&config, dir.path())
        };
        assert!(entry(json!({ "file": "./token" })).is_ok());
        assert!(entry(json!({ "file": "/etc/hostname", "name": "x" })).is_ok());
        assert!(entry(json!({ "environment": "PATH" })).is_ok());
        for refused in [
            json!({ "file": "/var/run/docker.sock" }),
            json!({ "file": "./link" }),
            json!({ "file": "/proc/1/environ" }),
            json!({ "file": "./absent" }),
            json!({ "environment": "DR_DRILL_NOT_SET" }),
            json!({ "external": true }),
            json!({ "external": { "name": "theirs" } }),
        ] {
            let error = entry(refused).expect_err("refused").to_string();
            let subject = format!("{} \"token\" cannot be sealed: ", section.trim_end_matches('s'));
            assert!(error.starts_with(&subject), "{error}");
        }
    }
}

#[test]
fn nothing_of_the_original_survives_in_names_ports_or_egress() {
    let config = json!({
        "version": "3.9",
        "name": "production",
        "services": { "web": {
            "image": "nginx", "container_name": "web", "restart": "always",
            "ports": ["80:80"], "extra_hosts": ["mail:10.0.0.1"],
            "labels": ["traefik.http.routers.web.rule=Host(`production.example`)"],
            "networks": { "front": { "ipv4_address": "10.1.1.1", "aliases": ["www"] }, "default": null },
            "volumes": [{ "type": "volume", "source": "state", "target": "/state" }],
        }},
        "networks": { "front": { "external": true, "name": "production_front" } },
        "volumes": {
            "state": { "external": true, "name": "production_state",
                "driver_opts": { "type": "nfs", "device": ":/export" } },
            "bound": { "driver": "local",
                "driver_opts": { "type": "none", "o": "bind", "device": "/srv/production" } },
        },
    });
    let file = sealed(&config, Path::new("/")).file;
    let web = &file["services"]["web"];
    for key in ["container_name", "restart", "ports", "extra_hosts"] {
        assert_eq!(web[key], Value::Null, "{key} survived");
    }
    assert_eq!(web["networks"], json!({ "front": { "aliases": ["www"] }, "default": null }));
    assert_eq!(web["labels"], json!({ "dr-drill.run": "r1" }));
    assert_eq!(file["networks"]["front"]["internal"], true);
    assert_eq!(file["networks"]["default"]["internal"], true);
    for name in ["state", "bound"] {
        let volume = json!({ "name": format!("p_{name}"), "labels": { "dr-drill.run": "r1" } });
        assert_eq!(file["volumes"][name], volume);
    }
    assert!(!file.to_string().contains("production"));
}

#[test]
fn renamed_it_has_no_name_in_common() {
    let config = json!({
        "services": { "db": { "image": "x", "networks": { "back": {} },
            "volumes": [{ "type": "volume", "source": "state", "target": "/state" }] } },
        "networks": { "back": {} }, "volumes": { "state": null },
    });
    let before = sealed(&config, Path::new("/"));
    let after = before.renamed("q".to_owned());
    assert_eq!(after.volumes["state"], "q_state");
    for (section, name) in [("volumes", "state"), ("networks", "back"), ("networks", "default")] {
        let (was, is) = (&before.file[section][name], &after.file[section][name]);
        let names = (&json!(format!("p_{name}")), &json!(format!("q_{name}")));
        assert_eq!((&was["name"], &is["name"]), names);
        assert_eq!((&was["labels"], &was["internal"]), (&is["labels"], &is["internal"]));
    }
    assert_eq!(before.file["services"], after.file["services"]);
}

#[test]
fn a_built_service_runs_the_image_that_was_built() {
    let config = json!({ "services": { "built": { "build": { "context": "/" } } } });
    let sealed = sealed(&config, Path::new("/"));
    assert_eq!(sealed.file["services"]["built"]["image"], "built:hash");
    assert_eq!(sealed.file["services"]["built"]["build"], Value::Null);
    let allowed = allowed(&config, Path::new("/")).expect("can be sealed");
    assert_eq!(
        (allowed.changes()[0].key.as_str(), allowed.changes()[0].what),
        ("image", What::Changed)
    );
}

#[test]
fn a_stack_without_services_or_a_service_without_an_image_is_refused() {
    for services in [json!({}), json!({ "s": {} }), json!({ "s": null })] {
        assert!(allowed(&json!({ "services": services }), Path::new("/")).is_err());
    }
}

#[test]
fn an_unknown_key_is_found_in_files_that_compose_cannot_read() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let unknown = |text: &str| {
        fs::write(dir.path().join("compose.yaml"), text).expect("written");
        unknown_key(dir.path(), &["absent.yaml".into(), "compose.yaml".into()])
    };
    let error = unknown("x-a: &a { restrat: no }\nservices: { s: { <<: *a, image: x } }\n");
    let error = error.expect("an unknown key");
    assert!(error.to_string().contains("service \"s\" cannot be sealed: restrat: "), "{error}");
    assert_eq!(error.next_step(), Some("did you mean \"restart\"?"));
    assert!(unknown("services: { s: { image: x, privileged: true, env_file: a } }\n").is_none());
    assert!(unknown("services:\n  s: [\n").is_none());
}
