//! What disasters of the media store share: a shell in a container that sees nothing else.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::stack::Site;

/// Bounds the ruin of a large store.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Runs a script with the media store at `/store`. It prints numbers, as many as are expected:
/// what was there, what it did, what it found afterwards.
pub(super) async fn ruin<const N: usize>(site: &Site<'_>, script: &str) -> Result<[u64; N]> {
    let media = site.media.ok_or_else(|| {
        Error::usage("the stack has no media store to lose")
            .hint("drill.toml names it under [media]; choose another --disaster")
    })?;
    let script = format!("set -eu; cd /store; {script}");
    let command = site.stack.beside(media, false, ["sh", "-c", &script]).timeout(LIMIT);
    let output = command.run().await?.require(|| format!("cannot ruin {}", media.name))?;
    let text = output.text();
    let numbers = text.split_whitespace().map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
    let numbers = numbers.ok().and_then(|numbers| <[u64; N]>::try_from(numbers).ok());
    numbers.ok_or_else(|| Error::undecided(format!("cannot read {text:?} as {N} numbers")))
}
