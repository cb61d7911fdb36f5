//! The way from this host to the services and volumes of an owned stack, and to a project beside it.

use std::path::PathBuf;

use super::{OwnedStack, OwnedVolume};
use crate::error::{Error, Result};
use crate::stack::engine::Container;
use crate::stack::reach::Address;

impl OwnedStack {
    /// Where this host reaches a service of the sealed networks.
    pub async fn address(&self, service: &str) -> Result<Address> {
        // Who lives in another's network has its address.
        let container = self.container(self.sealed.network_of(service)).await?;
        self.address_of(&container).ok_or_else(|| {
            Error::undecided(format!(
                "service {service:?} has no address on a network of the sandbox"
            ))
        })
    }

    /// Where this host reaches a container of the run, if that is on a network.
    pub(crate) fn address_of(&self, container: &Container) -> Option<Address> {
        container.attached.as_ref().map(|at| self.relays.address(at))
    }

    /// Where it reaches one that is only read, if that is on a network.
    pub(crate) fn address_beside(&self, container: &Container) -> Option<Address> {
        let at = container.attached.as_ref()?;
        Some(self.relays.address_beside(&container.id, at))
    }

    /// Where this host can read a volume's files directly: only with a local engine, and as root.
    pub async fn mountpoint(&self, volume: &OwnedVolume) -> Result<Option<PathBuf>> {
        let mountpoint = self.engine.mountpoint(&volume.actual).await?.map(PathBuf::from);
        Ok(mountpoint.filter(|path| path.read_dir().is_ok()))
    }
}
