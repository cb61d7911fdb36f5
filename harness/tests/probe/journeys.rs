//! Journeys: cookies, CSRF, captured values, uploads, polling, commands.

use std::sync::{Arc, Mutex};

use harness::Error;
use harness::config::Probe;
use harness::model::check::Outcome;
use harness::model::event::Events;
use harness::probe::{Exec, ExecFuture, Prober, Round, Variables};

use super::server::{Reply, Server, text};
use super::service::{DOCUMENT, PASSWORD, SESSION, TOKEN};
use super::{assert_outcome, one_step, probes, round, service, target};

const LOGIN: &str = r#"
[[probe]]
id = "login"
requirement = "FR-4.2"
title = "a restored user can log in"
writes = true
csrf = { cookie = "csrftoken", header = "X-CSRFToken" }
step = [
  { request = "GET /csrf/", expect.status = 204, capture.crumb.cookie = "csrftoken" },
  { request = "POST /login/", json = { username = "{{teacher.username}}", password = "{{teacher.password}}" }, expect = { status = 200, json = { "/username" = "{{teacher.username}}" } } },
]
"#;

const WORK: &str = r#"
[[probe]]
id = "work"
requirement = "FR-4.2"
title = "documents can be read and added"
writes = true
begin_with = "login"

[[probe.step]]
request = "GET /copies/{{sample.copy_id}}/file/"
expect = { status = 200, content_type = "application/pdf", blake3 = "{{sample.blake3}}", size = 30 }

[[probe.step]]
request = "POST /copies/"
form = { exam = "3" }
files = { file = { name = "copie-{{unique}}.pdf", content = "pdf", pages = 2 } }
expect.status = 201
capture.copy_id.json = "/id"

[[probe.step]]
request = "GET /copies/{{copy_id}}/"
until_s = 5
expect = { json_not_null = ["/page_count"], json = { "/page_count" = 2, "/id" = "{{copy_id}}" } }
"#;

fn facts() -> Variables {
    let mut facts = Variables::new();
    facts.set("teacher.username", "mme.curie");
    facts.set_secret("teacher.password", PASSWORD);
    facts.set("sample.copy_id", "17");
    facts.set("sample.blake3", blake3::hash(DOCUMENT).to_hex().to_string());
    facts
}

fn all() -> Vec<Probe> {
    probes(&format!("{LOGIN}{WORK}"))
}

fn as_text(round: &Round) -> String {
    serde_json::to_string(round).expect("a round is serialisable")
}

#[tokio::test]
async fn a_journey_carries_cookies_and_captured_values_to_its_end() {
    let server = service::start().await;
    let round = round(&all(), &target(&server), &facts()).await;
    assert_outcome(&round.checks[0], Outcome::Passed, "2 steps");
    assert_outcome(&round.checks[1], Outcome::Passed, "the last GET /copies/18/ → 200");
    assert_eq!(round.checks[1].id, "probe.work");
    assert!(round.is_green());

    let polled = round.traces[1].steps.last().expect("five steps");
    assert_eq!((round.traces[1].steps.len(), polled.attempts), (5, 3));
}

#[tokio::test]
async fn an_upload_is_multipart_with_a_valid_pdf_that_is_never_the_same() {
    let server = service::start().await;
    for _ in 0..2 {
        round(&all(), &target(&server), &facts()).await;
    }
    let uploads: Vec<_> = server.seen().into_iter().filter(|r| r.path == "/copies/").collect();
    let [first, second] = uploads.as_slice() else { panic!("two uploads, got {uploads:?}") };
    assert!(first.header("content-type").starts_with("multipart/form-data; boundary="));
    let body = first.text();
    for part in [
        "name=\"exam\"\r\n\r\n3",
        "filename=\"copie-",
        "Content-Type: application/pdf",
        "%PDF-1.4",
        "/Count 2",
        "%%EOF",
    ] {
        assert!(body.contains(part), "{part:?} is missing in {body}");
    }
    assert_xref_is_exact(&body[body.find("%PDF").expect("a PDF")..]);
    assert_ne!(first.body, second.body);
}

/// Every offset in the cross-reference table points at its object.
fn assert_xref_is_exact(pdf: &str) {
    let table = pdf.rsplit("startxref\n").next().and_then(|rest| rest.lines().next());
    let table: usize = table.and_then(|text| text.parse().ok()).expect("an offset");
    let mut lines = pdf[table..].lines();
    assert_eq!(lines.next(), Some("xref"));
    let entries: Vec<&str> = lines.skip(2).take_while(|line| line.ends_with(" n ")).collect();
    assert_eq!(entries.len(), 4);
    for (number, entry) in (1..).zip(entries) {
        let offset: usize = entry[..10].parse().expect("ten digits");
        assert!(pdf[offset..].starts_with(&format!("{number} 0 obj")), "{entry}");
    }
}

#[tokio::test]
async fn a_wrong_password_fails_every_journey_that_begins_with_the_login() {
    let server = service::start().await;
    let mut facts = facts();
    facts.set_secret("teacher.password", "not the password");
    let round = round(&all(), &target(&server), &facts).await;
    assert_outcome(
        &round.checks[0],
        Outcome::Failed,
        "step 2, POST /login/: expected status 200, got 400",
    );
    assert_outcome(&round.checks[1], Outcome::Failed, "step 2 of login, POST /login/");
    assert!(!round.is_green());
}

#[tokio::test]
async fn secrets_and_cookies_never_leave_a_round() {
    let server = service::start().await;
    let mut facts = facts();
    // The service repeats what it was sent in its refusal.
    facts.set_secret("teacher.password", "not the password");
    let toml = format!(
        "{LOGIN}{}",
        r#"
[[probe]]
id = "leaky"
requirement = "FR-4.2"
title = "it leaks"
writes = true
begin_with = "login"
[[probe.step]]
request = "GET /search/?q={{crumb}}"
headers = { Authorization = "Bearer {{crumb}}" }
expect = { status = 200, header = { Authorization = "{{crumb}}" } }
"#
    );
    let refused = round(&probes(&toml), &target(&server), &facts).await;
    assert!(!as_text(&refused).contains("not the password"), "{refused:?}");

    let answered = round(&probes(&toml), &target(&server), &super::journeys::facts()).await;
    assert_outcome(
        &answered.checks[1],
        Outcome::Failed,
        "GET /search/?q=<crumb>: expected status 200, got 404",
    );
    let me = format!(
        "{LOGIN}{}",
        r#"
[[probe]]
id = "me"
requirement = "FR-4.2"
title = "it knows me"
writes = true
begin_with = "login"
[[probe.step]]
request = "GET /me/"
expect.json = { "/absent" = 1 }
"#
    );
    let me = round(&probes(&me), &target(&server), &super::journeys::facts()).await;
    assert_outcome(&me.checks[1], Outcome::Failed, r#""token":"<redacted>""#);
    let shown = as_text(&answered) + &as_text(&me);
    for secret in [PASSWORD, SESSION, TOKEN, "never shown"] {
        assert!(!shown.contains(secret), "{secret:?} is in {shown}");
    }
}

#[tokio::test]
async fn a_secret_is_not_shown_in_part_where_an_excerpt_is_cut() {
    let server = Server::start(|request| {
        let (_, secret) = request.path.split_once('=').expect("a query");
        text(500, &format!("{}{secret}", "x".repeat(150)))
    })
    .await;
    let mut facts = Variables::new();
    facts.set_secret("key", "abcdefghijklmnopqrstuvwxyz");
    let step = one_step("request = 'GET /?q={{key}}'\nexpect.status = 200");
    let round = round(&step, &target(&server), &facts).await;
    assert_outcome(&round.checks[0], Outcome::Failed, "GET /?q=<key>: expected status 200");
    assert!(round.checks[0].detail.contains("xxx<key>"), "{round:?}");
    assert!(!as_text(&round).contains("abc"), "{round:?}");
}

#[tokio::test]
async fn an_unsafe_request_without_the_csrf_cookie_says_so() {
    let server = service::start().await;
    let toml = r#"
[[probe]]
id = "forged"
requirement = "FR-3"
title = "it logs in"
writes = true
csrf = { cookie = "csrftoken", header = "X-CSRFToken" }
[[probe.step]]
request = "POST /login/"
expect.status = 200
"#;
    let round = round(&probes(toml), &target(&server), &facts()).await;
    assert_outcome(
        &round.checks[0],
        Outcome::Failed,
        r#"got 403: {"detail":"CSRF failed"} (there was no cookie csrftoken to send)"#,
    );
}

/// What a browser does with Secure cookies over plain HTTP: logging in becomes impossible.
#[tokio::test]
async fn a_secure_cookie_does_not_come_back_over_plain_http() {
    let server = Server::start(|request| match request.header("cookie") {
        "" => {
            let cookies = ["csrftoken=abc; Secure", "sessionid=def; Secure; HttpOnly"];
            let headers = cookies.map(|cookie| ("Set-Cookie", cookie.to_owned()));
            Reply::Answer(403, headers.into(), Vec::new())
        }
        _ => text(200, "in"),
    })
    .await;
    let toml = r#"
[[probe]]
id = "login"
requirement = "FR-3"
title = "a user logs in"
writes = true
csrf = { cookie = "csrftoken", header = "X-CSRFToken" }
step = [
  { request = "GET /", expect.status = 403 },
  { request = "POST /", expect.status = 200 },
]
"#;
    let round = round(&probes(toml), &target(&server), &Variables::new()).await;
    let detail = "step 2, POST /: expected status 200, got 403 (there was no cookie csrftoken";
    assert_outcome(&round.checks[0], Outcome::Failed, detail);
}

#[tokio::test]
async fn every_journey_has_a_cookie_jar_of_its_own() {
    let server = service::start().await;
    let toml = format!(
        "{LOGIN}{}",
        r#"
[[probe]]
id = "anonymous"
requirement = "FR-5"
title = "strangers are refused"
[[probe.step]]
request = "GET /me/"
expect = { status = [401, 403] }
"#
    );
    let round = round(&probes(&toml), &target(&server), &facts()).await;
    assert_outcome(&round.checks[0], Outcome::Passed, "");
    assert_outcome(&round.checks[1], Outcome::Passed, "GET /me/ → 403");
}

#[tokio::test]
async fn polling_gives_up_in_time_and_says_what_it_last_saw() {
    let server = service::start().await;
    let toml = format!(
        "{LOGIN}{}",
        r#"
[[probe]]
id = "never"
requirement = "FR-4.2"
title = "the pages are counted"
writes = true
begin_with = "login"
[[probe.step]]
request = "GET /copies/18/"
until_s = 1
expect.json = { "/page_count" = 99 }
"#
    );
    let round = round(&probes(&toml), &target(&server), &facts()).await;
    let check = &round.checks[1];
    assert_outcome(check, Outcome::Failed, "attempts: expected 99 at /page_count, got 2");
    assert!(round.traces[1].steps[2].millis < 1500, "{round:?}");
}

/// What a stack would answer to a command.
struct Stack {
    asked: Mutex<Vec<String>>,
    answer: fn() -> harness::Result<(Option<i32>, String)>,
}

impl Exec for Stack {
    fn exec<'a>(&'a self, service: &'a str, argv: &'a [String]) -> ExecFuture<'a> {
        self.asked.lock().expect("no panic").push(format!("{service}: {}", argv.join(" ")));
        Box::pin(async move { (self.answer)() })
    }
}

const MIGRATE: &str = r#"
[[probe]]
id = "migrations"
requirement = "FR-4.2"
title = "no migration is missing"
writes = true
[[probe.step]]
exec = { service = "backend", command = ["python", "manage.py", "migrate", "--check"] }
expect.exit_code = 0
"#;

async fn migrate(answer: fn() -> harness::Result<(Option<i32>, String)>) -> (Round, Vec<String>) {
    let server = service::start().await;
    let stack = Arc::new(Stack { asked: Mutex::default(), answer });
    let exec: Arc<dyn Exec> = stack.clone();
    let prober = Prober::new(&probes(MIGRATE), &target(&server), &Variables::new(), Some(exec));
    let round = prober.expect("a valid probe").round(&Events::ignored()).await;
    let asked = stack.asked.lock().expect("no panic").clone();
    (round, asked)
}

#[tokio::test]
async fn a_command_runs_in_its_service_and_is_judged_by_its_exit_code() {
    let (clean, asked) = migrate(|| Ok((Some(0), String::new()))).await;
    assert_outcome(&clean.checks[0], Outcome::Passed, "→ exit code 0");
    assert_eq!(asked, ["backend: python manage.py migrate --check"]);

    let (behind, _) = migrate(|| Ok((Some(1), "grading.0004 is not applied\n".to_owned()))).await;
    assert_outcome(
        &behind.checks[0],
        Outcome::Failed,
        "expected exit code 0, got 1: grading.0004 is not applied",
    );
    assert_eq!(behind.traces[0].steps[0].exit_code, Some(1));

    let (killed, _) = migrate(|| Ok((None, String::new()))).await;
    assert_outcome(&killed.checks[0], Outcome::Failed, "a command ended by a signal");
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_undecided() {
    let (round, _) = migrate(|| Err(Error::undecided("no engine"))).await;
    assert_outcome(&round.checks[0], Outcome::Undecided, "no engine");

    let server = service::start().await;
    let round = super::round(&probes(MIGRATE), &target(&server), &Variables::new()).await;
    assert_outcome(&round.checks[0], Outcome::Undecided, "no way to run a command");
}

#[tokio::test]
async fn what_writes_is_never_run_against_a_read_only_target() {
    let server = service::start().await;
    let target = harness::probe::Target { read_only: true, ..target(&server) };
    let round = round(&all(), &target, &facts()).await;
    for check in &round.checks {
        assert_outcome(check, Outcome::Skipped, "read-only");
    }
    assert!(!round.is_green());
    assert!(server.seen().is_empty(), "{:?}", server.seen());
}
