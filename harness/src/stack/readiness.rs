//! Waiting until services are ready, bounded. What is not ready says its last state and why.

use std::time::{Duration, Instant};

use super::engine::{Container, Engine};
use crate::error::{Error, Result};

/// Between two looks. Health checks themselves run in the engine at their own interval.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Lines of log that come with a service that is not ready.
const LOG_LINES: u32 = 20;

/// A service that did not become ready.
#[derive(Debug, Clone)]
pub struct Unready {
    /// Which one.
    pub service: String,
    /// The last state seen, with the output of the last health check.
    pub state: String,
    /// The end of its log.
    pub log: Vec<String>,
}

impl Unready {
    /// As an error, where readiness was a precondition and not what is being judged.
    #[must_use]
    pub fn into_error(self) -> Error {
        Error::undecided(format!("service {:?} did not become ready: {}", self.service, self.state))
            .details(self.log)
            .hint("its last log lines are above; try the stack by hand with `cargo xtask up`")
    }
}

enum State {
    Ready,
    NotYet(String),
    Failed(String),
}

fn state(container: Option<&Container>) -> State {
    let Some(container) = container else {
        return State::NotYet("no container yet".to_owned());
    };
    let probe = container.last_probe.as_deref().unwrap_or_default().trim();
    match (container.status.as_str(), container.health.as_deref()) {
        ("running", None | Some("healthy")) => State::Ready,
        ("running", Some("unhealthy")) => State::Failed(format!("unhealthy: {probe}")),
        ("running", Some(health)) => State::NotYet(format!("running, {health}: {probe}")),
        // A service without a health check may be a task that ends.
        ("exited", None) if container.exit_code == 0 => State::Ready,
        ("exited" | "dead", _) => {
            State::Failed(format!("exited with code {}", container.exit_code))
        }
        (status, _) => State::NotYet(status.to_owned()),
    }
}

/// Waits until all `services` are ready; gives back the first that is not, if any.
pub(super) async fn wait(
    engine: &Engine,
    label: &str,
    services: &[String],
    limit: Duration,
) -> Result<Option<Unready>> {
    let started = Instant::now();
    loop {
        let containers = engine.containers(label).await?;
        let mut waiting = None;
        for service in services {
            let container = containers.iter().find(|container| container.is_of(service));
            match state(container) {
                State::Ready => {}
                State::Failed(state) => {
                    return unready(engine, service, container, state).await.map(Some);
                }
                State::NotYet(state) => {
                    waiting.get_or_insert((service, container, state));
                }
            }
        }
        let Some((service, container, state)) = waiting else { return Ok(None) };
        if started.elapsed() >= limit {
            let state = format!("still {state} after {} s", limit.as_secs());
            return unready(engine, service, container, state).await.map(Some);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = engine.runner().cancellation().cancelled() => return Err(Error::interrupted()),
        }
    }
}

async fn unready(
    engine: &Engine,
    service: &str,
    container: Option<&Container>,
    state: String,
) -> Result<Unready> {
    let log = match container {
        Some(container) => engine.logs(&container.id, LOG_LINES).await?,
        None => Vec::new(),
    };
    Ok(Unready { service: service.to_owned(), state, log })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(status: &str, health: Option<&str>, exit_code: i64) -> Container {
        Container {
            id: "c".to_owned(),
            service: "s".to_owned(),
            status: status.to_owned(),
            health: health.map(str::to_owned),
            last_probe: Some("connection refused\n".to_owned()),
            exit_code,
            address: None,
            labels: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn only_healthy_running_or_cleanly_ended_services_are_ready() {
        assert!(matches!(state(Some(&container("running", Some("healthy"), 0))), State::Ready));
        assert!(matches!(state(Some(&container("running", None, 0))), State::Ready));
        assert!(matches!(state(Some(&container("exited", None, 0))), State::Ready));
        assert!(matches!(state(Some(&container("exited", Some("healthy"), 0))), State::Failed(_)));
        assert!(matches!(state(Some(&container("exited", None, 1))), State::Failed(_)));
        assert!(matches!(
            state(Some(&container("running", Some("starting"), 0))),
            State::NotYet(_)
        ));
        assert!(matches!(state(None), State::NotYet(_)));
    }

    #[test]
    fn an_unhealthy_service_says_what_its_health_check_saw() {
        let State::Failed(said) = state(Some(&container("running", Some("unhealthy"), 0))) else {
            panic!("an unhealthy service is not ready");
        };
        assert_eq!(said, "unhealthy: connection refused");
    }
}
