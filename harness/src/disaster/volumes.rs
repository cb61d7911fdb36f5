//! All volumes are lost. Containers go first and abruptly, as in a power cut.

use super::Struck;
use crate::error::Result;
use crate::stack::Site;

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let volumes = site.stack.volumes().collect::<Vec<_>>();
    site.stack.destroy_containers(&[]).await?;
    let mut survivors = Vec::new();
    for volume in &volumes {
        site.stack.destroy_volume(volume).await?;
        if site.stack.has_volume(volume).await? {
            survivors.push(format!("volume {} is still there", volume.name));
        }
    }
    Ok(Struck::new(format!("every container and {} volumes are gone", volumes.len()), survivors))
}
