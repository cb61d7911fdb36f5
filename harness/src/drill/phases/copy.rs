//! What a plain copy of the same volumes costs: the bound that a restore is held against.

use std::time::Duration;

use super::Rehearsal;
use crate::error::{Error, Result};
use crate::model::artefact::Store;
use crate::model::phase::Phase;
use crate::model::record::CopyTiming;

/// Bounds the copying of a large volume.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Copies every file of the volume within it, flushes the copy, and prints bytes and
/// nanoseconds. The volume goes with the run: nothing has to be kept in order.
const SCRIPT: &str = "\
    set -eu; cd /store; mkdir .copy; \
    bytes=$(du --summarize --bytes --exclude=.copy . | cut -f 1); sync -f .; \
    began=$(date +%s%N); \
    find . -mindepth 1 -maxdepth 1 ! -name .copy -exec cp --archive --target-directory=.copy {} +; \
    sync -f .; ended=$(date +%s%N); \
    rm -rf .copy; echo $bytes $((ended - began))";

impl Rehearsal<'_> {
    /// Copies the volumes of the database and of the media store, the services being stopped.
    pub(super) async fn copy(&mut self) -> Result<()> {
        self.journal.enter(Phase::Copy);
        let stack = &self.sandbox.stack;
        stack.destroy_containers(&[]).await?;
        let database = self.sandbox.database.as_ref();
        let database = database.and_then(|database| database.volume.as_ref());
        let database = database.map(|volume| stack.volume(volume)).transpose()?;
        let database = database.map(|volume| (Store::Database, volume));
        let media = self.sandbox.media.clone().map(|volume| (Store::Media, volume));
        for (store, volume) in database.into_iter().chain(media) {
            let copied = stack.beside(&volume, false, ["sh", "-c", SCRIPT]).timeout(LIMIT);
            let copied = copied.run().await?.require(|| format!("cannot copy {}", volume.name))?;
            let text = copied.text();
            let numbers = text.split_once(' ').and_then(|(bytes, nanoseconds)| {
                Some((bytes.parse().ok()?, nanoseconds.parse::<u64>().ok()?))
            });
            let Some((bytes, nanoseconds)) = numbers else {
                return Err(Error::undecided(format!("cannot read {text:?} as a time")));
            };
            let seconds = Duration::from_nanos(nanoseconds).as_secs_f64();
            self.found.copies.push(CopyTiming { store, volume: volume.name, bytes, seconds });
        }
        Ok(())
    }
}
