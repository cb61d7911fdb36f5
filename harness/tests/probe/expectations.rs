//! Each expectation: it holds, then the same with one fault, which is named.

use harness::model::check::Outcome;

use super::server::{Reply, Server, json, text};
use super::{assert_outcome, check};

const BODY: &str =
    r#"{"status":"ok","n":1.0,"none":null,"list":[1,{"a":"b"}],"secret_key":"hidden"}"#;

async fn server() -> Server {
    Server::start(|request| match request.path.as_str() {
        "/style.css" => {
            let headers = vec![
                ("Content-Type", "text/css; charset=utf-8".to_owned()),
                ("X-Frame-Options", "DENY".to_owned()),
                ("X-Twice", "a".to_owned()),
                ("X-Twice", "b".to_owned()),
            ];
            Reply::Answer(200, headers, b"body {}".to_vec())
        }
        "/json" => json(200, BODY),
        "/html" => {
            let page = "<html><title>Server Error</title><input value=\"a-token\">";
            let headers = vec![("Content-Type", "text/html".to_owned())];
            Reply::Answer(500, headers, page.as_bytes().to_vec())
        }
        "/binary" => Reply::Answer(200, Vec::new(), vec![0xFF; 300]),
        "/old" => Reply::Answer(301, vec![("Location", "/json".to_owned())], Vec::new()),
        "/away" => {
            Reply::Answer(302, vec![("Location", "http://elsewhere.test/".to_owned())], Vec::new())
        }
        "/loop" => Reply::Answer(302, vec![("Location", "/loop".to_owned())], Vec::new()),
        "/see-other" => Reply::Answer(303, vec![("Location", "/echo".to_owned())], Vec::new()),
        "/again" => Reply::Answer(307, vec![("Location", "/echo".to_owned())], Vec::new()),
        "/echo" => text(200, &format!("{} {}", request.method, request.text())),
        "/host" => text(200, request.header("host")),
        path => text(404, &format!("nothing at {path}\n\n  {}", "long ".repeat(100))),
    })
    .await
}

/// Steps that hold.
const INTACT: [&str; 25] = [
    "request = 'GET /json'\nexpect.status = 200",
    "request = 'GET /json'\nexpect.status = '2xx'",
    "request = 'GET /missing'\nexpect.status = [401, '2xx', 404]",
    "request = 'GET /style.css'\nexpect.header = { x-frame-options = 'DENY' }",
    "request = 'GET /style.css'\nexpect.header_contains = { X-Frame-Options = 'EN', X-Twice = 'b' }",
    "request = 'GET /style.css'\nexpect.header_absent = ['Server']",
    "request = 'GET /style.css'\nexpect.content_type = 'text/css'",
    "request = 'GET /style.css'\nexpect.content_type = ['text/plain', 'Text/CSS']",
    "request = 'GET /style.css'\nexpect.contains = ['body', '{}']",
    "request = 'GET /style.css'\nexpect.lacks = 'html'",
    "request = 'GET /json'\nexpect.json = { '/status' = 'ok', '/n' = 1, '/list/1/a' = 'b' }",
    "request = 'GET /json'\nexpect.json = { '/list' = [1, { a = 'b' }] }",
    "request = 'GET /json'\nexpect.json_exists = ['/none', '']",
    "request = 'GET /json'\nexpect.json_not_null = ['/status']",
    "request = 'GET /style.css'\nexpect.sha256 = '62368a1a29259b30bac235c0e75dc700c9b3bacf1513ad5708e4fe4a6c0d6560'",
    "request = 'GET /binary'\nexpect.size = 300",
    "request = 'HEAD /json'\nexpect.status = 200",
    "request = 'GET /old'\nexpect = { status = 301, header = { Location = '/json' } }",
    "request = 'GET /old'\nfollow = true\nexpect.json = { '/status' = 'ok' }",
    "request = 'POST /see-other'\njson = { a = 1 }\nfollow = true\nexpect.contains = 'GET '",
    "request = 'POST /again'\njson = { a = 1 }\nfollow = true\nexpect.contains = 'POST {\"a\":1}'",
    "request = 'POST /echo'\nform = { a = 'b c', d = '&' }\nexpect.contains = 'a=b+c&d=%26'",
    "request = 'GET /host'\nexpect.contains = 'service.test'",
    "request = 'GET /host'\nheaders.Host = 'evil.example'\nexpect.contains = 'evil.example'",
    "request = 'GET /host'\nexpect.contains = '{{target.host}}'",
];

#[tokio::test]
async fn what_holds_passes() {
    let server = server().await;
    for step in INTACT {
        assert_outcome(&check(&server, step).await, Outcome::Passed, " ms");
    }
}

/// Steps with one fault, and what their check must say.
const BROKEN: [(&str, &str); 25] = [
    (
        "request = 'GET /json'\nexpect.status = 204",
        "expected status 204, got 200: {\"status\":\"ok\"",
    ),
    (
        "request = 'GET /missing'\nexpect.status = ['2xx', 301]",
        "expected status 2xx or 301, got 404: nothing at /missing long long",
    ),
    ("request = 'GET /html'\nexpect.status = 200", "expected status 200, got 500: Server Error"),
    (
        "request = 'GET /style.css'\nexpect.header = { X-Frame-Options = 'SAMEORIGIN' }",
        "expected header x-frame-options \"SAMEORIGIN\", got \"DENY\"",
    ),
    (
        "request = 'GET /style.css'\nexpect.header = { X-Other = 'a' }",
        "expected header x-other \"a\", got no such header",
    ),
    (
        "request = 'GET /style.css'\nexpect.header = { X-Twice = 'a' }",
        "expected header x-twice \"a\" once, got 2 of them",
    ),
    (
        "request = 'GET /style.css'\nexpect.header_contains = { X-Frame-Options = 'SAME' }",
        "expected \"SAME\" in header x-frame-options, got \"DENY\"",
    ),
    (
        "request = 'GET /style.css'\nexpect.header_contains = { X-Other = 'a' }",
        "got no such header",
    ),
    (
        "request = 'GET /style.css'\nexpect.header_absent = ['X-Frame-Options']",
        "expected no header x-frame-options, got \"DENY\"",
    ),
    (
        "request = 'GET /style.css'\nexpect.content_type = ['text/html', 'text/plain']",
        "expected content type text/html or text/plain, got text/css",
    ),
    (
        "request = 'GET /binary'\nexpect.content_type = 'text/html'",
        "expected content type text/html, got none",
    ),
    (
        "request = 'GET /missing'\nexpect.contains = 'something'",
        "expected a body with \"something\", got nothing at",
    ),
    ("request = 'GET /binary'\nexpect.contains = 'something'", "got 300 bytes of no media type"),
    ("request = 'GET /style.css'\nexpect.lacks = 'body'", "expected a body without \"body\""),
    (
        "request = 'GET /json'\nexpect.json = { '/status' = 'error' }",
        "expected \"error\" at /status, got \"ok\"",
    ),
    ("request = 'GET /json'\nexpect.json = { '/n' = '1' }", "expected \"1\" at /n, got 1.0"),
    (
        "request = 'GET /json'\nexpect.json = { '/secret_key' = 'x' }",
        "expected another value at /secret_key, got one that is not shown",
    ),
    (
        "request = 'GET /json'\nexpect.json_exists = ['/absent']",
        "expected a value at /absent, got {\"status\":\"ok\",\"n\":1.0,\"none\":null,\"list\":[1,{\"a\":\"b\"}],\"secret_key\":\"<redacted>\"}",
    ),
    (
        "request = 'GET /json'\nexpect.json_not_null = ['/none']",
        "expected a value at /none, got null",
    ),
    ("request = 'GET /style.css'\nexpect.json_exists = ['']", "expected JSON, got body {}"),
    ("request = 'GET /binary'\nexpect.size = 299", "expected 299 bytes, got 300"),
    (
        "request = 'GET /binary'\nexpect.blake3 = '0000000000000000000000000000000000000000000000000000000000000000'",
        "over 300 bytes",
    ),
    ("request = 'GET /old'\nexpect.status = 200", "expected status 200, got 301"),
    (
        "request = 'GET /away'\nfollow = true\nexpect.status = 200",
        "redirects to another host, elsewhere.test",
    ),
    ("request = 'GET /loop'\nfollow = true\nexpect.status = 200", "more than 10 redirects"),
];

#[tokio::test]
async fn what_does_not_hold_is_named_with_what_was_seen() {
    let server = server().await;
    for (step, detail) in BROKEN {
        assert_outcome(&check(&server, step).await, Outcome::Failed, detail);
    }
}

#[tokio::test]
async fn hashes_of_the_body_are_compared_in_any_case() {
    let server = server().await;
    let blake3 = blake3::hash(b"body {}").to_hex().to_uppercase();
    let step = format!("request = 'GET /style.css'\nexpect.blake3 = '{blake3}'");
    assert_outcome(&check(&server, &step).await, Outcome::Passed, "");
}

#[tokio::test]
async fn messages_are_short_and_of_one_line() {
    let server = server().await;
    let missing = check(&server, "request = 'GET /missing'\nexpect.status = 200").await;
    assert!(missing.detail.ends_with('…') && !missing.detail.contains('\n'), "{missing:?}");
    assert!(missing.detail.chars().count() < 260, "{missing:?}");
}

#[tokio::test]
async fn a_probe_that_only_warns_does_not_fail() {
    let server = server().await;
    let toml = r#"
[[probe]]
id = "warns"
requirement = "FR-5"
title = "it holds"
severity = "warn"
[[probe.step]]
request = "GET /missing"
expect.status = 200
"#;
    let target = super::target(&server);
    let variables = harness::probe::Variables::new();
    let round = super::round(&super::probes(toml), &target, &variables).await;
    assert_outcome(&round.checks[0], Outcome::Warned, "expected status 200, got 404");
}
