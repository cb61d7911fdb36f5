//! A small server of HTTP, of which tests decide what it answers; and what they see of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

type Answers = Arc<Mutex<BTreeMap<String, String>>>;

/// A server; what it answers can be changed while it runs.
struct Server {
    target: Target,
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
}

fn html(body: &str) -> String {
    answer("200 OK", "Content-Type: text/html; charset=utf-8\r\n", body)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn redirect(location: &str) -> String {
    answer("302 Found", &format!("Location: {location}\r\n"), "")
}

impl Server {
    /// Serves these; all else is 404. What begins with `raw:` is sent whatever is asked.
    async fn start(answers: &[(&str, String)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = Target { address, host: "app.test".to_owned(), tls: false };
        let answers = answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone()));
        let answers = Arc::new(Mutex::new(answers.collect::<BTreeMap<_, _>>()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Self { target, answers: answers.clone(), asked: asked.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(read) => request.extend_from_slice(&buffer[..read]),
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let key = if request.contains("x-forwarded-proto: https") {
                    format!("https {path}")
                } else {
                    path.clone()
                };
                asked.lock().expect("the list").push(request);
                let text = {
                    let answers = answers.lock().expect("the answers");
                    let found = answers.get(&key).or_else(|| answers.get("*"));
                    found.cloned().unwrap_or_else(|| answer("404 Not Found", "", ""))
                };
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        server
    }

    fn set(&self, path: &str, answer: String) {
        self.answers.lock().expect("the answers").insert(path.to_owned(), answer);
    }

    async fn walk(&self) -> Round {
        round(walk(&self.target, LIMIT).await.expect("a round"))
    }

    async fn again(&self, before: &Round) -> Round {
        round(again(&self.target, before).await.expect("a round"))
    }
}

fn round(walked: Walked) -> Round {
    match walked {
        Walked::Round(round) => round,
        Walked::NotHttp(seen) => panic!("not HTTP: {seen}"),
    }
}

async fn shop() -> Server {
    Server::start(&[
        (
            "/",
            html(
                "<title>Shop</title><a href=/items/>all</a><a href=/logout>out</a>\
                  <a href=https://other.test/x>o</a><script src=/app.js></script>",
            ),
        ),
        ("/items/", html("<title>Items</title><a href=/items/1>one</a><a href=/old>old</a>")),
        ("/items/1", html("<title>Apple</title><img src=/media/1.png>")),
        ("/old", redirect("http://app.test/items/?sort=name")),
        ("/items/?sort=name", html("<title>Items</title>")),
        ("/app.js", answer("200 OK", "Content-Type: text/javascript\r\n", "1")),
        ("/media/1.png", answer("200 OK", "Content-Type: image/png\r\n", "png")),
    ])
    .await
}

#[tokio::test]
async fn a_walk_sees_what_is_linked_and_touches_nothing_else() {
    let server = shop().await;
    let seen = server.walk().await;
    let paths: Vec<_> = seen.pages.keys().map(String::as_str).collect();
    let all = ["/", "/app.js", "/items/", "/items/1", "/items/?sort=name", "/media/1.png", "/old"];
    assert_eq!(paths, all);
    assert_eq!(seen.pages["/old"].location.as_deref(), Some("/items/"));
    assert_eq!(seen.pages["/"].content_type.as_deref(), Some("text/html"));
    assert!(seen.unanswered.is_empty() && seen.proves().is_ok() && looks_empty(&seen).is_none());
    let asked = server.asked.lock().expect("the list").clone();
    assert!(asked.iter().all(|request| request.starts_with("GET /")
        && request.contains("host: app.test\r\n")
        && !request.contains("cookie")));
}

#[tokio::test]
async fn the_same_requests_of_an_intact_service_differ_in_nothing() {
    let server = shop().await;
    let first = server.walk().await;
    let settled = Round::settled(&first, &server.again(&first).await);
    assert_eq!(settled, first);
    let after = server.again(&settled).await;
    assert_eq!(compare(&settled, &after), []);
    assert_eq!(emptied(&settled, &after), None);
}

#[tokio::test]
async fn what_is_gone_after_the_restore_is_named() {
    let server = shop().await;
    let before = server.walk().await;
    server.set("/media/1.png", answer("404 Not Found", "", ""));
    server.set("/items/1", answer("500 Internal Server Error", "", ""));
    let found = compare(&before, &server.again(&before).await);
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    let named = [
        "GET /items/1: status 200 before, 500 after",
        "GET /media/1.png: status 200 before, 404 after",
    ];
    assert_eq!(lines, named);
}

#[tokio::test]
async fn a_service_that_came_back_empty_is_named() {
    let server = shop().await;
    let before = server.walk().await;
    server.set("/", redirect("/begin?step=1"));
    server.set("/begin?step=1", html("<title>Shop</title><h1>Create the first user</h1>"));
    let after = server.again(&before).await;
    let said = emptied(&before, &after).expect("a sign");
    assert_eq!(
        said,
        "GET /begin?step=1: a service that was never set up: it says \"create the first\""
    );
    assert!(looks_empty(&after).is_some());
}

#[tokio::test]
async fn a_service_drawn_by_scripts_is_asked_whether_it_was_set_up() {
    let path = "/System/Info/Public";
    let server = Server::start(&[
        ("/", html("<title>Jellyfin</title><script src=/m.js></script>")),
        (path, answer("200 OK", "", "{\"StartupWizardCompleted\":true}")),
    ])
    .await;
    let before = server.walk().await;
    assert_eq!(looks_empty(&before), None);
    server.set(path, answer("200 OK", "", "{\"StartupWizardCompleted\":false}"));
    let said = emptied(&before, &server.again(&before).await).expect("a sign");
    assert!(said.contains("StartupWizardCompleted is false"), "{said}");
}

#[tokio::test]
async fn a_service_that_insists_on_https_is_told_that_a_proxy_spoke_it() {
    let server = Server::start(&[
        ("/", redirect("https://app.test/")),
        ("https /", html("<title>Shop</title><a href=https://app.test/x>x</a>")),
        ("https /x", html("<title>X</title>")),
    ])
    .await;
    let before = server.walk().await;
    assert_eq!(before.pages["/x"].title.as_deref(), Some("X"));
    assert_eq!(compare(&before, &server.again(&before).await), []);
    let server = Server::start(&[("*", redirect("https://app.test/"))]).await;
    let said = server.walk().await.proves().expect_err("nothing proved");
    assert_eq!(said, "it only leads elsewhere, to https://app.test/");
}

#[tokio::test]
async fn a_walk_ends_at_its_limit_and_is_the_same_again() {
    let links: Vec<_> = (0..100).map(|at| format!("<a href=/i/{at}>i</a>")).collect();
    let server = Server::start(&[("*", html(&links.concat()))]).await;
    let first = server.walk().await;
    assert_eq!(first.pages.len(), LIMIT);
    assert_eq!(server.walk().await, first);
}

#[tokio::test]
async fn what_does_not_speak_http_is_said_to() {
    let server = Server::start(&[("*", "-ERR unknown command\r\n".to_owned())]).await;
    let seen = walk(&server.target, LIMIT).await.expect("an answer");
    assert_eq!(seen, Walked::NotHttp("what it answers is not HTTP".to_owned()));
    let waited = until_answering(&server.target, Duration::from_secs(5)).await;
    assert!(matches!(waited, Ok(Answering::NotHttp(_))), "{waited:?}");
    server.set("*", String::new());
    let seen = walk(&server.target, LIMIT).await.expect("an answer");
    assert!(matches!(seen, Walked::NotHttp(ref seen) if seen.contains("closes")), "{seen:?}");
}

#[tokio::test]
async fn a_wait_ends_with_the_first_answer_and_says_what_it_saw_last() {
    let server = Server::start(&[("*", answer("503 Unavailable", "", ""))]).await;
    let waited = until_answering(&server.target, Duration::from_millis(500)).await;
    let said = waited.expect_err("a timeout").to_string();
    assert!(said.ends_with("within 0.5 s; last: status 503"), "{said}");
    let target = server.target.clone();
    let wait = tokio::spawn(async move { until_answering(&target, Duration::from_secs(20)).await });
    server.set("*", html("up"));
    assert_eq!(wait.await.expect("a wait").expect("an answer"), Answering::Http(200));
}

#[tokio::test]
async fn nobody_at_the_address_is_undecided() {
    let server = Server::start(&[]).await;
    let mut target = server.target.clone();
    target.address.set_port(1);
    let error = walk(&target, LIMIT).await.expect_err("no answer");
    assert!(error.chain().contains("refused"), "{}", error.chain());
}

#[tokio::test]
async fn a_look_keeps_every_header_line_and_claims_https_of_nothing_but_a_copy() {
    let twice =
        "Content-Type: text/html\r\nX-Frame-Options: DENY\r\nx-frame-options: SAMEORIGIN\r\n";
    let server = Server::start(&[
        ("/in?a=1", answer("200 OK", twice, "<a href=/items/>all</a><a href=/more>more</a>")),
        ("/", redirect("https://app.test/")),
        ("https /", html("behind")),
    ])
    .await;
    let seen = look(&server.target, "/in?a=1", 2, false).await.expect("an answer");
    let Looked::Answers { round, answers, left } = seen else { panic!("{seen:?}") };
    assert_eq!((round.pages.len(), left), (2, 1));
    assert_eq!((answers[0].path.as_str(), answers[0].status), ("/in?a=1", 200));
    let framing = answers[0].lines.iter().filter(|(name, _)| name == "x-frame-options");
    assert_eq!(
        framing.map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["DENY", "SAMEORIGIN"]
    );
    for (sealed, forwarded, status) in [(false, false, 302), (true, true, 200)] {
        let seen = look(&server.target, "/", 1, sealed).await.expect("an answer");
        let Looked::Answers { round, answers, .. } = seen else { panic!("{seen:?}") };
        assert_eq!((round.forwarded, answers[0].status), (forwarded, status));
    }
}
