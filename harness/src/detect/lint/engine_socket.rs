//! Services that command the engine: they can remove every volume, and no sandbox can hold them.

use super::Warning;
use crate::detect::facts::Facts;

/// Services with the engine's socket.
pub(super) fn held(facts: &Facts<'_>) -> Vec<Warning> {
    let held = facts.services().filter_map(|service| {
        let (name, mount) = (service.name, service.engine_socket()?);
        Some(Warning::new(
            "engine-socket",
            name,
            format!(
                "services.{name}.volumes: {} lets {name} command the engine: it can remove every volume of the host, and a sealed copy cannot have it",
                mount.source
            ),
            format!("put a proxy that filters before the socket; leave the service out of the drill with --without {name}"),
        ))
    });
    held.collect()
}
