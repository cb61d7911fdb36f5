//! The order of `MIDDLEWARE`, and the applications that do not belong into production.

use std::collections::BTreeSet;

use super::Draft;
use crate::model::django::Facts;

const SECURITY: &str = "django.middleware.security.SecurityMiddleware";
const SESSION: &str = "django.contrib.sessions.middleware.SessionMiddleware";
const AUTHENTICATION: &str = "django.contrib.auth.middleware.AuthenticationMiddleware";
const MESSAGES: &str = "django.contrib.messages.middleware.MessageMiddleware";
const COMMON: &str = "django.middleware.common.CommonMiddleware";
const CSRF: &str = "django.middleware.csrf.CsrfViewMiddleware";
const CORS: &str = "corsheaders.middleware.CorsMiddleware";
const LOCALE: &str = "django.middleware.locale.LocaleMiddleware";
const REMOTE_USER: &str = "django.contrib.auth.middleware.RemoteUserMiddleware";
const UPDATE_CACHE: &str = "django.middleware.cache.UpdateCacheMiddleware";
const FETCH_CACHE: &str = "django.middleware.cache.FetchFromCacheMiddleware";
const WHITE_NOISE: &str = "whitenoise.middleware.WhiteNoiseMiddleware";

/// The first must come before the second, because … (Django's documentation of middleware
/// ordering, and those of the packages).
const ORDER: [(&str, &str, &str); 11] = [
    (SESSION, AUTHENTICATION, "who is signed in is read from the session"),
    (SESSION, MESSAGES, "messages are kept in the session"),
    (SESSION, CSRF, "with CSRF_USE_SESSIONS the token is kept in the session"),
    (SESSION, LOCALE, "the language is kept in the session"),
    (LOCALE, COMMON, "redirects must know the language"),
    (CORS, COMMON, "its redirects would lack the CORS headers"),
    (CORS, WHITE_NOISE, "static files would lack the CORS headers"),
    (AUTHENTICATION, REMOTE_USER, "it overrides who is signed in"),
    (CSRF, REMOTE_USER, "a request is checked before it signs anybody in"),
    (SECURITY, WHITE_NOISE, "static files would lack Django's security headers"),
    (UPDATE_CACHE, FETCH_CACHE, "answers are stored after everything else changed them"),
];

/// An application needs the middleware.
const NEEDED: [(&str, &str); 5] = [
    ("django.contrib.sessions", SESSION),
    ("django.contrib.auth", AUTHENTICATION),
    ("django.contrib.messages", MESSAGES),
    ("corsheaders", CORS),
    ("csp", "csp.middleware.CSPMiddleware"),
];

/// Applications for developers.
const DEBUG_APPS: [&str; 6] = [
    "debug_toolbar",
    "django_extensions",
    "silk",
    "django_pdb",
    "template_profiler_panel",
    "nplusone",
];

pub(super) fn judge(facts: &Facts) -> Vec<Draft> {
    let mut found = Vec::new();
    let at = |name: &str| facts.middleware.iter().position(|known| known == name);
    let mut add = |rule, name: &str, detail: String| {
        found.push(Draft::new(rule, name, detail).at("MIDDLEWARE", Some(name)));
    };
    if let Some(position) = at(SECURITY).filter(|position| *position > 0) {
        let before = facts.middleware[..position].join(", ");
        add("django.middleware.first", SECURITY, format!("before it: {before}"));
    }
    for (first, second, because) in ORDER {
        if let (Some(one), Some(other)) = (at(first), at(second))
            && one > other
        {
            let detail = format!("it is at {}, {first} at {}: {because}", other + 1, one + 1);
            add("django.middleware.order", second, detail);
        }
    }
    let mut seen = BTreeSet::new();
    for name in facts.middleware.iter().filter(|name| !seen.insert(*name)) {
        add("django.middleware.twice", name, "it is listed more than once".to_owned());
    }
    for (app, middleware) in NEEDED {
        if facts.apps.iter().any(|known| known == app) && at(middleware).is_none() {
            let detail = format!("{app} is installed and relies on it");
            found.push(
                Draft::new("django.middleware.missing", middleware, detail).at("MIDDLEWARE", None),
            );
        }
    }
    let debug = facts.apps.iter().filter(|app| DEBUG_APPS.contains(&app.as_str()));
    found.extend(debug.map(|app| {
        let detail = "it shows what only developers may see".to_owned();
        Draft::new("django.apps.debug", app, detail).at("INSTALLED_APPS", Some(app))
    }));
    found
}
