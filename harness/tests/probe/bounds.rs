//! Services that hang, drip, never end or do not answer: bounded, and named.

use std::time::{Duration, Instant};

use harness::model::check::Outcome;
use harness::model::event::Events;
use harness::probe::{Limits, Prober, Variables};

use super::server::{Reply, Server, text};
use super::{assert_outcome, check, one_step, probes, quick, target};

async fn server() -> Server {
    Server::start(|request| match request.path.as_str() {
        "/hang" => Reply::Hang,
        "/hang-up" => Reply::HangUp,
        "/endless" => Reply::Endless,
        "/drip" => Reply::Drip,
        _ => text(200, "fine"),
    })
    .await
}

#[tokio::test]
async fn a_service_that_hangs_fails_within_the_limit() {
    let server = server().await;
    let started = Instant::now();
    let hangs = check(&server, "request = 'GET /hang'\nexpect.status = 200").await;
    assert_outcome(&hangs, Outcome::Failed, "GET /hang: no complete answer within 0.4 s");
    let drips = check(&server, "request = 'GET /drip'\nexpect.status = 200").await;
    assert_outcome(&drips, Outcome::Failed, "no complete answer within 0.4 s");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_step_may_ask_for_more_time() {
    let server = server().await;
    let started = Instant::now();
    let step = "request = 'GET /hang'\ntimeout_s = 1\nexpect.status = 200";
    assert_outcome(&check(&server, step).await, Outcome::Failed, "within 1.0 s");
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_fails() {
    let server = server().await;
    let step = "request = 'GET /hang-up'\nexpect.status = 200";
    assert_outcome(&check(&server, step).await, Outcome::Failed, "GET /hang-up");
}

#[tokio::test]
async fn a_refused_connection_fails_and_names_it() {
    let gone = server().await;
    let address = gone.address();
    drop(gone);
    let target =
        harness::probe::Target { resolve: Some(address.into()), ..target(&server().await) };
    let step = "request = 'GET /'\nexpect.status = 200";
    // The listener's port is free again once its task has ended.
    let started = Instant::now();
    loop {
        let round = super::round(&one_step(step), &target, &Variables::new()).await;
        if round.checks[0].detail.contains("refused") {
            return assert_outcome(&round.checks[0], Outcome::Failed, "Connection refused");
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{round:?}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_undecided() {
    let target = harness::probe::Target {
        base_url: "http://no-such-host.invalid".to_owned(),
        resolve: None,
        ca_pem: None,
        insecure: false,
        read_only: false,
    };
    let step = one_step("request = 'GET /'\nexpect.status = 200");
    let prober = Prober::new(&step, &target, &Variables::new(), None).expect("valid");
    let round = prober.round(&Events::ignored()).await;
    assert_outcome(&round.checks[0], Outcome::Undecided, "GET /");
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_bound_only() {
    let server = server().await;
    let status = check(&server, "request = 'GET /endless'\nexpect.status = 200").await;
    assert_outcome(&status, Outcome::Passed, "→ 200");
    let size = check(&server, "request = 'GET /endless'\nexpect.size = 5").await;
    assert_outcome(&size, Outcome::Undecided, "more than 65536 bytes");
    let lacks = check(&server, "request = 'GET /endless'\nexpect.lacks = '1'").await;
    assert_outcome(&lacks, Outcome::Undecided, "more than 65536 bytes");
}

#[tokio::test]
async fn what_a_round_has_no_time_for_is_undecided() {
    let server = server().await;
    let probe = |id: &str| {
        format!(
            "[[probe]]\nid = '{id}'\nrequirement = 'FR-5'\ntitle = 'it holds'\n\
             [[probe.step]]\nrequest = 'GET /hang'\nexpect.status = 200\n"
        )
    };
    let list = probes(&format!("{}{}", probe("first"), probe("second")));
    let limits = Limits { at_once: 1, round: Duration::from_millis(200), ..quick() };
    let prober = Prober::new(&list, &target(&server), &Variables::new(), None).expect("valid");
    let round = prober.with_limits(limits).round(&Events::ignored()).await;
    assert_outcome(
        &round.checks[0],
        Outcome::Undecided,
        "no complete answer when the time for all",
    );
    assert_outcome(&round.checks[1], Outcome::Undecided, "not begun when the time for all");
}
