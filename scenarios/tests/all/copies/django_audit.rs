//! Django's own configuration under sabotage: the reference stack has nothing urgent in either
//! mode, each bad setting is named with its line, and what nginx does in Django's place counts
//! for as long as the wire shows it.

use std::fmt::Write as _;
use std::fs;

use harness::audit::headers::Policy;
use harness::model::finding::{Finding, Priority, Status};
use harness::model::mode::Mode;
use harness::report::audit_fr;
use harness::survey::{self, Options, Surveyed};
use scenarios::standing::{Copy, Edit};

const SETTINGS: &str = "backend/korrigo/settings.py";
const PRODUCTION: &str = "backend/korrigo/settings_prod.py";
const APPS: &str = "backend/grading/apps.py";

/// An edit, the findings that must come of it with their priorities, and the text of the line
/// that they must name; empty where a check of the application has no setting.
struct Fault(Edit, &'static [(&'static str, Priority)], &'static str);

const FAULTS: [Fault; 12] = [
    Fault(
        (
            SETTINGS,
            "    \"django.middleware.security.SecurityMiddleware\",\n    \"korrigo.middleware.NoStoreMiddleware\",\n",
            "    \"korrigo.middleware.NoStoreMiddleware\",\n    \"django.middleware.security.SecurityMiddleware\",\n",
        ),
        &[("django.middleware.first", Priority::P1)],
        "SecurityMiddleware",
    ),
    Fault(
        (
            SETTINGS,
            "    \"django.contrib.sessions.middleware.SessionMiddleware\",\n    \"django.middleware.common.CommonMiddleware\",\n    \"django.middleware.csrf.CsrfViewMiddleware\",\n    \"django.contrib.auth.middleware.AuthenticationMiddleware\",\n",
            "    \"django.contrib.auth.middleware.AuthenticationMiddleware\",\n    \"django.middleware.common.CommonMiddleware\",\n    \"django.middleware.csrf.CsrfViewMiddleware\",\n    \"django.contrib.sessions.middleware.SessionMiddleware\",\n",
        ),
        &[("django.middleware.order", Priority::P1)],
        "AuthenticationMiddleware",
    ),
    Fault(
        (SETTINGS, "    \"django.middleware.clickjacking.XFrameOptionsMiddleware\",\n", ""),
        // nginx sends it on every answer: told, and not urgent.
        &[("django.security.W002", Priority::P3)],
        "MIDDLEWARE",
    ),
    Fault(
        (SETTINGS, "ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts", "ALLOWED_HOSTS = [\"*\"]"),
        &[("django.hosts.wildcard", Priority::P0)],
        "ALLOWED_HOSTS",
    ),
    Fault(
        (SETTINGS, "SECRET_KEY = ENVIRONMENT.secret_key", "SECRET_KEY = \"abcdefghijkl\" * 5"),
        // Long enough and varied enough for Django, and worth next to nothing.
        &[("django.secret-key", Priority::P0)],
        "SECRET_KEY",
    ),
    Fault(
        (PRODUCTION, "DEBUG = False", "DEBUG = True"),
        &[
            ("django.security.W018", Priority::P0),
            ("django.silenced", Priority::P1),
            ("django.settings.contradiction", Priority::P1),
        ],
        "",
    ),
    Fault(
        (
            SETTINGS,
            "ROOT_URLCONF =",
            "SILENCED_SYSTEM_CHECKS = [\"security.W018\", \"security.W021\"]\nROOT_URLCONF =",
        ),
        &[("django.silenced", Priority::P2)],
        "SILENCED_SYSTEM_CHECKS",
    ),
    Fault(
        (SETTINGS, "SESSION_COOKIE_HTTPONLY = True", "SESSION_COOKIE_HTTPONLY = False"),
        &[("django.security.W015", Priority::P3)],
        "SESSION_COOKIE_HTTPONLY",
    ),
    Fault(
        (
            SETTINGS,
            "CORS_ALLOW_CREDENTIALS =",
            "CORS_ALLOW_ALL_ORIGINS = True\nCORS_ALLOW_CREDENTIALS = True or",
        ),
        &[("django.cors.all", Priority::P0)],
        "CORS_ALLOW_ALL_ORIGINS",
    ),
    Fault(
        (
            SETTINGS,
            "    \"DEFAULT_PERMISSION_CLASSES\": [\"rest_framework.permissions.IsAuthenticated\"],\n",
            "",
        ),
        &[("django.rest.open", Priority::P1)],
        "REST_FRAMEWORK",
    ),
    Fault(
        (
            SETTINGS,
            "CSRF_COOKIE_SAMESITE = \"Lax\"",
            "CSRF_COOKIE_SAMESITE = \"None\"\nSESSION_COOKIE_AGE = 90 * 86400",
        ),
        &[("django.cookies.samesite", Priority::P1), ("django.sessions.age", Priority::P2)],
        "",
    ),
    Fault(
        (
            APPS,
            "from django.apps import AppConfig",
            "from django.apps import AppConfig\nfrom django.core.checks import Warning, register\n\n\n@register()\ndef marks(app_configs, **_):\n    return [Warning(\"marks are public\", id=\"grading.W001\")]\n",
        ),
        &[("django.unclassified", Priority::P1)],
        "",
    ),
];

async fn look(copy: &Copy) -> Surveyed {
    let policy = Policy::named("korrigo").expect("there");
    let options =
        Options { files: copy.files.path(), policy: &policy, django: true, without: false };
    let seen = survey::live(&copy.standing.sandbox, copy.drill.config(), options).await;
    seen.expect("it can be looked at")
}

fn in_words(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |mut text, it| {
        let Finding { id, priority, status, subject, detail, place, .. } = it;
        let _ = writeln!(text, "{id} {priority:?} {status:?} {subject} | {detail} | {place:?}");
        text
    })
}

fn find<'a>(seen: &'a Surveyed, id: &str) -> &'a Finding {
    let found = seen.findings.iter().find(|finding| finding.id == id);
    found.unwrap_or_else(|| panic!("{id} is not among:\n{}", in_words(&seen.findings)))
}

/// What of a fault was not said, or not at its line.
fn missed(copy: &Copy, seen: &Surveyed, fault: &Fault) -> Vec<String> {
    let Fault(_, expected, text) = fault;
    let at_line = |finding: &Finding| {
        let Some(place) = &finding.place else { return text.is_empty() };
        let source = fs::read_to_string(copy.files.path().join(&place.file)).unwrap_or_default();
        let line = place.line.and_then(|line| source.lines().nth(line as usize - 1));
        text.is_empty() || line.is_some_and(|line| line.contains(text))
    };
    let absent = expected.iter().filter(|(id, priority)| {
        let alike = seen.findings.iter().filter(|it| it.id == *id && it.priority == *priority);
        !alike.into_iter().any(at_line)
    });
    absent.map(|(id, priority)| format!("{id} {priority:?} at {text:?}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_setting_is_named_with_its_line() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    let clean = look(&copy).await;
    assert_eq!(clean.urgent().count(), 0, "the stack as it is:\n{}", in_words(&clean.findings));
    // Over HTTP these are accepted, each with its reason.
    for id in ["W004", "W008", "W012", "W016"] {
        let finding = find(&clean, &format!("django.security.{id}"));
        assert!(matches!(finding.status, Status::Accepted(_)), "{finding:?}");
    }

    // Each is asked of a new process: nothing needs to start anew.
    for Fault(edit, ..) in &FAULTS {
        copy.set(*edit).await;
    }
    let seen = look(&copy).await;
    let missed = FAULTS.iter().flat_map(|fault| missed(&copy, &seen, fault)).collect::<Vec<_>>();
    assert!(missed.is_empty(), "{}\nnot among\n{}", missed.join("\n"), in_words(&seen.findings));
    let english = seen.findings.iter().flat_map(audit_fr::untranslated).collect::<Vec<_>>();
    assert_eq!(english, Vec::<String>::new());
    let silent = find(&seen, "django.silenced");
    assert!(silent.detail.contains("would say"), "{silent:?}");
    copy.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nginx_covers_is_resolved_until_the_wire_says_otherwise() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Tls).await;
    let clean = look(&copy).await;
    assert_eq!(clean.urgent().count(), 0, "the stack as it is:\n{}", in_words(&clean.findings));

    copy.set((PRODUCTION, "    SECURE_HSTS_SECONDS = 31_536_000\n", "")).await;
    copy.set((PRODUCTION, "    SECURE_SSL_REDIRECT = True\n", "")).await;
    let seen = look(&copy).await;
    for (id, evidence) in
        [("W004", "Strict-Transport-Security: max-age"), ("W008", "Location: https://")]
    {
        let finding = find(&seen, &format!("django.security.{id}"));
        assert!(matches!(finding.status, Status::Resolved(_)), "{finding:?}");
        assert_eq!(finding.priority, Priority::P3);
        assert!(finding.evidence.iter().any(|line| line.contains(evidence)), "{finding:?}");
    }

    // nginx stops sending HSTS, and stops redirecting one route.
    copy.plant(&[
        ("proxy/conf/nginx.conf", "max-age=31536000", "max-age=3600"),
        (
            "proxy/conf/servers-tls.conf",
            "return 301 https://$host$https_port_suffix",
            "return 302 https://$host$https_port_suffix",
        ),
    ])
    .await;
    let seen = look(&copy).await;
    for id in ["W004", "W008"] {
        let finding = find(&seen, &format!("django.security.{id}"));
        assert!(finding.is_open() && finding.priority == Priority::P1, "{finding:?}");
    }
    copy.remove().await;
}

/// Where a finding is said to come from: the file, and the text of the line.
fn origin(copy: &Copy, finding: &Finding) -> (String, String) {
    let place = finding.place.as_ref().unwrap_or_else(|| panic!("no place: {finding:?}"));
    let text = fs::read_to_string(copy.files.path().join(&place.file)).unwrap_or_default();
    let line = place.line.and_then(|line| text.lines().nth(line as usize - 1));
    (place.file.clone(), line.unwrap_or_default().trim().to_owned())
}

fn is_from(copy: &Copy, seen: &Surveyed, id: &str, file: &str, line: &str) {
    let (at, text) = origin(copy, find(seen, id));
    assert_eq!((at.as_str(), text.as_str()), (file, line), "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_environment_is_named_where_its_value_is_given() {
    const OF_DJANGO: &str = "backend/korrigo/settings.py";
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    let debug = [("DJANGO_ENV", "development"), ("DEBUG", "true")];
    copy.vary(&["backend"], &debug).await;
    // No file says so: settings read it, and that is all that is known.
    let seen = look(&copy).await;
    is_from(&copy, &seen, "django.security.W018", OF_DJANGO, "DEBUG = ENVIRONMENT.debug");

    // drill.toml says so; then .env does, and drill.toml no longer; then compose's own default.
    let kind = ("drill.toml", "DJANGO_ENV = \"production\"", "DJANGO_ENV = \"development\"");
    let mut undo = vec![copy.note(kind)];
    undo.push(copy.note(("drill.toml", "DEBUG = \"false\"", "DEBUG = \"true\"")));
    let seen = look(&copy).await;
    is_from(&copy, &seen, "django.security.W018", "drill.toml", "DEBUG = \"true\"");
    is_from(&copy, &seen, "django.environment", "drill.toml", "DJANGO_ENV = \"development\"");
    undo.push(copy.note(("drill.toml", "DEBUG = \"true\"\n", "# nothing on it\n")));
    let dot_env = copy.files.path().join(".env");
    fs::write(&dot_env, "POSTGRES_PASSWORD=s3cret\nDEBUG=true\n").expect("written");
    let seen = look(&copy).await;
    is_from(&copy, &seen, "django.security.W018", ".env", "DEBUG=true");
    let shown = format!("{:?}", seen.findings);
    assert!(!shown.contains("s3cret"), "a secret of .env is shown");
    fs::remove_file(&dot_env).expect("removed");
    let default = ("compose.yaml", "DEBUG: ${DEBUG:-false}", "DEBUG: ${DEBUG:-true}");
    undo.push(copy.note(default));
    let seen = look(&copy).await;
    is_from(&copy, &seen, "django.security.W018", "compose.yaml", "DEBUG: ${DEBUG:-true}");
    for edit in undo.into_iter().rev() {
        let _ = copy.note(edit);
    }

    // A wildcard, which only settings that do not look at their environment let pass.
    copy.vary(&["backend"], &[("ALLOWED_HOSTS", "*")]).await;
    let read = "ALLOWED_HOSTS = __import__(\"os\").environ[\"ALLOWED_HOSTS\"].split(\",\")";
    copy.set((SETTINGS, "ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts", read)).await;
    let given = ("drill.toml", "\nALLOWED_HOSTS = \"korrigo.test\"", "\nALLOWED_HOSTS = \"*\"");
    let _ = copy.note(given);
    let seen = look(&copy).await;
    is_from(&copy, &seen, "django.hosts.wildcard", "drill.toml", "ALLOWED_HOSTS = \"*\"");
    copy.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_that_is_off_for_django_is_named_in_the_compose_file() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Tls).await;
    copy.vary(&["backend"], &[("SSL_ENABLED", "false")]).await;
    let _ = copy.note(("compose.tls.yaml", "SSL_ENABLED: \"true\"", "SSL_ENABLED: \"false\""));
    let seen = look(&copy).await;
    for id in ["django.security.W012", "django.security.W016", "django.security.W004"] {
        is_from(&copy, &seen, id, "compose.tls.yaml", "SSL_ENABLED: \"false\"");
    }
    copy.remove().await;
}
