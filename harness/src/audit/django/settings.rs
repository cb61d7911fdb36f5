//! Rules on single settings, and on settings modules that contradict one another.

use serde_json::Value;

use super::{Draft, wire};
use crate::model::django::{Facts, KeyStrength, Module, texts};
use crate::model::finding::{Priority, Status};
use crate::model::mode::Mode;
use crate::model::observed::Observed;

/// What [`Facts::secret_key`] must have at least; as `environment.py` of the reference stack
/// demands it, and 128 bits (RFC 7518, 3.2 asks for as many bits as the hash has; half are taken).
const KEY_LENGTH_MIN: usize = 50;
const KEY_DISTINCT_MIN: usize = 10;
const KEY_BITS_MIN: u32 = 128;

/// Two weeks, Django's default, in seconds.
const SESSION_MAX_S: i64 = 14 * 24 * 3600;

/// The last day with security fixes of versions of Django (djangoproject.com/download).
const SUPPORTED_UNTIL: [(&str, &str); 8] = [
    ("3.2", "2024-04-01"),
    ("4.0", "2023-04-01"),
    ("4.1", "2023-12-01"),
    ("4.2", "2026-04-07"),
    ("5.0", "2025-04-02"),
    ("5.1", "2025-12-03"),
    ("5.2", "2028-04-30"),
    ("6.0", "2027-04-30"),
];

/// Hashers that are fast, and therefore weak.
const FAST_HASHERS: [&str; 5] = ["MD5", "SHA1", "Crypt", "Unsalted", "Plain"];

/// Switches that protect when they are on.
const PROTECTIONS: [&str; 9] = [
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "CSRF_COOKIE_SECURE",
    "CSRF_COOKIE_HTTPONLY",
    "SECURE_CONTENT_TYPE_NOSNIFF",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "CSRF_USE_SESSIONS",
];

/// Switches that open something when they are on.
const OPENINGS: [&str; 6] = [
    "DEBUG",
    "DEBUG_PROPAGATE_EXCEPTIONS",
    "USE_X_FORWARDED_HOST",
    "CORS_ALLOW_ALL_ORIGINS",
    "CORS_ORIGIN_ALLOW_ALL",
    "CORS_ALLOW_CREDENTIALS",
];

pub(super) fn judge(observed: &Observed, facts: &Facts) -> Vec<Draft> {
    let mut found = Vec::new();
    keys(facts, &mut found);
    mode(observed.mode, facts, &mut found);
    proxy(observed, facts, &mut found);
    sessions(facts, &mut found);
    origins(observed.mode, facts, &mut found);
    passwords(facts, &mut found);
    rest(facts, &mut found);
    installation(observed, facts, &mut found);
    found.extend(contradictions(&facts.modules));
    found
}

/// A complaint at the setting that causes it.
fn at(rule: &'static str, setting: &'static str, detail: impl Into<String>) -> Draft {
    Draft::new(rule, setting, detail.into()).at(setting, None)
}

fn keys(facts: &Facts, found: &mut Vec<Draft>) {
    let key = weakness(&facts.secret_key);
    found.extend(key.map(|detail| at("django.secret-key", "SECRET_KEY", detail)));
    let fallbacks = facts.fallbacks.iter().filter_map(weakness);
    found.extend(fallbacks.map(|it| at("django.secret-key", "SECRET_KEY_FALLBACKS", it)));
}

/// Why a key can be guessed, if it can.
pub(super) fn weakness(key: &KeyStrength) -> Option<String> {
    let KeyStrength { length, distinct, entropy_bits, placeholder } = *key;
    let weak = placeholder
        || length < KEY_LENGTH_MIN
        || distinct < KEY_DISTINCT_MIN
        || entropy_bits < KEY_BITS_MIN;
    let shape = if placeholder { ", and begins as examples do" } else { "" };
    weak.then(|| {
        format!("{length} characters, {distinct} distinct, {entropy_bits} bits at most{shape}")
    })
}

/// What does not fit the mode, although Django's own checks are content with it.
fn mode(mode: Mode, facts: &Facts, found: &mut Vec<Draft>) {
    if mode == Mode::Tls {
        return;
    }
    for cookie in ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"] {
        if facts.is_on(cookie) {
            found.push(at("django.cookies.secure-over-http", cookie, format!("{cookie} is on")));
        }
    }
    if facts.is_on("SECURE_SSL_REDIRECT") {
        found.push(at("django.redirect-loop", "SECURE_SSL_REDIRECT", "SECURE_SSL_REDIRECT is on"));
    }
    let hsts = facts.setting("SECURE_HSTS_SECONDS").and_then(Value::as_u64).unwrap_or_default();
    if hsts > 0 {
        let detail = format!("SECURE_HSTS_SECONDS is {hsts}");
        found.push(at("django.hsts-over-http", "SECURE_HSTS_SECONDS", detail));
    }
}

/// What is believed of what a request says about itself. The wire shows whether clients can lie.
fn proxy(observed: &Observed, facts: &Facts, found: &mut Vec<Draft>) {
    if facts.setting("SECURE_PROXY_SSL_HEADER").is_some_and(|value| !value.is_null()) {
        let case = wire::withstands(observed, "forwarded-proto");
        let draft =
            at("django.proxy-header", "SECURE_PROXY_SSL_HEADER", "Django believes a header");
        found.push(draft.covered(case));
    }
    if facts.is_on("USE_X_FORWARDED_HOST") {
        let case = wire::withstands(observed, "forwarded-host");
        let draft = at("django.forwarded-host", "USE_X_FORWARDED_HOST", "Django believes a header");
        found.push(draft.covered(case));
    }
}

fn sessions(facts: &Facts, found: &mut Vec<Draft>) {
    let pickled = facts.texts("SESSION_SERIALIZER").iter().any(|name| name.contains("Pickle"));
    if pickled {
        found.push(at(
            "django.sessions.serializer",
            "SESSION_SERIALIZER",
            "it is PickleSerializer",
        ));
    }
    let age = facts.setting("SESSION_COOKIE_AGE").and_then(Value::as_i64).unwrap_or_default();
    if age > SESSION_MAX_S {
        let detail = format!("{} days", age / 86_400);
        found.push(at("django.sessions.age", "SESSION_COOKIE_AGE", detail));
    }
    for cookie in ["SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE"] {
        let good = facts.texts(cookie).iter().any(|it| matches!(*it, "Lax" | "Strict"));
        if let Some(value) = facts.setting(cookie).filter(|_| !good) {
            found.push(at("django.cookies.samesite", cookie, format!("it is {value}")));
        }
    }
}

fn origins(mode: Mode, facts: &Facts, found: &mut Vec<Draft>) {
    let cookies = facts.is_on("CORS_ALLOW_CREDENTIALS");
    let mut cors = |setting: &'static str, detail: &str| {
        let draft = at("django.cors.all", setting, detail);
        found.push(if cookies { draft } else { draft.priority(Priority::P2) });
    };
    for setting in ["CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL"] {
        if facts.is_on(setting) {
            cors(setting, "it is on");
        }
    }
    let patterns = facts.texts("CORS_ALLOWED_ORIGIN_REGEXES");
    if patterns.iter().any(|pattern| pattern.contains(".*") && !pattern.contains(r"\.")) {
        cors("CORS_ALLOWED_ORIGIN_REGEXES", "a pattern fits every origin");
    }
    for origin in facts.texts("CSRF_TRUSTED_ORIGINS") {
        let plain = mode == Mode::Tls && origin.starts_with("http://");
        if origin.contains('*') || plain {
            let why = if plain { "anyone on the way can speak for it" } else { "it is a wildcard" };
            let detail = format!("{origin}: {why}");
            found.push(at("django.csrf.origins", "CSRF_TRUSTED_ORIGINS", detail));
        }
    }
}

fn passwords(facts: &Facts, found: &mut Vec<Draft>) {
    let hashers = facts.texts("PASSWORD_HASHERS");
    let fast = |name: &&&str| {
        let class = name.rsplit('.').next().unwrap_or(name);
        // PBKDF2SHA1 is slow all the same: SHA1 is only its inner function.
        !class.starts_with("PBKDF2") && FAST_HASHERS.iter().any(|fast| class.starts_with(fast))
    };
    if let Some(hasher) = hashers.first().filter(fast) {
        let detail = format!("new passwords are hashed by {hasher}");
        found.push(at("django.passwords.hasher", "PASSWORD_HASHERS", detail));
    }
    if facts.validators == 0 {
        let detail = "AUTH_PASSWORD_VALIDATORS is empty";
        found.push(at("django.passwords.validators", "AUTH_PASSWORD_VALIDATORS", detail));
    }
}

fn rest(facts: &Facts, found: &mut Vec<Draft>) {
    if !facts.apps.iter().any(|app| app == "rest_framework") {
        return;
    }
    let classes = |name: &str| texts(facts.rest.get(name));
    let permissions = classes("DEFAULT_PERMISSION_CLASSES");
    // Without the setting, the framework's own default is to allow everybody.
    if permissions.is_empty() || permissions.iter().any(|class| class.ends_with(".AllowAny")) {
        let detail = "DEFAULT_PERMISSION_CLASSES allow everybody";
        found.push(at("django.rest.open", "REST_FRAMEWORK", detail));
    }
    let authentication = classes("DEFAULT_AUTHENTICATION_CLASSES");
    let basic = |class: &&str| class.ends_with(".BasicAuthentication");
    if authentication.is_empty() || authentication.iter().any(basic) {
        let detail = "DEFAULT_AUTHENTICATION_CLASSES have BasicAuthentication";
        found.push(at("django.rest.basic", "REST_FRAMEWORK", detail));
    }
}

fn installation(observed: &Observed, facts: &Facts, found: &mut Vec<Draft>) {
    let kind = facts.environment.get("DJANGO_ENV").map(String::as_str);
    if kind.is_some_and(|kind| kind != "production") {
        let detail =
            format!("DJANGO_ENV is {:?}, settings are {}", kind.unwrap_or(""), facts.module);
        let draft = Draft::new("django.environment", "DJANGO_ENV", detail);
        found.push(draft.read_from("DJANGO_ENV"));
    }
    let series = facts.version.split('.').take(2).collect::<Vec<_>>().join(".");
    let until = SUPPORTED_UNTIL.iter().find(|(version, _)| *version == series);
    if let Some((_, until)) = until.filter(|(_, until)| observed.day.as_str() > *until) {
        let detail = format!("Django {} was supported until {until}", facts.version);
        found.push(Draft::new("django.version", "Django", detail));
    }
    let policy = facts.setting("CONTENT_SECURITY_POLICY").is_some_and(Value::is_object);
    if !policy {
        let draft =
            at("django.csp", "CONTENT_SECURITY_POLICY", "CONTENT_SECURITY_POLICY is not set");
        found.push(draft.covered(wire::covers(observed, facts, "csp")));
    }
    let root =
        |name: &str| facts.texts(name).first().map(|path| path.trim_end_matches('/').to_owned());
    if let (Some(media), Some(statics)) = (root("MEDIA_ROOT"), root("STATIC_ROOT"))
        && !statics.is_empty()
        && (media == statics || media.starts_with(&format!("{statics}/")))
    {
        let detail = format!("MEDIA_ROOT is {media}, STATIC_ROOT is {statics}");
        found.push(at("django.media.served", "MEDIA_ROOT", detail));
    }
}

/// Settings to which the module in use gives another value than one that it builds on.
fn contradictions(modules: &[Module]) -> Vec<Draft> {
    let Some((last, before)) = modules.split_last() else { return Vec::new() };
    let mut found = Vec::new();
    for base in before {
        for (name, value) in &last.values {
            let Some(other) = base.values.get(name).filter(|other| *other != value) else {
                continue;
            };
            let detail = format!("{} says {other}, {} says {value}", base.name, last.name);
            let draft = Draft::new("django.settings.contradiction", name, detail);
            let draft = draft.at(name, None);
            let known = |names: &[&str]| names.contains(&name.as_str());
            let on = value.as_bool().unwrap_or_default();
            found.push(match known(&PROTECTIONS) || known(&OPENINGS) {
                true if known(&PROTECTIONS) == on => {
                    let reason = format!("{} is the stricter of the two", last.name);
                    draft.priority(Priority::P3).status(Status::Accepted(reason))
                }
                true => draft.priority(Priority::P1),
                false => draft,
            });
        }
    }
    found
}
