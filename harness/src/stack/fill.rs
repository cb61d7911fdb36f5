//! Volumes of the copy that stand for folders of the host, filled from these before anything
//! starts. The original is mounted read-only, always, and only while it is copied.

use std::path::Path;
use std::time::Duration;

use super::OwnedStack;
use super::isolation::Fill;
use crate::error::{Error, Result};
use crate::model::event::Events;

/// Bounds the copying of a large folder.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Exit code of the script below: some files changed or went while they were read.
const CHANGED: i32 = 10;

/// Exit code of the script below: there is something in the volume.
const TAKEN: i32 = 11;

/// Copies `/from` to `/store`, without the paths that it is given. Prints files that a server has
/// for as long as it runs. tar tells what changed (1) from what cannot be read (2), and leaves
/// out sockets, at whose copies nobody would listen.
const SCRIPT: &str = r#"
[ -z "$(ls -A /store)" ] || exit 11
find /from -maxdepth 6 -type f \( -name postmaster.pid -o -name mongod.lock -size +0 -o \
    \( -name '*-wal' -o -name '*-shm' \) -exec sh -c 'test -f "${1%-???}"' sh {} \; \) \
    -printf '%P\n' 2>/dev/null | head -n 3
apart=(); for path in "$@"; do apart+=("--exclude=./$path"); done
tar --create --format=posix --acls --xattrs --numeric-owner --sparse --blocking-factor=128 \
    --anchored --no-wildcards "${apart[@]}" --directory=/from --file=- . |
tar --extract --same-owner --same-permissions --numeric-owner --acls --xattrs \
    '--xattrs-include=*' --blocking-factor=128 --directory=/store --file=-
codes=("${PIPESTATUS[@]}")
[ "${codes[1]}" -eq 0 ] && [ "${codes[0]}" -le 1 ] || exit 2
[ "${codes[0]}" -eq 0 ] || exit 10
"#;

impl OwnedStack {
    /// Fills the volumes that stand for folders of the host. Creates the stack for it, where there
    /// are any; starts nothing. A copy that is unsafe, because a server may have had the folder open,
    /// is said in an event.
    ///
    /// For the start of a drill alone: what comes after the disaster has to come from the backup, so
    /// neither [`create`](Self::create) nor [`up`](Self::up) fills anything, and a volume that holds
    /// something already is not filled.
    ///
    /// # Errors
    /// Undecided when a folder cannot be read, by its path, or a volume is not empty.
    pub async fn fill(&self, events: &Events) -> Result<()> {
        let fills = self.sealed().fills.clone();
        if fills.is_empty() {
            return Ok(());
        }
        self.create().await?;
        for (done, fill) in fills.iter().enumerate() {
            let what = format!("copy {}", fill.from.display());
            events.progress(what, done as u64, Some(fills.len() as u64));
            self.fill_one(fill, events).await?;
        }
        Ok(())
    }

    async fn fill_one(&self, fill: &Fill, events: &Events) -> Result<()> {
        let (volume, from) = (self.volume(&fill.volume)?, fill.from.display());
        let words = ["bash", "-c", SCRIPT, "bash"].map(Into::into).into_iter();
        let words = words.chain(self.apart(fill));
        let copied = self.beside_from(&volume, &fill.from, words).timeout(LIMIT).run().await?;
        // What was not copied from here is said of its own folder.
        let is_own =
            |line: &&str| !fill.apart.iter().any(|apart| Path::new(line).starts_with(apart));
        for line in copied.text().lines().filter(is_own) {
            events.note(format!(
                "the copy of {from} is unsafe: {line} says that a server had it open; what it can \
                still be read for is judged all the same"
            ));
        }
        match copied.exit_code {
            Some(0) => Ok(()),
            Some(CHANGED) => {
                let tail = copied.complaint();
                events
                    .note(format!("the copy of {from} is unsafe: files changed meanwhile: {tail}"));
                Ok(())
            }
            Some(TAKEN) => Err(Error::undecided(format!(
                "cannot fill volume {:?} from {from}: there is something in it already",
                fill.volume
            ))
            .hint(
                "a copy is filled once, before anything starts: `cargo xtask clean`, then again",
            )),
            _ => Err(copied
                .require(|| format!("cannot copy {from} into volume {:?}", fill.volume))
                .map_or_else(|cause| cause, |_| Error::undecided("a copy failed"))
                .hint(
                    "the engine has to read all of it; see who may, or leave the service out with \
                    --without SERVICE",
                )),
        }
    }

    /// Paths below the folder that are not copied: those that have volumes of their own, and where
    /// the run itself works, should that lie there.
    pub(crate) fn apart(&self, fill: &Fill) -> Vec<std::ffi::OsString> {
        let work = self.file().parent().and_then(|work| work.canonicalize().ok());
        let run = work.as_deref().and_then(Path::parent);
        let own = run.and_then(|run| run.strip_prefix(&fill.from).ok());
        let own = own.filter(|own| !own.as_os_str().is_empty()).map(Path::to_owned);
        fill.apart.iter().cloned().chain(own).map(Into::into).collect()
    }
}
