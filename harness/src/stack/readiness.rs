//! Waiting until services are ready, bounded. What is not ready says its last state and why.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::checks::Checks;
use super::engine::{Container, Engine};
use super::watch::{Happening, Watch};
use crate::error::{Error, Result};

/// Services say when they are ready, and so does the engine. For what neither told there is a look
/// after this time, and after twice the time since the last one.
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
    /// Whether it has a container.
    pub is_there: bool,
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

/// A service that is waited for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// Whether others wait for it to end with success: a health check has no say in that.
    pub(super) is_job: bool,
}

enum State {
    Ready,
    NotYet(String),
    Failed(String),
}

/// The state of a service: all its containers have to be ready, and the first that is not says why.
fn state<'a>(service: &Wanted, containers: &'a [Container]) -> (State, Option<&'a Container>) {
    let own = containers.iter().filter(|container| container.is_of(&service.name));
    let states = own.map(|container| (state_of(container, service.is_job), Some(container)));
    let states = states.collect::<Vec<_>>();
    let none = (State::NotYet("no container yet".to_owned()), None);
    // One that has failed says more than one that is not ready yet.
    let rank = |(state, _): &(State, _)| match state {
        State::Failed(_) => 0,
        State::NotYet(_) => 1,
        State::Ready => 2,
    };
    states.into_iter().min_by_key(rank).unwrap_or(none)
}

fn state_of(container: &Container, is_job: bool) -> State {
    let probe = container.last_probe.as_deref().unwrap_or_default().trim();
    let health = container.health.as_deref().filter(|_| !is_job);
    match (container.status.as_str(), health) {
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
    services: &[Wanted],
    limit: Duration,
    watch: &mut Watch,
) -> Result<Awaited> {
    let deadline = Instant::now() + limit;
    let mut containers = engine.containers(label).await?;
    let (mut looked, mut pause) = (Instant::now(), LOOK_FIRST);
    let (mut checks, mut healthy) = (Checks::default(), BTreeSet::new());
    loop {
        checks.begin(engine, starting(&containers, services));
        let Some((service, state, container)) = first_unready(&containers, services) else {
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
            let unready = unready(engine, service, container, why).await?;
            return Ok(Awaited { containers, unready: Some(unready) });
        }
        let happening = tokio::select! {
            happening = watch.next() => happening,
            id = checks.next() => Happening::Healthy(id),
            () = tokio::time::sleep_until(deadline.min(looked + pause)) => {
                pause = LOOK_LAST.min(pause * 2);
                Happening::Other
            }
            () = engine.runner().cancellation().cancelled() => return Err(Error::interrupted()),
        };
        match happening {
            Happening::Healthy(id) => drop(healthy.insert(id)),
            Happening::Other => {
                looked = Instant::now();
                containers = engine.look_at(&containers).await?;
            }
        }
        note(&mut containers, &healthy);
    }
}

/// Takes those at their word that said so before the engine has asked them.
fn note(containers: &mut [Container], healthy: &BTreeSet<String>) {
    let said = |it: &&mut Container| healthy.contains(&it.id) && is_starting(it);
    for container in containers.iter_mut().filter(said) {
        container.health = Some("healthy".to_owned());
    }
}

/// Whether it runs, and its health check has neither succeeded nor failed for good.
fn is_starting(container: &Container) -> bool {
    container.status == "running" && container.health.as_deref() == Some("starting")
}

fn starting<'a>(
    containers: &'a [Container],
    services: &'a [Wanted],
) -> impl Iterator<Item = &'a Container> {
    let is_meant = |container: &Container| services.iter().any(|it| container.is_of(&it.name));
    containers.iter().filter(move |container| is_meant(container) && is_starting(container))
}

/// The first service that has failed, with the end of its log.
pub(super) async fn ended(
    engine: &Engine,
    containers: &[Container],
    services: &[Wanted],
) -> Result<Option<Unready>> {
    match first_unready(containers, services) {
        Some((service, State::Failed(why), container)) => {
            unready(engine, service, container, why).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// The services that have failed or do not run, and in what state they are. One that runs and that
/// the engine has yet to ask for its health is not among them: it may have been asked otherwise.
pub(super) fn failed(containers: &[Container], services: &[Wanted]) -> Vec<String> {
    let states = services.iter().map(|service| (service, state(service, containers)));
    let failed = states.filter_map(|(service, (state, container))| match state {
        State::NotYet(why) if container.is_none_or(|it| it.status != "running") => {
            Some(format!("{}: {why}", service.name))
        }
        State::Failed(why) => Some(format!("{}: {why}", service.name)),
        State::Ready | State::NotYet(_) => None,
    });
    failed.collect()
}

/// The first service that has failed, or else the first that is not ready yet, with the container
/// that says so.
fn first_unready<'a>(
    containers: &'a [Container],
    services: &'a [Wanted],
) -> Option<(&'a str, State, Option<&'a Container>)> {
    let states = services.iter().map(|service| {
        let (state, container) = state(service, containers);
        (service.name.as_str(), state, container)
    });
    let (failed, rest): (Vec<_>, Vec<_>) =
        states.partition(|(_, state, _)| matches!(state, State::Failed(_)));
    let waiting = rest.into_iter().filter(|(_, state, _)| !matches!(state, State::Ready));
    failed.into_iter().chain(waiting).next()
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
    let is_there = container.is_some();
    Ok(Unready { service: service.to_owned(), state, log, is_there })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(status: &str, health: Option<&str>, exit_code: i64) -> Container {
        Container {
            id: "c".to_owned(),
            image: String::new(),
            started_at: String::new(),
            service: "s".to_owned(),
            status: status.to_owned(),
            health: health.map(str::to_owned),
            check: Vec::new(),
            last_probe: Some("connection refused\n".to_owned()),
            exit_code,
            networks: Vec::new(),
            attached: None,
            mounts: Vec::new(),
            upper: None,
            labels: std::collections::BTreeMap::new(),
        }
    }

    fn wanted(name: &str) -> Wanted {
        Wanted { name: name.to_owned(), is_job: false }
    }

    fn state(status: &str, health: Option<&str>, exit_code: i64) -> State {
        super::state(&wanted("s"), &[container(status, health, exit_code)]).0
    }

    #[test]
    fn only_healthy_running_or_cleanly_ended_services_are_ready() {
        assert!(matches!(state("running", Some("healthy"), 0), State::Ready));
        assert!(matches!(state("running", None, 0), State::Ready));
        assert!(matches!(state("exited", None, 0), State::Ready));
        assert!(matches!(state("exited", Some("healthy"), 0), State::Failed(_)));
        assert!(matches!(state("exited", None, 1), State::Failed(_)));
        assert!(matches!(state("running", Some("starting"), 0), State::NotYet(_)));
        assert!(matches!(super::state(&wanted("s"), &[]).0, State::NotYet(_)));
    }

    #[test]
    fn a_job_is_ready_when_it_has_succeeded_whatever_its_image_checks() {
        let job = Wanted { is_job: true, ..wanted("s") };
        let state =
            |exit_code| super::state(&job, &[container("exited", Some("unhealthy"), exit_code)]).0;
        assert!(matches!(state(0), State::Ready));
        assert!(matches!(state(1), State::Failed(_)));
    }

    #[test]
    fn a_service_is_ready_when_all_its_containers_are() {
        let of = |id: &str, health: &str| Container {
            id: id.to_owned(),
            ..container("running", Some(health), 0)
        };
        let state = |others: [&str; 2]| {
            let containers = [of("0", "healthy"), of("1", others[0]), of("2", others[1])];
            let (state, container) = super::state(&wanted("s"), &containers);
            (state, container.map(|container| container.id.clone()))
        };
        assert!(matches!(state(["healthy", "healthy"]).0, State::Ready));
        let (starting, said_by) = state(["healthy", "starting"]);
        assert!(matches!(starting, State::NotYet(_)) && said_by.as_deref() == Some("2"));
        let (failed, said_by) = state(["starting", "unhealthy"]);
        assert!(matches!(failed, State::Failed(_)) && said_by.as_deref() == Some("2"));
    }

    #[test]
    fn what_a_service_said_outlives_a_look_but_not_its_failure() {
        let said = BTreeSet::from(["c".to_owned()]);
        let noted = |status, health| {
            let mut containers = [container(status, Some(health), 0)];
            note(&mut containers, &said);
            let [container] = containers;
            container.health.unwrap_or_default()
        };
        assert_eq!(noted("running", "starting"), "healthy");
        assert_eq!(noted("running", "unhealthy"), "unhealthy");
        assert_eq!(noted("exited", "starting"), "starting");
    }

    #[test]
    fn a_service_that_has_failed_is_named_before_one_that_is_not_ready_yet() {
        let services = ["first", "second", "third"].map(wanted);
        let of = |service: &str, status| Container {
            service: service.to_owned(),
            ..container(status, None, 1)
        };
        let containers = [of("first", "running"), of("second", "created"), of("third", "exited")];
        let named = |containers| first_unready(containers, &services).map(|it| it.0);
        assert_eq!(named(&containers), Some("third"));
        assert_eq!(named(&containers[..2]), Some("second"));
        assert_eq!(first_unready(&containers[..1], &services[..1]).map(|it| it.0), None);
    }

    #[test]
    fn a_service_that_runs_is_not_down_because_nobody_has_asked_it_yet() {
        let services = [Wanted { name: "s".to_owned(), is_job: false }];
        let down = |status: &str, health: Option<&str>, exit_code| {
            failed(&[container(status, health, exit_code)], &services)
        };
        assert_eq!(down("running", Some("starting"), 0), Vec::<String>::new());
        assert_eq!(down("exited", None, 0), Vec::<String>::new());
        assert_eq!(down("exited", None, 1), ["s: exited with code 1"]);
        assert_eq!(down("restarting", None, 0), ["s: restarting"]);
        assert_eq!(failed(&[], &services), ["s: no container yet"]);
    }

    #[test]
    fn an_unhealthy_service_says_what_its_health_check_saw() {
        let State::Failed(said) = state("running", Some("unhealthy"), 0) else {
            panic!("an unhealthy service is not ready");
        };
        assert_eq!(said, "unhealthy: connection refused");
    }
}
