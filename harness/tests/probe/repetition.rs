//! The last step of a journey, repeated: what comes before it is done once.

use harness::probe::{Prober, Variables};

use super::server::{Request, Server, text};
use super::{probes, target};

const WRITES: &str = r#"
[[probe]]
id = "login"
requirement = "FR-4.2"
title = "somebody signs in"
writes = true
step = [{ request = "POST /login/", expect.status = 200 }]

[[probe]]
id = "note"
requirement = "FR-4.2"
title = "a note is acknowledged"
writes = true
begin_with = "login"
step = [{ request = "POST /notes/", json = { text = "{{key}}" }, expect.status = 200 }]
"#;

fn prober(server: &Server) -> Prober {
    let mut variables = Variables::new();
    variables.set("key", "");
    Prober::new(&probes(WRITES), &target(server), &variables, None).expect("valid probes")
}

#[tokio::test]
async fn each_repetition_has_its_own_value_and_nobody_signs_in_twice() {
    let server = Server::start(|_| text(200, "done")).await;
    let prober = prober(&server);
    let mut note = prober.begin("note").await.expect("signed in");
    for key in ["a", "b"] {
        note.again("key", key).await.expect("acknowledged");
    }
    let seen = server.seen();
    let bodies = seen.iter().map(Request::text).collect::<Vec<_>>();
    assert_eq!(bodies, ["", r#"{"text":"a"}"#, r#"{"text":"b"}"#]);
}

#[tokio::test]
async fn a_repetition_that_is_refused_says_why_and_so_does_a_login() {
    let server = Server::start(|request| {
        if request.text().contains("bad") { text(500, "broken") } else { text(200, "done") }
    })
    .await;
    let prober = prober(&server);
    let mut note = prober.begin("note").await.expect("signed in");
    let why = note.again("key", "bad").await.expect_err("refused");
    assert!(why.contains("500"), "{why}");
    note.again("key", "good").await.expect("acknowledged");

    let closed = Server::start(|_| text(403, "closed")).await;
    let why = self::prober(&closed).begin("note").await.err().expect("not signed in");
    assert!(why.contains("step 1 of login") && why.contains("403"), "{why}");
}
