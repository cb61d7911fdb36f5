//! The host is lost: of the stack nothing is left but the artefact and its files.

use std::time::Duration;

use super::Struck;
use crate::error::Result;
use crate::stack::Site;

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    site.stack.tear_down(Duration::ZERO).await?;
    let left = site.stack.resources().await?;
    let survivors = left.into_iter().map(|name| format!("{name} is still there"));
    Ok(Struck::new("no container, volume or network of the stack is left", survivors))
}
