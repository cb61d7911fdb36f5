//! Removing what an owned stack has: each thing is checked for the run's label immediately before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::{OwnedStack, OwnedVolume, actual};
use crate::error::{Error, Result};
use crate::model::record::Removed;
use crate::stack::engine::{Container, ResourceKind};
use crate::stack::run::LABEL_RUN;

/// How long removing a stack may take, removals that the engine does not complete included.
const TEAR_DOWN_LIMIT: Duration = Duration::from_secs(600);

impl OwnedStack {
    /// Stops the containers of services as an operator would: each may end what it is doing.
    pub async fn stop(&self, services: &[&str]) -> Result<()> {
        let containers = self.containers().await?;
        self.forget();
        let meant = containers.iter().filter(|it| services.contains(&it.service.as_str()));
        let meant = meant.filter(|it| it.status == "running").collect::<Vec<_>>();
        if let Some(foreign) = meant.iter().find(|container| !self.owns(&container.labels)) {
            return Err(self.refused(ResourceKind::Container, &foreign.id));
        }
        if meant.is_empty() {
            return Ok(());
        }
        let ids = meant.iter().map(|container| container.id.clone());
        let stopped = self.engine.docker(["container", "stop"]).args(ids).run().await?;
        stopped.require(|| "cannot stop the services").map(drop)
    }

    /// Removes the containers of services, all if none is named. As abrupt as a power cut.
    pub async fn destroy_containers(&self, services: &[&str]) -> Result<()> {
        let containers = self.containers().await?;
        self.forget();
        let is_meant =
            |it: &&Container| services.is_empty() || services.contains(&it.service.as_str());
        let meant = containers.iter().filter(is_meant).collect::<Vec<_>>();
        if let Some(foreign) = meant.iter().find(|container| !self.owns(&container.labels)) {
            return Err(self.refused(ResourceKind::Container, &foreign.id));
        }
        let ids = meant.into_iter().map(|container| container.id.clone()).collect::<Vec<_>>();
        self.engine.remove(ResourceKind::Container, &ids).await
    }

    /// Removes volumes and all that is in them.
    pub async fn destroy_volumes(&self, volumes: &[OwnedVolume]) -> Result<()> {
        self.remove_owned(ResourceKind::Volume, &actual(volumes)).await
    }

    /// Which of these volumes the engine still has.
    pub async fn left_of(&self, volumes: &[OwnedVolume]) -> Result<Vec<OwnedVolume>> {
        let labels = self.engine.labels(ResourceKind::Volume, &actual(volumes)).await?;
        let left = volumes.iter().filter(|volume| labels.contains_key(&volume.actual));
        Ok(left.cloned().collect())
    }

    /// Everything that carries this run's label.
    pub async fn resources(&self) -> Result<Vec<String>> {
        let found = self.list().await?;
        let names = found
            .iter()
            .flat_map(|(kind, names)| names.iter().map(|name| format!("{} {name}", kind.noun())));
        Ok(names.collect())
    }

    /// Removes everything that carries this run's label, until nothing new has appeared for
    /// `settle`: an engine finishes what a command that was ended had asked of it. Idempotent. Gives
    /// back what was removed, when the engine lists nothing of it any more.
    ///
    /// # Errors
    /// Undecided when the engine still lists something of it after ten minutes.
    pub async fn tear_down(&self, settle: Duration) -> Result<Removed> {
        self.forget();
        self.relays.close().await;
        self.unload().await;
        let mut all = Removed::default();
        let began = Instant::now();
        let mut quiet_since = began;
        loop {
            let mut removed = None;
            for (kind, names) in self.list().await? {
                self.remove_owned(kind, &names).await?;
                all.of(kind).extend(names.iter().cloned());
                removed = names.last().map(|name| format!("{} {name}", kind.noun())).or(removed);
            }
            if let Some(last) = removed {
                if began.elapsed() > TEAR_DOWN_LIMIT {
                    let limit_s = TEAR_DOWN_LIMIT.as_secs();
                    return Err(Error::undecided(format!(
                        "after {limit_s} s the engine still lists what was removed: {last}"
                    ))
                    .hint("look at the engine's log, then: cargo xtask clean"));
                }
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() >= settle {
                return Ok(all);
            } else {
                tokio::time::sleep(settle / 5).await;
            }
        }
    }

    /// What carries this run's label, by kind, in the order in which it can be removed.
    async fn list(&self) -> Result<Vec<(ResourceKind, Vec<String>)>> {
        let label = self.label();
        let lists = ResourceKind::ALL.map(|kind| {
            let label = &label;
            async move { Ok((kind, self.engine.list(kind, label).await?)) }
        });
        try_join_all(lists).await
    }

    async fn remove_owned(&self, kind: ResourceKind, names: &[String]) -> Result<()> {
        let labels = self.engine.labels(kind, names).await?;
        let foreign = labels.iter().find(|(_, labels)| !self.owns(labels));
        if let Some((name, _)) = foreign {
            return Err(self.refused(kind, name));
        }
        self.engine.remove(kind, &labels.into_keys().collect::<Vec<_>>()).await
    }

    fn owns(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(LABEL_RUN).map(String::as_str) == Some(self.run.as_str())
    }

    fn refused(&self, kind: ResourceKind, name: &str) -> Error {
        let (noun, run) = (kind.noun(), &self.run);
        Error::undecided(format!(
            "refused to remove {noun} {name}: it does not belong to run {run}"
        ))
    }
}

impl Removed {
    fn of(&mut self, kind: ResourceKind) -> &mut BTreeSet<String> {
        match kind {
            ResourceKind::Container => &mut self.containers,
            ResourceKind::Network => &mut self.networks,
            ResourceKind::Volume => &mut self.volumes,
        }
    }
}
