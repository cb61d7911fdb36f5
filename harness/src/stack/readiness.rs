//! Waiting until services are ready, bounded. What is not ready says its last state and why.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Container, Engine};
use super::watch::{Happening, Watch};
use crate::error::{Error, Result};

/// The engine tells when a health check succeeds. For what it did not tell there is a look after
/// this time, and after twice the time since the last one.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_LAST: Duration = Duration::from_secs(15);

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

/// What came of waiting.
pub(super) struct Awaited {
    /// The containers of the run, as they were last seen.
    pub(super) containers: Vec<Container>,
    /// The first service that is not ready, if any.
    pub(super) unready: Option<Unready>,
}

/// Waits until all `services` are ready. Looks at once, and then when something happens.
pub(super) async fn wait(
    engine: &Engine,
    label: &str,
    services: &[String],
    limit: Duration,
    watch: &mut Watch,
) -> Result<Awaited> {
    let deadline = Instant::now() + limit;
    let mut containers = engine.containers(label).await?;
    let (mut looked, mut pause) = (Instant::now(), LOOK_FIRST);
    loop {
        let Some((service, state)) = first_unready(&containers, services) else {
            return Ok(Awaited { containers, unready: None });
        };
        let why = match state {
            State::Failed(state) => Some(state),
            // By then it was looked at.
            State::NotYet(state) if looked >= deadline => {
                Some(format!("still {state} after {} s", limit.as_secs()))
            }
            State::NotYet(_) | State::Ready => None,
        };
        if let Some(why) = why {
            let unready = unready(engine, service, &containers, why).await?;
            return Ok(Awaited { containers, unready: Some(unready) });
        }
        let happening = tokio::select! {
            happening = watch.next() => happening,
            () = tokio::time::sleep_until(deadline.min(looked + pause)) => {
                pause = LOOK_LAST.min(pause * 2);
                Happening::Other
            }
            () = engine.runner().cancellation().cancelled() => return Err(Error::interrupted()),
        };
        match happening {
            Happening::Healthy(id) => {
                let healthy = containers.iter_mut().filter(|container| container.id == id);
                healthy.for_each(|container| container.health = Some("healthy".to_owned()));
            }
            Happening::Other => {
                looked = Instant::now();
                containers = engine.look_at(&containers).await?;
            }
        }
    }
}

/// The first service that has failed, or else the first that is not ready yet.
fn first_unready<'a>(
    containers: &[Container],
    services: &'a [String],
) -> Option<(&'a String, State)> {
    let states = services.iter().map(|service| {
        let container = containers.iter().find(|container| container.is_of(service));
        (service, state(container))
    });
    let (failed, rest): (Vec<_>, Vec<_>) =
        states.partition(|(_, state)| matches!(state, State::Failed(_)));
    let waiting = rest.into_iter().filter(|(_, state)| !matches!(state, State::Ready));
    failed.into_iter().chain(waiting).next()
}

async fn unready(
    engine: &Engine,
    service: &str,
    containers: &[Container],
    state: String,
) -> Result<Unready> {
    let log = match containers.iter().find(|container| container.is_of(service)) {
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
    fn a_service_that_has_failed_is_named_before_one_that_is_not_ready_yet() {
        let services = ["first", "second", "third"].map(str::to_owned);
        let of = |service: &str, status| Container {
            service: service.to_owned(),
            ..container(status, None, 1)
        };
        let containers = [of("first", "running"), of("second", "created"), of("third", "exited")];
        let named =
            |containers| first_unready(containers, &services).map(|(service, _)| &**service);
        assert_eq!(named(&containers), Some("third"));
        assert_eq!(named(&containers[..2]), Some("second"));
        assert_eq!(first_unready(&containers[..1], &services[..1]).map(|it| it.0), None);
    }

    #[test]
    fn an_unhealthy_service_says_what_its_health_check_saw() {
        let State::Failed(said) = state(Some(&container("running", Some("unhealthy"), 0))) else {
            panic!("an unhealthy service is not ready");
        };
        assert_eq!(said, "unhealthy: connection refused");
    }
}
