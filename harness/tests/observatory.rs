//! Our grader against results observed from the MDN HTTP Observatory.
//!
//! Every case of `vectors/observatory.json` says what a site sends and what the
//! Observatory concludes. What a case leaves out is filled in as the Observatory's own
//! tests do it: `mozilla.org`, a good redirect, an empty page, trusted certificates.

use harness::audit::observatory::{
    Headers, Hop, Landing, Preflight, PreloadEntry, Site, Test, Ungraded, csp, evaluate,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

/// What a site sends, and what the Observatory concludes.
#[derive(Deserialize)]
struct Case {
    name: String,
    /// The test that `expect` speaks of; none if it speaks of the whole site.
    test: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default = "present")]
    https: bool,
    /// Host, and port if it is not the usual one.
    #[serde(default = "mozilla")]
    site: String,
    #[serde(default = "success")]
    status: u16,
    body: Option<String>,
    #[serde(default = "good_redirect")]
    redirects: Vec<(String, u16)>,
    /// `null` if nothing listens on plain HTTP.
    #[serde(default = "some_response")]
    http_response: Value,
    #[serde(default = "present")]
    cert_verified: bool,
    request_origin: Option<String>,
    /// Lines of `host mode flag…`.
    #[serde(default)]
    preload_list: Vec<String>,
    expect: Map<String, Value>,
    /// Facts about the content security policy.
    policy: Option<Value>,
}

fn mozilla() -> String {
    "mozilla.org".to_owned()
}

fn success() -> u16 {
    200
}

fn good_redirect() -> Vec<(String, u16)> {
    let hop = |address: &str, status| (address.to_owned(), status);
    vec![
        hop("http://mozilla.org/", 301),
        hop("https://mozilla.org/", 301),
        hop("https://www.mozilla.org/", 200),
    ]
}

fn some_response() -> Value {
    Value::Bool(true)
}

fn present() -> bool {
    true
}

impl Case {
    fn site(&self) -> Site {
        let mut headers = self.headers.clone();
        if Headers::new(headers.clone()).value("content-type").is_none() {
            headers.push(("Content-Type".to_owned(), "text/html".to_owned()));
        }
        let headers = Headers::new(headers);
        let landing = |scheme: &str| Landing {
            url: Url::parse(&format!("{scheme}://{}/", self.site)).expect("a host"),
            status: self.status,
            headers: headers.clone(),
            body: self.body.clone().unwrap_or_default(),
            verified: self.cert_verified,
            cookies_on_the_way: Vec::new(),
        };
        let hops = self.redirects.iter().map(|(url, status)| Hop {
            url: Url::parse(url).expect("an address"),
            status: *status,
        });
        let host = landing("https").url.host_str().map(str::to_owned);
        Site {
            host: host.expect("a host"),
            https: self.https.then(|| landing("https")),
            http: (!self.http_response.is_null()).then(|| landing("http")),
            http_route: hops.collect(),
            preflight: Some(Preflight {
                origin: self.request_origin.clone(),
                headers: headers.clone(),
            }),
            preload: self.preload_list.iter().map(|line| preload_entry(line)).collect(),
        }
    }

    /// What our grader concludes, under the names that cases use.
    fn got(&self) -> Map<String, Value> {
        let site = self.site();
        let mut got = Map::new();
        let test = Test::ALL.iter().find(|test| Some(test.name()) == self.test.as_deref());
        if let Some(test) = test {
            let result = test.judge(&site);
            got.insert("result".to_owned(), result.result.name().into());
            got.insert("pass".to_owned(), result.pass.into());
            got.insert("modifier".to_owned(), result.modifier.into());
        }
        if let Ok(report) = evaluate(&site) {
            got.insert("score".to_owned(), report.score.into());
            got.insert("grade".to_owned(), report.grade.into());
        }
        let facts = serde_json::to_value(csp::analyse(&site).facts).expect("facts serialise");
        got.insert("policy".to_owned(), facts);
        got
    }

    /// One line for each expectation that our grader does not meet.
    fn disagreements(&self) -> Vec<String> {
        let got = self.got();
        let policy = self.policy.iter().map(|policy| ("policy", policy));
        let expected: Vec<_> =
            self.expect.iter().map(|(key, value)| (key.as_str(), value)).chain(policy).collect();
        if expected.is_empty() {
            return vec![format!("{}: expects nothing", self.name)];
        }
        expected
            .into_iter()
            .filter(|(key, want)| got.get(*key) != Some(*want))
            .map(|(key, want)| {
                let got = got.get(key).map_or("nothing".to_owned(), Value::to_string);
                format!("{}: {key}: expected {want}, got {got}", self.name)
            })
            .collect()
    }
}

fn preload_entry(line: &str) -> PreloadEntry {
    let mut words = line.split_whitespace();
    PreloadEntry {
        name: words.next().expect("a host").to_owned(),
        force_https: words.next() == Some("force-https"),
        include_subdomains: words.any(|flag| flag == "includeSubDomains"),
    }
}

#[test]
fn observatory_vectors_all_agree() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/observatory.json");
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("the vectors parse");
    assert!(!cases.is_empty(), "{path} has no case");
    let disagreeing: Vec<_> =
        cases.iter().map(Case::disagreements).filter(|lines| !lines.is_empty()).collect();
    assert!(
        disagreeing.is_empty(),
        "{} of {} cases disagree:\n{}",
        disagreeing.len(),
        cases.len(),
        disagreeing.concat().join("\n")
    );
    println!("{0}/{0} cases agree", cases.len());
}

/// Headers with which a site loses nothing and gets every bonus but that for cookies.
const STRICT: [(&str, &str); 7] = [
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=63072000"),
    ("X-Content-Type-Options", "nosniff"),
];

/// A case of these fields, the later ones over the earlier.
fn site(fields: &[Value]) -> Site {
    let mut case = json!({"name": "a site", "expect": {}});
    let case_fields = case.as_object_mut().expect("an object");
    for more in fields {
        case_fields.extend(more.as_object().expect("an object").clone());
    }
    serde_json::from_value::<Case>(case).expect("a case").site()
}

/// A strict site with some headers replaced or added, and other fields of a case.
fn strict(headers: &[(&str, &str)], fields: Value) -> Site {
    let replaced = |name| headers.iter().any(|(other, _)| *other == name);
    let kept = STRICT.iter().filter(|(name, _)| !replaced(*name));
    let headers: Vec<_> = kept.chain(headers).collect();
    site(&[json!({"headers": headers}), fields])
}

fn graded(site: &Site) -> (i32, &'static str) {
    let report = evaluate(site).expect("a grade");
    assert_eq!(report.tests.len(), Test::ALL.len());
    (report.score, report.grade)
}

fn result(test: Test, site: &Site) -> &'static str {
    test.judge(site).result.name()
}

#[test]
fn observatory_grades_a_strict_site_and_a_careless_one() {
    assert_eq!(graded(&strict(&[], json!({}))), (150, "A+"));
    let careless = site(&[json!({"redirects": [["http://mozilla.org/", 200]]})]);
    // Policy −25, redirection −20, HSTS −20, content types −5, framing −20.
    assert_eq!(graded(&careless), (10, "F"));
}

#[test]
fn observatory_blind_spots_are_kept() {
    let hour = strict(&[("Strict-Transport-Security", "max-age=3600")], json!({}));
    assert_eq!(graded(&hour), (140, "A+"));
    let unreadable = strict(&[("Strict-Transport-Security", "max-age=abc")], json!({}));
    assert_eq!(graded(&unreadable), (150, "A+"));
    let session = strict(&[("Set-Cookie", "sessionid=1; HttpOnly; SameSite=Lax")], json!({}));
    assert_eq!(graded(&session), (140, "A+"));
    let unnamed = strict(&[("Set-Cookie", "sid=1; Secure")], json!({}));
    assert_eq!(graded(&unnamed), (150, "A+"));
}

#[test]
fn observatory_refuses_a_site_that_is_down_or_fails() {
    let down = strict(&[], json!({"https": false, "http_response": null}));
    assert_eq!(evaluate(&down), Err(Ungraded::Down));
    for status in [199, 400, 404, 500] {
        let failing = strict(&[], json!({"status": status}));
        assert_eq!(evaluate(&failing), Err(Ungraded::Status(status)));
    }
    for status in [200, 301, 401, 403] {
        assert!(evaluate(&strict(&[], json!({"status": status}))).is_ok());
    }
}

#[test]
fn observatory_takes_repeated_lines_as_one_joined_value() {
    let twice = |name, value| strict(&[(name, value), (name, value)], json!({}));
    let hsts = twice("Strict-Transport-Security", "max-age=63072000");
    assert_eq!(result(Test::StrictTransportSecurity, &hsts), "hsts-header-invalid");
    let nosniff = twice("X-Content-Type-Options", "nosniff");
    assert_eq!(
        result(Test::XContentTypeOptions, &nosniff),
        "x-content-type-options-header-invalid"
    );
    let csp = twice("Content-Security-Policy", "default-src 'none'");
    assert_eq!(
        result(Test::ContentSecurityPolicy, &csp),
        "csp-implemented-with-no-unsafe-default-src-none"
    );
}

#[test]
fn observatory_forgives_plain_http_sources_on_a_plain_http_site() {
    let policy = ("Content-Security-Policy", "default-src 'self' http://a.example");
    let fields = |https: bool| json!({"https": https});
    let insecure = result(Test::ContentSecurityPolicy, &strict(&[policy], fields(true)));
    assert_eq!(insecure, "csp-implemented-with-insecure-scheme");
    let plain = result(Test::ContentSecurityPolicy, &strict(&[policy], fields(false)));
    assert_eq!(plain, "csp-implemented-with-no-unsafe");
}

#[test]
fn observatory_lets_a_default_govern_and_change_with_what_it_governs() {
    // The nonce is for scripts, but both are governed by one list, so styles profit too.
    let shared = (
        "Content-Security-Policy",
        "default-src 'nonce-a' 'unsafe-inline' 'strict-dynamic' https:",
    );
    let site = strict(&[shared], json!({}));
    assert_eq!(result(Test::ContentSecurityPolicy, &site), "csp-implemented-with-no-unsafe");
    // Of its own, the list of objects keeps what is broad.
    let own =
        ("Content-Security-Policy", "script-src 'nonce-a' 'strict-dynamic'; object-src https:");
    let site = strict(&[own], json!({}));
    assert_eq!(result(Test::ContentSecurityPolicy, &site), "csp-implemented-with-unsafe-inline");
}

#[test]
fn observatory_follows_the_walk_over_plain_http() {
    let walk = |redirects: Value, fields: Value| {
        let site = site(&[json!({"redirects": redirects}), fields]);
        result(Test::Redirection, &site)
    };
    let off_host = json!([["http://mozilla.org/", 301], ["https://www.mozilla.org/", 200]]);
    assert_eq!(walk(off_host.clone(), json!({})), "redirection-off-host-from-http");
    let list = json!({"preload_list": ["mozilla.org force-https includeSubDomains"]});
    assert_eq!(walk(off_host.clone(), list), "redirection-all-redirects-preloaded");
    let narrow = json!({"preload_list": ["mozilla.org force-https"]});
    assert_eq!(walk(off_host.clone(), narrow), "redirection-off-host-from-http");
    assert_eq!(walk(off_host, json!({"cert_verified": false})), "redirection-invalid-cert");
    let away = json!([
        ["http://mozilla.org/", 301],
        ["https://mozilla.org/", 301],
        ["http://mozilla.org/x", 200]
    ]);
    assert_eq!(walk(away, json!({})), "redirection-not-to-https");
    let bare_host = json!([["http://proxy/", 301], ["https://proxy/", 200]]);
    assert_eq!(walk(bare_host, json!({})), "redirection-to-https");
}

#[test]
fn observatory_reads_only_two_policies_from_the_page() {
    let body = r#"<meta http-equiv="Cross-Origin-Resource-Policy" content="same-origin">
        <meta http-equiv="Strict-Transport-Security" content="max-age=63072000">
        <meta name="Referrer" content="unsafe-url"><meta name="referrer" content="no-referrer">
        <meta http-equiv="content-security-policy" content="default-src 'self'">"#;
    let of = |fields: Value| site(&[json!({"body": body}), fields]);
    let page = of(json!({}));
    assert_eq!(result(Test::ContentSecurityPolicy, &page), "csp-implemented-with-no-unsafe");
    assert_eq!(result(Test::ReferrerPolicy, &page), "referrer-policy-private");
    assert_eq!(result(Test::CrossOriginResourcePolicy, &page), "corp-not-implemented");
    assert_eq!(result(Test::StrictTransportSecurity, &page), "hsts-not-implemented");
    let plain_text = of(json!({"headers": [["Content-Type", "text/plain"]]}));
    assert_eq!(result(Test::ContentSecurityPolicy, &plain_text), "csp-not-implemented");
}

#[test]
fn observatory_counts_scripts_of_one_registered_domain_as_the_sites_own() {
    let sri = |host: &str, address: &str| {
        let body = format!("<script src=\"{address}\"></script>");
        result(Test::SubresourceIntegrity, &strict(&[], json!({"site": host, "body": body})))
    };
    let own = "sri-not-implemented-but-all-scripts-loaded-from-secure-origin";
    let foreign = "sri-not-implemented-but-external-scripts-loaded-securely";
    assert_eq!(sri("www.mozilla.org", "https://cdn.mozilla.org/a.js"), own);
    assert_eq!(sri("a.co.uk", "https://b.co.uk/a.js"), foreign);
    assert_eq!(sri("a.github.io", "https://b.github.io/a.js"), own);
    assert_eq!(sri("10.0.0.1", "https://10.0.0.2/a.js"), own);
    assert_eq!(sri("mozilla.org", "https://mozilla.org@evil.example/a.js"), foreign);
    assert_eq!(sri("mozilla.org", "HTTPS://evil.example/a.js"), own);
}
