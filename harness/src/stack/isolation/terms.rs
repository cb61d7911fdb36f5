//! What the operator says of a stack before it is judged.

use crate::config::HostNetwork;

/// What the operator says of a stack before it is judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Services that are left out of the copy.
    pub without: &'a [String],
    /// What becomes of services that use the host's network.
    pub host_network: HostNetwork,
}
