//! What `smoke` needs of the grammar: several requests in a step, old versions of TLS, sessions
//! on a service that is only read, and certificates that nobody verified.

use std::net::SocketAddr;

use harness::ErrorKind;
use harness::model::check::Outcome;
use harness::probe::{Prober, Target, Variables, facts};

use super::server::{Reply, Server, text};
use super::{assert_outcome, check, one_step, probes, round, service, target};

#[tokio::test]
async fn every_request_of_a_list_must_see_the_same() {
    let server = Server::start(|request| match request.path.as_str() {
        "/bad" => text(200, "without"),
        _ => Reply::Answer(200, vec![("X-Frame-Options", "DENY".to_owned())], Vec::new()),
    })
    .await;
    let expect = "expect.header.X-Frame-Options = 'DENY'";
    let good = check(&server, &format!("request = ['GET /', 'GET /a']\n{expect}")).await;
    assert_outcome(&good, Outcome::Passed, "2 steps");
    let bad = check(&server, &format!("request = ['GET /', 'GET /bad']\n{expect}")).await;
    assert_outcome(&bad, Outcome::Failed, "GET /bad: expected header x-frame-options");
}

#[tokio::test]
async fn every_text_must_be_in_the_header() {
    let server = Server::start(|_| {
        Reply::Answer(200, vec![("Set-Cookie", "a=1; Secure; Path=/".to_owned())], Vec::new())
    })
    .await;
    let step =
        |parts: &str| format!("request = 'GET /'\nexpect.header_contains.Set-Cookie = {parts}");
    let both = check(&server, &step("['Secure', 'Path=/']")).await;
    assert_outcome(&both, Outcome::Passed, "");
    let one = check(&server, &step("['Secure', 'SameSite']")).await;
    assert_outcome(&one, Outcome::Failed, "set-cookie");
}

#[tokio::test]
async fn a_handshake_that_is_no_refusal_fails() {
    // Not TLS at all: nothing was refused.
    let server = Server::start(|_| text(400, "plain")).await;
    let spoken = check(&server, "handshake = '1.1'\nexpect.refused = true\ntimeout_s = 1").await;
    assert_outcome(&spoken, Outcome::Failed, "");
    let gone =
        Target { resolve: Some(SocketAddr::from(([127, 0, 0, 1], 1)).into()), ..target(&server) };
    let step = one_step("handshake = '1.0'\nexpect.refused = true");
    let gone = round(&step, &gone, &Variables::new()).await;
    assert_outcome(&gone.checks[0], Outcome::Failed, "refused");
}

#[test]
fn a_handshake_expects_a_refusal_and_nothing_else() {
    for step in [
        "handshake = '1.1'\nexpect.status = 200",
        "handshake = '1.1'\nexpect = { refused = true, status = 200 }",
        "request = 'GET /'\nexpect.refused = true",
        "request = []\nexpect.status = 200",
    ] {
        let error = harness::probe::validate(&one_step(step), &Variables::new());
        assert_eq!(error.expect_err(step).kind(), ErrorKind::Usage, "{step}");
    }
}

const ACCOUNT: &str = "[[probe]]\nid = 'account'\nrequirement = 'FR-5'\ntitle = 'logs in'\n\
    writes = true\nsession = true\ncsrf = { cookie = 'csrftoken', header = 'X-CSRFToken' }\nstep = [\n\
    { request = 'GET /csrf/', expect.status = 204 },\n\
    { request = 'POST /login/', json = { username = '{{account.username}}', password = \
    '{{account.password}}' }, expect.status = 200 },\n]\n";

#[tokio::test]
async fn a_session_runs_where_nothing_may_be_written_if_the_account_is_given() {
    let server = service::start().await;
    let read_only = Target { read_only: true, ..target(&server) };
    let mut variables = facts::names();
    let without = round(&probes(ACCOUNT), &read_only, &variables).await;
    assert_outcome(&without.checks[0], Outcome::Skipped, "account.password");
    facts::give_account(&mut variables, "mme.curie", service::PASSWORD);
    let with = round(&probes(ACCOUNT), &read_only, &variables).await;
    assert_outcome(&with.checks[0], Outcome::Passed, "");
}

#[tokio::test]
async fn a_certificate_that_nobody_verifies_is_a_warning() {
    let server = Server::start(|_| text(200, "")).await;
    let judged = "[[probe]]\nid = 'it'\nrequirement = 'FR-5'\ntitle = 'it'\ncertificate = true\n\
        step = [{ request = 'GET /', expect.status = 200 }]\n";
    let insecure = Target { insecure: true, ..target(&server) };
    let round = round(&probes(judged), &insecure, &Variables::new()).await;
    assert_outcome(&round.checks[0], Outcome::Warned, "not verified");
    assert!(Prober::new(&probes(judged), &insecure, &Variables::new(), None).is_ok());
}
