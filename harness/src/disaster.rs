//! Ways to lose everything. Each destroys only what an [`OwnedStack`] owns, and then proves
//! that it did.

use crate::error::Result;
use crate::stack::{OwnedStack, OwnedVolume};

/// Name of the disaster in which all stores are lost.
pub const VOLUMES: &str = "volumes";

/// Removes every container of the stack, then `volumes`; gives back the names of those that
/// are still there. Containers go first and abruptly, as in a power cut.
pub async fn volumes(stack: &OwnedStack, volumes: &[OwnedVolume]) -> Result<Vec<String>> {
    stack.destroy_containers(&[]).await?;
    let mut survivors = Vec::new();
    for volume in volumes {
        stack.destroy_volume(volume).await?;
        if stack.has_volume(volume).await? {
            survivors.push(volume.name.clone());
        }
    }
    Ok(survivors)
}
