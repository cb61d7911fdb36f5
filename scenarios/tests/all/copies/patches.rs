//! The minimal patch: applied to a stack with a planted misconfiguration, the finding is gone,
//! and nothing else has changed: neither the other findings nor another file.

use std::process::Command;

use harness::audit::headers::Policy;
use harness::audit::patch;
use harness::model::finding::Finding;
use harness::model::mode::Mode;
use harness::survey::{self, Options};
use scenarios::rehearsal::reference_stack;
use scenarios::standing::{Copy, Edit};

const SITE: &str = "proxy/conf/site.conf";
const HEADERS: &str = "proxy/conf/security-headers.conf";
const MAIN: &str = "proxy/conf/nginx.conf";
const TLS: &str = "proxy/conf/servers-tls.conf";
const BACKEND: &str = "proxy/conf/backend.conf";
const SETTINGS: &str = "backend/korrigo/settings.py";
const PRODUCTION: &str = "backend/korrigo/settings_prod.py";

/// A fault that no patch mends: somebody must decide which location is meant to answer.
const ANOTHER: Edit = (
    SITE,
    "location /api/ {",
    "location ~* \\.css$ {\n    root /srv/frontend;\n}\n\nlocation /api/ {",
);

/// Misconfigurations, and the findings that must be gone.
const FAULTS: [(&str, &[Edit]); 15] = [
    ("headers.missing", &[(HEADERS, "\"DENY\" always", "\"DENY\"")]),
    (
        "headers.missing",
        &[(SITE, "    alias /srv/static/;", "    alias /srv/static/;\n    add_header X-Test 1;")],
    ),
    ("headers.missing", &[(HEADERS, "add_header Referrer-Policy", "# add_header Referrer-Policy")]),
    ("headers.value", &[(HEADERS, "camera=()", "camera=*")]),
    ("headers.value", &[(HEADERS, "script-src 'self'", "script-src 'self' 'unsafe-inline'")]),
    ("headers.value", &[(MAIN, "max-age=31536000", "max-age=abc")]),
    ("headers.duplicate", &[(HEADERS, "proxy_hide_header Content-Security-Policy;", "")]),
    (
        "headers.conflict",
        &[(
            HEADERS,
            "add_header X-Frame-Options",
            "add_header X-Frame-Options SAMEORIGIN always;\nadd_header X-Frame-Options",
        )],
    ),
    ("headers.version", &[(MAIN, "server_tokens off;", "server_tokens on;")]),
    ("routes.open", &[(SITE, "location /static/ {", "location /static {")]),
    (
        "cookies.httponly",
        &[(
            BACKEND,
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1;\nproxy_cookie_flags sessionid nohttponly;",
        )],
    ),
    (
        "hosts.forwarded-proto",
        &[(BACKEND, "X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto")],
    ),
    ("tls.version", &[(TLS, "TLSv1.2 TLSv1.3", "TLSv1.2")]),
    (
        "cookies.secure",
        &[(PRODUCTION, "CSRF_COOKIE_SECURE = ENVIRONMENT.ssl", "CSRF_COOKIE_SECURE = False")],
    ),
    (
        "headers.disagree",
        &[(SETTINGS, "X_FRAME_OPTIONS = \"DENY\"", "X_FRAME_OPTIONS = \"SAMEORIGIN\"")],
    ),
];

async fn look(copy: &Copy) -> Vec<Finding> {
    let policy = Policy::named("korrigo").expect("there");
    let options =
        Options { files: copy.files.path(), policy: &policy, django: false, without: false };
    let seen = survey::live(&copy.standing.sandbox, copy.drill.config(), options).await;
    seen.expect("it can be looked at").findings
}

/// Findings by what they are about; a patch may move their lines.
fn about(findings: &[Finding]) -> Vec<(String, String)> {
    let about = findings.iter().map(|it| (it.id.clone(), it.subject.clone()));
    let mut about = about.collect::<Vec<_>>();
    about.sort();
    about
}

/// Applies the patch of all findings, and gives back what it says.
fn apply(copy: &Copy, findings: &[Finding]) -> String {
    let files = survey::files(copy.files.path()).expect("readable");
    let text = patch::combine(findings, &files).expect("a patch");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &text).expect("written");
    let mut git = Command::new("git");
    let checked = git.args(["apply", "--check"]).arg(file.path()).current_dir(copy.files.path());
    assert!(checked.status().expect("git runs").success(), "git does not take it:\n{text}");
    let mut patch = Command::new("patch");
    let applied = patch.args(["-p1", "--silent", "--fuzz=0", "--no-backup-if-mismatch", "--input"]);
    let applied = applied.arg(file.path()).current_dir(copy.files.path());
    assert!(applied.status().expect("patch runs").success(), "patch does not take it:\n{text}");
    text
}

/// Lines of each file that the patch of one fault adds and removes; one each, or fewer.
fn is_minimal(text: &str) -> bool {
    let count = |sign: char, header: &str| {
        text.lines().filter(|it| it.starts_with(sign) && !it.starts_with(header)).count()
    };
    count('+', "+++") <= 1 && count('-', "---") <= 1 && text.matches("\n+++ ").count() == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_takes_its_finding_away_and_changes_nothing_else() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Tls).await;
    let mut wrong = Vec::new();
    copy.plant(&[ANOTHER]).await;
    let others = look(&copy).await;
    assert!(others.iter().all(|it| it.id == "routes.status" && it.patch.is_none()), "{others:#?}");
    assert!(!others.is_empty());

    for (id, edits) in FAULTS {
        let edits = edits.iter().copied().chain([ANOTHER]).collect::<Vec<_>>();
        copy.plant(&edits).await;
        let before = look(&copy).await;
        assert!(before.iter().any(|it| it.id == id && it.patch.is_some()), "{id}: {before:#?}");
        let untouched = copy.texts();
        let text = apply(&copy, &before);
        let changed = copy.adopt(&untouched).await;
        let after = look(&copy).await;
        if about(&after) != about(&others) || changed.len() != 1 || !is_minimal(&text) {
            wrong.push(format!("{id}: {changed:?}\n{text}{:#?}", about(&after)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    // Several at once, one of them beside another: as one patch.
    let several = [FAULTS[0].1, FAULTS[3].1, FAULTS[8].1, &[ANOTHER]].concat();
    copy.plant(&several).await;
    let before = look(&copy).await;
    let untouched = copy.texts();
    apply(&copy, &before);
    assert_eq!(copy.adopt(&untouched).await.len(), 2);
    assert_eq!(about(&look(&copy).await), about(&others));
    let now = copy.texts();
    for path in [HEADERS, MAIN] {
        let reference = std::fs::read_to_string(reference_stack().join(path)).expect("a file");
        assert_eq!(now[path], reference, "{path} is not as it was before the faults");
    }
    copy.remove().await;
}
