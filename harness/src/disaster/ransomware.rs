//! Every file is overwritten in place. Names, sizes and dates stay: what counts files sees
//! nothing.

use super::Struck;
use super::files::ruin;
use crate::error::Result;
use crate::stack::Site;

/// Perl is in every Debian image. The bytes are inverted, so that each file changes for certain.
const SCRIPT: &str = "\
    list=$(mktemp); find . -type f -size +0 -print0 | LC_ALL=C sort -z > $list; \
    xargs -0 -r sha256sum -z < $list > $list.before; \
    xargs -0 -r perl -e 'for my $name (@ARGV) { \
        my ($accessed, $modified) = (stat $name)[8, 9]; \
        open my $file, \"+<:raw\", $name or die \"$name: $!\"; \
        my $at = 0; \
        while (my $read = read $file, my $block, 1 << 20) { \
            seek $file, $at, 0 or die; print $file ~$block or die; \
            $at += $read; seek $file, $at, 0 or die; } \
        close $file or die; utime $accessed, $modified, $name or die; }' < $list; \
    find . -type f -size +0 -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -z > $list.after; \
    tr -dc '\\0' < $list.before | wc -c; tr -dc '\\0' < $list.after | wc -c; \
    sort -z $list.before > $list.a; sort -z $list.after | comm -z -12 $list.a - | tr -dc '\\0' | wc -c";

pub(super) async fn strike(site: &Site<'_>) -> Result<Struck> {
    let [before, after, unchanged] = ruin(site, SCRIPT).await?;
    let survivors = [
        (before == 0).then(|| "there was no file to overwrite".to_owned()),
        (before != after).then(|| format!("{before} files became {after}")),
        (unchanged > 0).then(|| format!("{unchanged} files are as they were")),
    ];
    let seen = format!("{after} files are overwritten and keep their names");
    Ok(Struck::new(seen, survivors.into_iter().flatten()))
}
