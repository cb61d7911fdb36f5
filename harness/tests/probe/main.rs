//! The prober against a real server on the loopback: what holds passes, what does not is named.

mod beside;
mod bounds;
mod configuration;
mod expectations;
mod journeys;
mod recovery;
mod repetition;
mod server;
mod service;
mod smoke;
mod transport;

use std::time::Duration;

use harness::config::Probe;
use harness::model::check::{Check, Outcome};
use harness::model::event::Events;
use harness::probe::{Limits, Prober, Round, Target, Variables};

use server::Server;

/// Reads `[[probe]]` as `drill.toml` holds it.
fn probes(toml: &str) -> Vec<Probe> {
    #[derive(serde::Deserialize)]
    struct File {
        probe: Vec<Probe>,
    }
    toml::from_str::<File>(toml).expect("valid TOML").probe
}

/// One probe from the lines of its steps.
fn one_step(step: &str) -> Vec<Probe> {
    let head = "id = \"it\"\nrequirement = \"FR-5\"\ntitle = \"it holds\"\nwrites = true";
    probes(&format!("[[probe]]\n{head}\n[[probe.step]]\n{step}"))
}

/// A target reached under a public name that no resolver knows.
fn target(server: &Server) -> Target {
    Target {
        base_url: "http://service.test".to_owned(),
        resolve: Some(server.address().into()),
        ca_pem: None,
        insecure: false,
        read_only: false,
    }
}

fn quick() -> Limits {
    Limits {
        request: Duration::from_millis(400),
        command: Duration::from_millis(400),
        body_bytes: 64 * 1024,
        ..Limits::default()
    }
}

async fn round(probes: &[Probe], target: &Target, variables: &Variables) -> Round {
    let ready = Prober::new(probes, target, variables, None).expect("valid probes");
    ready.with_limits(quick()).round(&Events::ignored()).await
}

/// The check of a single step against a server.
async fn check(server: &Server, step: &str) -> Check {
    let round = round(&one_step(step), &target(server), &Variables::new()).await;
    round.checks.into_iter().next().expect("one check")
}

#[track_caller]
fn assert_outcome(check: &Check, outcome: Outcome, detail: &str) {
    assert!(
        check.outcome == outcome && check.detail.contains(detail),
        "expected {} with {detail:?}, got {check:?}",
        outcome.name()
    );
}
