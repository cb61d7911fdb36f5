use super::*;

fn stack() -> Value {
    json!({
        "services": {
            "web": { "image": "x", "depends_on": { "db": { "condition": "service_started" },
                "agent": { "condition": "service_started" } },
                "links": ["agent:a", "db"], "volumes_from": ["agent:ro", "service:db:rw"],
                "volumes": ["media:/media"], "secrets": [{ "source": "kept" }] },
            "db": { "image": "y", "depends_on": ["agent"] },
            "agent": { "image": "z", "privileged": true, "networks": { "far": null },
                "volumes": ["media:/m:ro", { "type": "volume", "source": "own", "target": "/o" }],
                "secrets": [{ "source": "theirs" }] },
        },
        "networks": { "far": { "external": true } },
        "volumes": { "media": null, "own": null, "unused": null },
        "secrets": { "kept": { "file": "/etc/hostname" }, "theirs": { "external": true } },
    })
}

fn without(config: &Value, services: &[&str]) -> Result<Allowed> {
    let services = services.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Allowed::of(config, Path::new("/"), &services)
}

#[test]
fn what_is_left_out_is_not_judged_and_nothing_names_it_any_more() {
    assert!(without(&stack(), &[]).is_err());
    let allowed = without(&stack(), &["agent"]).expect("can be sealed");
    assert_eq!(allowed.without(), ["agent"]);
    assert_eq!(allowed.services().collect::<Vec<_>>(), ["web", "db"]);
    assert_eq!(allowed.volumes().collect::<Vec<_>>(), ["media", "unused"]);
    assert!(!allowed.config().to_string().contains("agent"), "{}", allowed.config());
    for section in ["networks", "secrets"] {
        let text = allowed.config()[section].to_string();
        assert!(!text.contains("far") && !text.contains("theirs"), "{text}");
    }
    let web = &allowed.config()["services"]["web"];
    assert_eq!(web["links"], json!(["db"]));
    assert_eq!(web["volumes_from"], json!(["service:db:rw"]));
    assert_eq!(web["depends_on"], json!({ "db": { "condition": "service_started" } }));
}

#[test]
fn a_service_that_is_not_there_is_named_with_the_nearest() {
    let error = without(&stack(), &["agnet"]).expect_err("a slip");
    assert_eq!(error.kind(), crate::ErrorKind::Usage);
    assert!(error.to_string().contains("\"agnet\""), "{error}");
    assert_eq!(error.next_step(), Some("did you mean \"agent\"?"));
    let error = without(&stack(), &["zzzzzzzz"]).expect_err("nothing like it");
    assert!(error.next_step().is_some_and(|hint| hint.contains("web, db")), "{error:?}");
    let error = without(&stack(), &["agent", "db", "web"]).expect_err("nothing left");
    assert!(error.to_string().contains("nothing is left"), "{error}");
}

#[test]
fn who_lives_in_a_service_cannot_be_without_it() {
    for key in ["network_mode", "ipc", "pid"] {
        let mut config = stack();
        config["services"]["web"][key] = json!("service:agent");
        let error = without(&config, &["agent"]).expect_err(key);
        assert!(error.to_string().contains("\"web\" cannot be sealed: "), "{error}");
        assert!(error.next_step().is_some_and(|hint| hint.contains("--without web")), "{error:?}");
        assert!(without(&config, &["agent", "web"]).is_ok(), "{key}");
    }
}

#[test]
fn the_hosts_network_is_replaced_only_if_the_operator_says_so() {
    let config = with("network_mode", &json!("host"));
    let error = allowed(&config, Path::new("/")).expect_err("refused");
    assert!(error.to_string().contains("host_network = \"replace\""), "{error}");
    let terms = Terms { host_network: crate::config::HostNetwork::Replace, ..Terms::default() };
    let replaced = Allowed::under(&config, Path::new("/"), terms).expect("replaced");
    assert_eq!(replaced.config()["services"]["s"]["network_mode"], Value::Null);
    assert_eq!(replaced.changes()[0].key, "network_mode");
    for other in ["container:x", "bridge"] {
        let config = with("network_mode", &json!(other));
        assert!(Allowed::under(&config, Path::new("/"), terms).is_err(), "{other}");
    }
}

#[test]
fn a_graphics_card_is_dropped_with_a_word_and_a_device_is_not() {
    let gpu = json!([{ "driver": "nvidia", "count": 1 }]);
    for (key, value) in [
        ("gpus", json!("all")),
        ("runtime", json!("nvidia")),
        ("deploy", json!({ "resources": { "reservations": { "devices": gpu } } })),
    ] {
        let allowed = allowed(&with(key, &value), Path::new("/")).expect(key);
        assert!(!allowed.config().to_string().contains("nvidia"), "{key}");
        assert!(allowed.changes()[0].reason.contains("graphics card"), "{key}");
    }
    for (key, value) in [("devices", json!(["/dev/dri:/dev/dri"])), ("privileged", json!(true))] {
        assert!(allowed(&with(key, &value), Path::new("/")).is_err(), "{key}");
    }
}

#[test]
fn a_stack_in_which_nobody_waits_or_lives_in_another_is_created_whole() {
    assert!(sealed(&with("init", &json!(true)), Path::new("/")).startless().is_none());
}

#[test]
fn services_are_known_by_what_runs_of_them_and_where() {
    let config = json!({ "services": {
        "none": { "image": "x", "scale": 0 }, "nor": { "image": "x", "deploy": { "replicas": 0 } },
        "two": { "image": "x", "deploy": { "replicas": 2 } },
        "job": { "image": "x" }, "vpn": { "image": "x" },
        "web": { "image": "x", "network_mode": "service:vpn",
            "depends_on": { "job": { "condition": "service_completed_successfully" } } },
        "side": { "image": "x", "network_mode": "service:web" },
    }});
    let sealed = sealed(&config, Path::new("/"));
    assert_eq!(sealed.running().collect::<Vec<_>>(), ["two", "job", "vpn", "web", "side"]);
    assert_eq!(sealed.jobs(), ["job"].into());
    let created = sealed.startless().expect("not all of it");
    assert_eq!(created.jobs(), [].into());
    let services = created.file["services"].as_object().expect("services");
    assert_eq!(services.keys().collect::<Vec<_>>(), ["none", "nor", "two", "job", "vpn"]);
    assert_eq!(created.file["networks"], sealed.file["networks"]);
    assert_eq!((sealed.network_of("side"), sealed.network_of("two")), ("vpn", "two"));
}
