//! Volumes of the copy that stand for folders of the host, filled from these before anything
//! starts. The original is mounted read-only, always, and only while it is copied; an engine that does
//! not see this host's folders has it read here, and sent.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::isolation::Fill;
use super::{OwnedStack, OwnedVolume};
use crate::error::{Error, Result};
use crate::model::event::Events;
use crate::process::Output;

/// Bounds the copying of a large folder.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Exit code of the script below: some files changed or went while they were read.
const CHANGED: i32 = 10;

/// Exit code of the script below: there is something in the volume.
const TAKEN: i32 = 11;

/// Copies a folder to `/store`, without the paths that it is given. Prints files that a server has
/// for as long as it runs. tar tells what changed (1) from what cannot be read (2), and leaves
/// out sockets, at whose copies nobody would listen.
const STEPS: &str = r#"
servers() {
    find "$1" -maxdepth 6 -type f \( -name postmaster.pid -o -name mongod.lock -size +0 -o \
        \( -name '*-wal' -o -name '*-shm' \) -exec sh -c 'test -f "${1%-???}"' sh {} \; \) \
        -printf '%P\n' 2>/dev/null | head -n 3
}
take() {
    local from=$1 path apart=(); shift
    for path in "$@"; do apart+=("--exclude=./$path"); done
    tar --create --format=posix --acls --xattrs --numeric-owner --sparse --blocking-factor=128 \
        --anchored --no-wildcards "${apart[@]}" --directory="$from" --file=- .
}
put() {
    tar --extract --same-owner --same-permissions --numeric-owner --acls --xattrs \
        '--xattrs-include=*' --blocking-factor=128 --directory=/store --file=-
}
[ "$1" = take ] || [ "$1" = servers ] || [ -z "$(ls -A /store)" ] || exit 11
"$@"
"#;

/// The whole of it, where one container sees both.
const COPY: &str = r#"
copy() {
    servers /from
    take /from "$@" | put
    local codes=("${PIPESTATUS[@]}")
    [ "${codes[1]}" -eq 0 ] && [ "${codes[0]}" -le 1 ] || exit 2
    [ "${codes[0]}" -eq 0 ] || exit 10
}
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
        let (opened, copied) = if self.has_files() {
            let script = format!("{COPY}{STEPS}");
            let words = words(&script, ["copy".into()].into_iter().chain(self.apart(fill)));
            let copied = self.beside_from(&volume, &fill.from, words).timeout(LIMIT).run().await?;
            (copied.text(), copied)
        } else {
            self.carry_fill(&volume, fill).await?
        };
        // What was not copied from here is said of its own folder.
        let is_own =
            |line: &&str| !fill.apart.iter().any(|apart| Path::new(line).starts_with(apart));
        for line in opened.lines().filter(is_own) {
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
                    "whoever copies has to read all of it: the engine, or for an engine elsewhere who \
                     runs the drill; or leave the service out with --without SERVICE",
                )),
        }
    }

    /// The same through a pipe, for an engine that does not see the folder: what servers have open, and
    /// how the copying ended, in the exit codes of a copy within one container.
    async fn carry_fill(&self, volume: &OwnedVolume, fill: &Fill) -> Result<(String, Output)> {
        let from = fill.from.clone().into_os_string();
        let here = |words: Vec<OsString>| {
            let [program, rest @ ..] = words.as_slice() else {
                return self.runner().command("bash");
            };
            self.runner().command(program).args(rest).timeout(LIMIT)
        };
        let opened = here(words(STEPS, ["servers".into(), from.clone()])).run().await?;
        let take = ["take".into(), from].into_iter().chain(self.apart(fill));
        let put = self.beside(volume, false, words(STEPS, ["put".into()])).timeout(LIMIT);
        let (mut taken, put) = here(words(STEPS, take)).read_by_command(put).await?;
        if !put.succeeded() {
            return Ok((opened.text(), put));
        }
        if taken.exit_code == Some(1) {
            taken.exit_code = Some(CHANGED);
        }
        Ok((opened.text(), taken))
    }

    /// Paths below the folder that are not copied: those that have volumes of their own, and where
    /// the run itself works, should that lie there.
    pub(crate) fn apart(&self, fill: &Fill) -> Vec<OsString> {
        let work = self.file().parent().and_then(|work| work.canonicalize().ok());
        let run = work.as_deref().and_then(Path::parent);
        let own = run.and_then(|run| run.strip_prefix(&fill.from).ok());
        let own = own.filter(|own| !own.as_os_str().is_empty()).map(Path::to_owned);
        fill.apart.iter().cloned().chain(own).map(Into::into).collect()
    }
}

/// A script of the shell, with arguments.
fn words(script: &str, arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let words = ["bash", "-c", script, "bash"].map(OsString::from);
    words.into_iter().chain(arguments).collect()
}
