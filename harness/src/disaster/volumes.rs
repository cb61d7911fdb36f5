//! All volumes are lost. Containers go first and abruptly, as in a power cut.

use super::Struck;
use crate::error::Result;
use crate::stack::Site;

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let volumes = site.stack.volumes().collect::<Vec<_>>();
    site.stack.destroy_containers(&[]).await?;
    site.stack.destroy_volumes(&volumes).await?;
    let left = site.stack.left_of(&volumes).await?;
    let survivors = left.iter().map(|volume| format!("volume {} is still there", volume.name));
    Ok(Struck::new(format!("every container and {} volumes are gone", volumes.len()), survivors))
}
