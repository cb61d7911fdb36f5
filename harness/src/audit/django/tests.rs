//! The rules on Django's configuration: content with a good one, and naming each fault.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::judge;
use crate::model::django::{Facts, KeyStrength, Message, Module};
use crate::model::finding::{Finding, Priority, Status};
use crate::model::mode::Mode;
use crate::model::observed::{Answer, Exchange, Observed};

const MIDDLEWARE: [&str; 6] = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
];

fn good() -> Facts {
    let settings = json!({
        "ALLOWED_HOSTS": ["korrigo.test"], "DEBUG": false, "CONTENT_SECURITY_POLICY": {},
        "SESSION_COOKIE_SAMESITE": "Lax", "CSRF_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_AGE": 1_209_600, "SESSION_COOKIE_NAME": "sessionid",
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.PBKDF2PasswordHasher"],
    });
    Facts {
        version: "5.2.1".to_owned(),
        module: "app.settings_prod".to_owned(),
        middleware: MIDDLEWARE.map(str::to_owned).to_vec(),
        apps: vec!["django.contrib.sessions".to_owned()],
        settings: map(settings),
        validators: 4,
        secret_key: KeyStrength { length: 64, distinct: 40, entropy_bits: 330, placeholder: false },
        environment: variables(&[("ALLOWED_HOSTS", "a"), ("DJANGO_ALLOWED_HOSTS", "a")]),
        ..Facts::default()
    }
}

fn map(value: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value).expect("an object")
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let given = [("DJANGO_ENV", "production")].into_iter().chain(pairs.iter().copied());
    given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn message(id: &str) -> Message {
    Message { id: id.to_owned(), level: 30, message: "it says".to_owned(), ..Message::default() }
}

fn observed(mode: Mode, facts: Facts) -> Observed {
    let host = "korrigo.test".to_owned();
    Observed {
        mode,
        host,
        django: Some(facts),
        day: "2026-11-25".to_owned(),
        ..Observed::default()
    }
}

fn answer(over_tls: bool, status: u16, lines: &[(&str, &str)]) -> Exchange {
    let lines = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Exchange {
        id: "it".to_owned(),
        method: "GET".to_owned(),
        path: "/".to_owned(),
        host: None,
        over_tls,
        expected: vec![status],
        answer: Answer { status, lines: lines.collect(), body: String::new() },
        backend: None,
    }
}

/// What is found when one thing about good facts is changed.
fn with(change: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = good();
    change(&mut facts);
    judge(&observed(Mode::Tls, facts))
}

#[track_caller]
fn only(found: &[Finding]) -> &Finding {
    assert_eq!(found.len(), 1, "{found:#?}");
    &found[0]
}

fn set(name: &str, value: Value) -> Vec<Finding> {
    with(|facts| drop(facts.settings.insert(name.to_owned(), value)))
}

#[test]
fn a_good_configuration_gives_no_finding() {
    for mode in Mode::ALL {
        assert_eq!(judge(&observed(mode, good())), []);
    }
}

#[test]
fn a_check_is_open_over_tls_and_accepted_with_a_reason_over_http() {
    let complaining = |mode| {
        let facts = Facts { messages: vec![message("security.W004")], ..good() };
        judge(&observed(mode, facts))
    };
    let found = complaining(Mode::Tls);
    let tls = only(&found);
    assert_eq!((tls.id.as_str(), tls.priority), ("django.security.W004", Priority::P1));
    assert!(tls.is_open());
    let found = complaining(Mode::Http);
    assert!(matches!(only(&found).status, Status::Accepted(_)), "{found:?}");
}

#[test]
fn what_nginx_does_in_djangos_place_is_resolved_with_the_evidence() {
    let facts =
        Facts { messages: vec![message("security.W008"), message("security.W004")], ..good() };
    let mut seen = observed(Mode::Tls, facts);
    let hsts = [("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload")];
    let home = [("Location", "https://korrigo.test/")];
    seen.exchanges = vec![answer(true, 200, &hsts), answer(false, 301, &home)];
    let covered = judge(&seen);
    assert_eq!(covered.len(), 2);
    for finding in &covered {
        assert!(matches!(finding.status, Status::Resolved(_)), "{finding:?}");
        assert_eq!(finding.priority, Priority::P3);
        assert!(finding.evidence.len() >= 2, "{finding:?}");
    }

    // One answer without it, and one route that does not redirect: neither is covered.
    seen.exchanges.push(answer(true, 404, &[]));
    seen.exchanges.push(answer(false, 200, &[]));
    assert!(judge(&seen).iter().all(|it| it.is_open() && it.priority == Priority::P1));
}

#[test]
fn without_any_answer_the_wire_covers_nothing() {
    let found = with(|facts| facts.messages.push(message("security.W008")));
    assert!(only(&found).is_open());
}

#[test]
fn an_unknown_check_is_kept_as_unclassified() {
    let found = with(|facts| facts.messages.push(message("payments.W042")));
    let finding = only(&found);
    assert_eq!((finding.id.as_str(), finding.priority), ("django.unclassified", Priority::P1));
    assert!(finding.subject.contains("payments.W042"));
    let found = with(|facts| facts.messages.push(message("")));
    assert_eq!(only(&found).id, "django.unclassified");
}

#[test]
fn a_silenced_check_is_judged_all_the_same_and_its_silence_is_a_finding() {
    let mut hidden = message("security.W018");
    hidden.silenced = true;
    let found = with(|facts| {
        facts.silenced = vec!["security.W018".to_owned(), "security.W021".to_owned()];
        facts.messages = vec![hidden];
    });
    let ids = found.iter().map(|it| (it.id.as_str(), it.priority)).collect::<Vec<_>>();
    assert_eq!(
        ids,
        [
            ("django.security.W018", Priority::P0),
            ("django.silenced", Priority::P1),
            ("django.silenced", Priority::P2),
        ]
    );
}

#[test]
fn a_wildcard_host_is_critical_although_django_passes_it() {
    for host in ["*", ".", "*.example.org"] {
        let found = set("ALLOWED_HOSTS", json!(["korrigo.test", host]));
        let finding = only(&found);
        assert_eq!(
            (finding.id.as_str(), finding.priority),
            ("django.hosts.wildcard", Priority::P0)
        );
    }
    assert_eq!(set("ALLOWED_HOSTS", json!([".example.org"])), []);
}

#[test]
fn hosts_in_the_variable_that_is_not_read_are_named() {
    let told = |pairs: &[(&str, &str)], env: &str| {
        let mut environment = variables(pairs);
        environment.insert("DJANGO_ENV".to_owned(), env.to_owned());
        let found = with(|facts| facts.environment = environment);
        let of_hosts = found.into_iter().find(|it| it.id == "django.hosts.variables");
        of_hosts.map(|it| (it.priority, it.is_open()))
    };
    let (base, production) = (("ALLOWED_HOSTS", "a"), ("DJANGO_ALLOWED_HOSTS", "a"));
    assert_eq!(told(&[base], "production"), Some((Priority::P1, true)));
    assert_eq!(told(&[production], "production"), Some((Priority::P3, false)));
    assert_eq!(told(&[production], "development"), Some((Priority::P1, true)));
    let other = ("ALLOWED_HOSTS", "b, c");
    assert_eq!(told(&[other, production], "production"), Some((Priority::P2, true)));
    assert_eq!(
        told(&[("ALLOWED_HOSTS", " "), production], "production"),
        Some((Priority::P3, false))
    );
    assert_eq!(told(&[base, production], "production"), None);
    assert_eq!(told(&[base], "development"), None);
}

#[test]
fn weak_keys_are_critical_and_say_nothing_of_themselves() {
    let strong = good().secret_key;
    let weak = [
        KeyStrength { length: 49, ..strong.clone() },
        KeyStrength { distinct: 9, ..strong.clone() },
        KeyStrength { entropy_bits: 127, ..strong.clone() },
        KeyStrength { placeholder: true, ..strong },
    ];
    for key in weak {
        let found = with(|facts| facts.secret_key = key.clone());
        let finding = only(&found);
        assert_eq!((finding.id.as_str(), finding.priority), ("django.secret-key", Priority::P0));
        let found = with(|facts| facts.fallbacks = vec![key]);
        assert!(only(&found).subject.starts_with("SECRET_KEY_FALLBACKS"));
    }
}

#[test]
fn the_order_of_middleware_is_held_to() {
    let exchanged = |one: usize, other: usize| with(|facts| facts.middleware.swap(one, other));
    let found = exchanged(0, 1);
    assert_eq!(only(&found).id, "django.middleware.first");
    let found = exchanged(2, 5);
    let ids = found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids, ["django.middleware.order", "django.middleware.order"]);
    assert!(found[0].subject.contains("AuthenticationMiddleware"), "{found:?}");
    let found = with(|facts| facts.middleware.push(MIDDLEWARE[3].to_owned()));
    assert_eq!(only(&found).id, "django.middleware.twice");
    let found = with(|facts| drop(facts.middleware.remove(2)));
    assert_eq!(only(&found).id, "django.middleware.missing");
    let found = with(|facts| facts.apps.push("debug_toolbar".to_owned()));
    assert_eq!(only(&found).id, "django.apps.debug");
}

#[test]
fn each_dangerous_setting_is_named() {
    let cases = [
        ("USE_X_FORWARDED_HOST", json!(true), "django.forwarded-host"),
        ("SECURE_PROXY_SSL_HEADER", json!(["X", "https"]), "django.proxy-header"),
        ("SESSION_SERIALIZER", json!("x.PickleSerializer"), "django.sessions.serializer"),
        ("SESSION_COOKIE_AGE", json!(2_000_000), "django.sessions.age"),
        ("SESSION_COOKIE_SAMESITE", json!("None"), "django.cookies.samesite"),
        ("CSRF_COOKIE_SAMESITE", json!(false), "django.cookies.samesite"),
        ("CORS_ALLOW_ALL_ORIGINS", json!(true), "django.cors.all"),
        ("CSRF_TRUSTED_ORIGINS", json!(["https://*.org"]), "django.csrf.origins"),
        ("CSRF_TRUSTED_ORIGINS", json!(["http://korrigo.test"]), "django.csrf.origins"),
        ("PASSWORD_HASHERS", json!(["x.MD5PasswordHasher"]), "django.passwords.hasher"),
        ("CONTENT_SECURITY_POLICY", Value::Null, "django.csp"),
    ];
    for (name, value, id) in cases {
        let found = set(name, value);
        assert_eq!(only(&found).id, id);
    }
    let slow = json!(["django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher"]);
    assert_eq!(set("PASSWORD_HASHERS", slow), []);
    let found = with(|facts| facts.validators = 0);
    assert_eq!(only(&found).id, "django.passwords.validators");
    let found = with(|facts| facts.apps.push("rest_framework".to_owned()));
    let ids = found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids, ["django.rest.open", "django.rest.basic"]);
    let found = with(|facts| "4.2.30".clone_into(&mut facts.version));
    assert_eq!(only(&found).id, "django.version");
    let found = with(|facts| {
        facts.settings.insert("STATIC_ROOT".to_owned(), json!("/srv/static"));
        facts.settings.insert("MEDIA_ROOT".to_owned(), json!("/srv/static/media/"));
    });
    assert_eq!(only(&found).id, "django.media.served");
}

#[test]
fn settings_for_https_are_wrong_over_http() {
    let mut facts = good();
    for name in ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"] {
        facts.settings.insert(name.to_owned(), json!(true));
    }
    facts.settings.insert("SECURE_HSTS_SECONDS".to_owned(), json!(31_536_000));
    assert_eq!(judge(&observed(Mode::Tls, facts.clone())), []);
    let found = judge(&observed(Mode::Http, facts));
    let ids = found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>();
    let cookie = "django.cookies.secure-over-http";
    assert_eq!(ids, [cookie, cookie, "django.redirect-loop", "django.hsts-over-http"]);
}

#[test]
fn modules_that_contradict_one_another_are_named_with_the_line() {
    let module = |name: &str, line: u32, value: Value| Module {
        name: format!("app.{name}"),
        file: format!("app/{name}.py"),
        assigned: BTreeMap::from([("SESSION_COOKIE_HTTPONLY".to_owned(), vec![line])]),
        values: BTreeMap::from([("SESSION_COOKIE_HTTPONLY".to_owned(), value)]),
    };
    let judged = |base: bool, production: bool| {
        with(|facts| {
            facts.modules = vec![
                module("settings", 3, json!(base)),
                module("settings_prod", 7, json!(production)),
            ];
        })
    };
    assert_eq!(judged(true, true), []);
    let found = judged(true, false);
    let weaker = only(&found);
    assert_eq!((weaker.priority, weaker.is_open()), (Priority::P1, true));
    let place = weaker.place.as_ref().expect("a place");
    assert_eq!((place.file.as_str(), place.line), ("app/settings_prod.py", Some(7)));
    let found = judged(false, true);
    assert!(matches!(only(&found).status, Status::Accepted(_)));
}

#[test]
fn the_place_of_a_middleware_is_its_own_line() {
    let mut facts = good();
    facts.middleware.swap(0, 1);
    facts.modules = vec![Module {
        name: "app.settings".to_owned(),
        file: "app/settings.py".to_owned(),
        assigned: BTreeMap::from([("MIDDLEWARE".to_owned(), vec![2])]),
        values: BTreeMap::new(),
    }];
    let mut seen = observed(Mode::Tls, facts);
    let text = format!(
        "A = 1\nMIDDLEWARE = [\n    \"{}\",\n    \"{}\",\n]\n",
        MIDDLEWARE[1], MIDDLEWARE[0]
    );
    seen.files.insert("backend/app/settings.py".to_owned(), text);
    let found = judge(&seen);
    let place = only(&found).place.clone().expect("a place");
    assert_eq!((place.file.as_str(), place.line), ("backend/app/settings.py", Some(4)));
}
