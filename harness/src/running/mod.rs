//! The running project that a copy is filled from: found, and only read. Nothing here starts,
//! stops, changes or removes anything, and there is no way from a [`Running`] to a value that does.
//!
//! What is read is read by containers of the run's own: one beside the database that shares
//! nothing but its network, and one for each volume that sees it read-only.

mod database;
mod files;
mod find;
mod room;
mod stream;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::files::SourceVolume;
pub(crate) use self::files::{is_read, unrest};
pub use self::find::{Asked, is_running, not_running};
pub use self::room::Room;
pub(crate) use self::stream::{Pace, Streamed, stream};

use crate::error::{Error, Result};
use crate::stack::engine::{Container, Engine};
use crate::stack::reach::Address;
use crate::stack::{Layer, OwnedStack, layers};

/// A project that runs beside the copy.
#[derive(Debug, Clone)]
pub struct Running {
    engine: Engine,
    project: String,
    containers: Vec<Container>,
}

/// A container as it was when the reading began.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    service: String,
    id: String,
    status: String,
    started_at: String,
}

impl Running {
    /// The name of its compose project.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Services of these that have no container that runs, apart from those that ended as they
    /// should.
    #[must_use]
    pub fn down<'a>(&'a self, services: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let is_up = |it: &&Container| {
            it.status == "running" || (it.status == "exited" && it.exit_code == 0)
        };
        let up = |service: &str| self.of(service).any(|it| is_up(&it));
        services.filter(|service| !up(service)).collect()
    }

    /// What became of its containers since they were found: those that are gone, were started
    /// again or ended meanwhile. By their ids, so that one in the place of another is seen.
    pub async fn changed(&self) -> Result<Vec<String>> {
        let now = self.engine.look_at(&self.containers).await?;
        let now = now.iter().map(Seen::of).collect::<Vec<_>>();
        let changed = self.containers.iter().map(Seen::of).filter(|was| !now.contains(was));
        let said = changed.map(|was| {
            let is = now.iter().find(|it| it.id == was.id);
            let is =
                is.map_or("gone".to_owned(), |it| format!("{} since {}", it.status, it.started_at));
            format!("service {}: {} since {}, now {is}", was.service, was.status, was.started_at)
        });
        Ok(said.collect())
    }

    /// What its services have written outside of every volume, by service.
    pub(crate) async fn layers(&self) -> Result<BTreeMap<String, Layer>> {
        layers(&self.engine, &self.containers).await
    }

    /// The containers of a service, those that run first.
    fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers.iter().filter(move |it| it.is_of(service))
    }

    /// The container of a service that runs.
    fn up<'a>(&'a self, service: &'a str) -> Result<&'a Container> {
        let found = self.of(service).find(|it| it.status == "running");
        found.ok_or_else(|| {
            let state = self.of(service).next();
            let state = state.map_or("is not there", |it| it.status.as_str());
            Error::undecided(format!(
                "cannot read project {:?}: its service {service} {state}",
                self.project
            ))
            .hint("start it, or drill with --data empty")
        })
    }

    /// Where this host reaches a service; a relay, where one is needed, is of the copy's run.
    fn address(&self, copy: &OwnedStack, service: &str) -> Result<Address> {
        let container = self.up(service)?;
        copy.address_beside(container).ok_or_else(|| {
            Error::undecided(format!("service {service} of {:?} has no address", self.project))
                .hint("the drill reads the database over its network")
        })
    }

    /// The folder of the engine's host that a service has at a path.
    fn mounted(&self, service: &str, path: &str) -> Option<PathBuf> {
        let path = path.trim_end_matches('/');
        let mounts = self.of(service).flat_map(|it| &it.mounts);
        let mut mounts = mounts.filter(|it| it.path.trim_end_matches('/') == path);
        mounts.find_map(|it| it.source.clone())
    }
}

impl Seen {
    fn of(container: &Container) -> Self {
        Self {
            service: container.service.clone(),
            id: container.id.clone(),
            status: container.status.clone(),
            started_at: container.started_at.clone(),
        }
    }
}
