//! The media store is emptied: `rm -rf` in the wrong folder.

use super::Struck;
use super::files::ruin;
use crate::error::Result;
use crate::stack::Site;

const SCRIPT: &str = "\
    find . -mindepth 1 -type f -printf . | wc -c; find . -mindepth 1 -delete; \
    find . -mindepth 1 -printf . | wc -c";

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let [before, left] = ruin(site, SCRIPT).await?;
    let survivors = [
        (before == 0).then(|| "the store was empty before: nothing was lost".to_owned()),
        (left > 0).then(|| format!("{left} entries are still there")),
    ];
    Ok(Struck::new(format!("all {before} files are gone"), survivors.into_iter().flatten()))
}
