//! `smoke` and `smoke_prod.sh` look at the same things and say the same: on a stack that is
//! well, and on each fault that is planted in it.

use std::collections::BTreeMap;
use std::process::Command;

use harness::drill::Standing;
use harness::model::check::Outcome;
use harness::model::mode::Mode;
use harness::model::record::Verdict;
use harness::probe::{Target, facts};
use harness::smoke;
use scenarios::rehearsal::reference_stack;
use scenarios::standing::{Copy, Edit};

const SITE: &str = "proxy/conf/site.conf";
const HEADERS: &str = "proxy/conf/security-headers.conf";
const TLS: &str = "proxy/conf/servers-tls.conf";

const HTTP: &str = "proxy/conf/servers-http.conf";

/// A fault over plain HTTP and the scenario that must name it, in both.
const OVER_HTTP: [(&str, &[Edit]); 7] = [
    (
        "api.anonymous",
        &[(
            HEADERS,
            "proxy_hide_header Referrer-Policy;",
            "proxy_hide_header Referrer-Policy; proxy_hide_header WWW-Authenticate;",
        )],
    ),
    ("header.x-content-type-options", &[(HEADERS, "\"nosniff\" always", "\"nosniff\"")]),
    ("header.csp", &[(HEADERS, "$csp_upgrade", "; upgrade-insecure-requests")]),
    (
        "hsts.absent",
        &[(
            "proxy/conf/nginx.conf",
            "preload\";\n        default \"\";",
            "preload\";\n        default \"max-age=31536000\";",
        )],
    ),
    (
        "host.forged",
        &[(
            HTTP,
            "server_name _;\n    include unknown-host.conf;",
            "server_name _;\n    include site.conf;",
        )],
    ),
    ("front-end", &[(SITE, "root /srv/frontend;", "root /srv/static;")]),
    ("api.anonymous", &[(SITE, "location /api/ {", "location /api/ {\n    return 503;")]),
];

/// The same over TLS.
const OVER_TLS: [(&str, &[Edit]); 9] = [
    ("header.x-frame-options", &[(HEADERS, "\"DENY\" always", "\"DENY\"")]),
    ("header.csp-tls", &[(HEADERS, "script-src 'self'", "script-src 'self' 'unsafe-inline'")]),
    ("tls.hsts", &[("proxy/conf/nginx.conf", "max-age=31536000", "max-age=3600")]),
    (
        "media.closed",
        &[(
            SITE,
            "location /media/ {\n    include backend.conf;",
            "location /media/ {\n    alias /srv/media/; autoindex on;",
        )],
    ),
    ("static.mime", &[(SITE, "alias /srv/static/;", "alias /srv/static/; types {}")]),
    (
        "host.forged",
        &[(
            TLS,
            "listen 443 ssl http2;\n    include /run",
            "listen 443 ssl http2;\n    server_name forged.example forged.invalid;\n    include /run",
        )],
    ),
    (
        "tls.redirect",
        &[(TLS, "return 301 https://$host$https_port_suffix$request_uri;", "root /srv/frontend;")],
    ),
    (
        "tls.cookies",
        &[(
            "proxy/conf/backend.conf",
            "proxy_http_version 1.1;",
            "proxy_http_version 1.1; proxy_cookie_flags csrftoken nosecure;",
        )],
    ),
    (
        "tls.old-versions",
        &[
            (TLS, "ssl_protocols TLSv1.2", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2"),
            (TLS, "ssl_ciphers ", "ssl_ciphers DEFAULT@SECLEVEL=0:"),
        ],
    ),
];

/// What each of the two found of each scenario that it did not skip, in the script's words.
struct Both {
    tool: BTreeMap<String, &'static str>,
    verdict: Verdict,
    script: BTreeMap<String, String>,
    script_code: Option<i32>,
    said: String,
}

impl Both {
    /// Demands that both asked the same scenarios and came to the same outcome of each.
    fn agree(&self) {
        let script = self.script.iter().map(|(id, word)| (id.clone(), word.as_str()));
        let script = script.collect::<BTreeMap<_, _>>();
        assert_eq!(self.tool, script, "{}", self.said);
        let code = i32::from(self.verdict != Verdict::Passed);
        assert_eq!(self.script_code, Some(code), "{}", self.said);
    }
}

/// Has both ask a copy, trusting an authority or, without one, any certificate.
async fn ask(copy: &Copy, ca_pem: Option<&str>) -> Both {
    let Standing { sandbox, .. } = &copy.standing;
    let config = copy.drill.config();
    let accounts = sandbox.dataset.as_ref().expect("seeded").accounts();
    let (user, password) = (accounts.teacher.username, accounts.teacher.password);
    let mut variables = facts::names();
    facts::give_account(&mut variables, &user, &password);
    let target = sandbox.target(config, true).await.expect("an address");
    let over_tls = sandbox.mode == Mode::Tls;
    let target = Target {
        ca_pem: ca_pem.map(|pem| pem.as_bytes().to_vec()),
        insecure: over_tls && ca_pem.is_none(),
        ..target
    };
    let round = smoke::service(config, &target, &variables).await.expect("valid probes");
    let verdict = smoke::verdict(std::slice::from_ref(&round));
    let word = |outcome| match outcome {
        Outcome::Passed => Some("PASS"),
        Outcome::Warned => Some("WARN"),
        Outcome::Skipped => None,
        Outcome::Failed | Outcome::Undecided => Some("FAIL"),
    };
    let id = |id: &str| id.trim_start_matches("probe.").to_owned();
    let tool = round.checks.iter().filter_map(|it| Some((id(&it.id), word(it.outcome)?)));
    let tool = tool.collect();

    let ca = tempfile::NamedTempFile::new().expect("a file");
    let (host, address) = (&config.service.host, target.resolve.expect("an address").address);
    let mut script = Command::new(reference_stack().join("scripts/smoke_prod.sh"));
    script.args(["--url", &target.base_url]);
    if let Some(pem) = ca_pem {
        std::fs::write(ca.path(), pem).expect("written");
        script.arg("--ca").arg(ca.path());
    } else if over_tls {
        script.arg("--insecure");
    }
    for port in [80, 443] {
        script.args(["--resolve", &format!("{host}:{port}:{address}")]);
    }
    let output = script.env("SMOKE_USER", user).env("SMOKE_PASSWORD", password).output();
    let output = output.expect("the script runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let word = words.next().filter(|word| ["PASS", "WARN", "FAIL"].contains(word))?;
        Some((words.next()?.to_owned(), word.to_owned()))
    });
    let script = words.collect();
    let said = format!("{said}\n{:#?}", round.checks);
    Both { tool, verdict, script, script_code: output.status.code(), said }
}

/// The intact copy passes every scenario, and each fault fails the one that is about it.
async fn agree_on_each(copy: &Copy, ca_pem: Option<&str>, faults: &[(&str, &[Edit])]) {
    let clean = ask(copy, ca_pem).await;
    clean.agree();
    assert_eq!(clean.verdict, Verdict::Passed, "{}", clean.said);
    assert!(clean.tool.values().all(|word| *word == "PASS"), "{}", clean.said);
    // The thirteen of FR-5, those on TLS apart.
    assert!(clean.script.len() >= 13, "{}", clean.said);
    for (id, edits) in faults {
        copy.plant(edits).await;
        let seen = ask(copy, ca_pem).await;
        seen.agree();
        assert_eq!(seen.tool.get(*id), Some(&"FAIL"), "{id}: {}", seen.said);
    }
    copy.plant(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke_and_the_script_say_the_same_over_tls() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Tls).await;
    let ca = copy.standing.sandbox.ca_pem.clone().expect("an authority");
    agree_on_each(&copy, Some(&ca), &OVER_TLS).await;

    let blind = ask(&copy, None).await;
    blind.agree();
    assert_eq!(blind.tool.get("tls.certificate"), Some(&"WARN"), "{}", blind.said);

    let stranger = tempfile::tempdir().expect("a temporary folder");
    let other = harness::stack::authority::issue(stranger.path(), "korrigo.test").expect("issued");
    let seen = ask(&copy, Some(&other)).await;
    let failed = |word: Option<&str>| word == Some("FAIL");
    assert!(failed(seen.tool.get("tls.certificate").copied()), "{}", seen.said);
    assert!(failed(seen.script.get("tls.certificate").map(String::as_str)), "{}", seen.said);
    copy.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke_and_the_script_say_the_same_over_http() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    agree_on_each(&copy, None, &OVER_HTTP).await;
    copy.remove().await;
}
