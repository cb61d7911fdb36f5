//! The loop that stops the recovery clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::model::check::Outcome;
use harness::model::event::{Event, Events};
use harness::probe::{Prober, Variables};

use super::server::{Reply, Server, text};
use super::{assert_outcome, probes, quick, target};

const HEALTH: &str = r#"
[[probe]]
id = "ready"
requirement = "FR-5"
title = "it is ready"
health = true
step = [{ request = "GET /ready", expect.status = 200 }]

[[probe]]
id = "page"
requirement = "FR-5"
title = "not asked while waiting"
step = [{ request = "GET /page", expect.status = 200 }]
"#;

#[tokio::test]
async fn the_clock_stops_at_the_first_green_round_of_health_probes() {
    let rounds = AtomicU32::new(0);
    let server = Server::start(move |_| match rounds.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::HangUp,
        1 | 2 => text(503, "starting"),
        _ => text(200, "ok"),
    })
    .await;
    let prober =
        Prober::new(&probes(HEALTH), &target(&server), &Variables::new(), None).expect("valid");
    let (events, mut heard) = Events::channel();
    let began = Instant::now();
    let recovery = prober.until_green(Duration::from_secs(10), &events).await;
    let green_at = recovery.green_at.expect("it recovers");
    assert!(green_at > began && green_at <= Instant::now());
    assert_eq!((recovery.rounds, recovery.round.checks.len()), (4, 1));
    assert_outcome(&recovery.round.checks[0], Outcome::Passed, "GET /ready → 200");
    assert!(server.seen().iter().all(|request| request.path == "/ready"));

    drop(events);
    let mut notes = Vec::new();
    while let Some(Event::Note { text }) = heard.recv().await {
        notes.push(text);
    }
    assert_eq!(notes.len(), 2, "each state is told once: {notes:?}");
    assert!(notes[1].contains("probe.ready: step 1, GET /ready: expected status 200, got 503"));
}

#[tokio::test]
async fn a_service_that_never_recovers_fails_in_time_with_its_last_state() {
    let server = Server::start(|_| text(503, "starting")).await;
    let prober =
        Prober::new(&probes(HEALTH), &target(&server), &Variables::new(), None).expect("valid");
    let began = Instant::now();
    let recovery = prober.until_green(Duration::from_millis(700), &Events::ignored()).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(recovery.green_at.is_none());
    assert_outcome(&recovery.round.checks[0], Outcome::Failed, "got 503: starting");
}

#[tokio::test]
async fn a_service_that_hangs_has_not_recovered() {
    let server = Server::start(|_| Reply::Hang).await;
    let prober = Prober::new(&probes(HEALTH), &target(&server), &Variables::new(), None)
        .expect("valid")
        .with_limits(quick());
    let recovery = prober.until_green(Duration::from_millis(600), &Events::ignored()).await;
    assert!(recovery.green_at.is_none());
    assert_outcome(&recovery.round.checks[0], Outcome::Failed, "no complete answer");
}

#[tokio::test]
async fn without_a_health_probe_nothing_is_ever_green() {
    let server = Server::start(|_| text(200, "ok")).await;
    let page = &probes(HEALTH)[1..];
    let prober = Prober::new(page, &target(&server), &Variables::new(), None).expect("valid");
    let recovery = prober.until_green(Duration::from_secs(10), &Events::ignored()).await;
    assert!(recovery.green_at.is_none() && recovery.round.checks.is_empty());
}
