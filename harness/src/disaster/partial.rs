//! One third of the files is gone, as after a failed disk of an array or a bad copy.

use super::Struck;
use super::files::ruin;
use crate::error::Result;
use crate::stack::Site;

/// Names in the order of their bytes; every third of them goes.
const SCRIPT: &str = "\
    list=$(mktemp); find . -type f -print0 | LC_ALL=C sort -z > $list; \
    tr -dc '\\0' < $list | wc -c; \
    LC_ALL=C sed -z -n '1~3p' $list | tee $list.lost | xargs -0 -r rm --; \
    tr -dc '\\0' < $list.lost | wc -c; find . -type f -printf . | wc -c";

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let [before, lost, left] = ruin(site, SCRIPT).await?;
    let survivors = [
        (lost == 0).then(|| "there was no file to lose".to_owned()),
        (before - lost.min(before) != left)
            .then(|| format!("of {before} files {lost} were deleted, and {left} are left")),
    ];
    Ok(Struck::new(format!("{lost} of {before} files are gone"), survivors.into_iter().flatten()))
}
