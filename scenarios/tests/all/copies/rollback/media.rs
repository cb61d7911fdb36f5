//! `restore_media.sh`: all of the store or nothing, wherever it is killed; and what is refused.

use super::killing::{self, Fate};
use super::terminal::{Copy, Terminal};
use super::{PREPARE, refused, until_recovered};

pub(super) const RESTORE: &str = "scripts/restore_media.sh --replace --yes \"$MEDIA\"";
/// The same where there is nothing to be done before it: judged as it is unpacked.
pub(super) const UNPACK: &str =
    "scripts/restore_media.sh --replace --no-safety-backup --yes \"$MEDIA\"";
const RECOVER: &str = "scripts/restore_media.sh --recover --yes";
/// A line at which the store is half replaced.
const BUSY: &str = "media.decide(root)";

/// What came of a restore that was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Before,
    Restored,
}

/// The commands of the script before which it is killed.
pub(super) const ON_HOST: [(&str, State); 5] = [
    ("find_media", State::Before),
    ("take_backup safety-media", State::Before),
    ("restoring=1", State::Before),
    ("place restore", State::Before),
    ("start_application", State::Restored),
];

/// The lines of what it runs in a container before which that is killed.
pub(super) const INSIDE: [(&str, State); 11] = [
    ("staging = media.begin", State::Before),
    ("at[\"apart\"].mkdir", State::Before),
    ("os.rename(tempfile.mkdtemp(", State::Before),
    ("tar.stdin.close()", State::Before),
    ("media.swap(root)", State::Before),
    ("at[\"leaving\"].rename(", State::Before),
    ("entry.rename(Path(root", State::Before),
    ("media.decide(root)", State::Before),
    ("media.settle(root)", State::Restored),
    ("_remove(at[\"done\"])", State::Restored),
    ("at[\"root\"].unlink()", State::Restored),
];

/// Kills it in phases, and then its container alone. The state before must come back each time.
pub(super) async fn killed_in(
    terminal: &Terminal<'_>,
    on_host: &[(&str, State)],
    inside: &[(&str, State)],
) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    terminal.run(RESTORE, 0, &["restore_media: restored"]).await?;
    let restored = terminal.fingerprint().await?;
    if terminal.unchanged_since(&before).await.is_ok() {
        return Err("the restore changed nothing".to_owned());
    }
    let go_back = "scripts/restore_media.sh --replace --yes --no-safety-backup \
        \"$(find \"$BACKUP_DIR\" -name 'safety-media-*.tar.*' ! -name '*.sha256' | sort | tail -n 1)\"";
    terminal.run(go_back, 0, &["restore_media: restored"]).await?;
    let settled = async |state| {
        terminal.run(&until_recovered(RECOVER), 0, &[]).await?;
        if state == State::Restored {
            terminal.unchanged_since(&restored).await?;
            terminal.run(go_back, 0, &["restore_media: restored"]).await?;
        }
        terminal.unchanged_since(&before).await
    };
    for &(at, state) in on_host {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        terminal.killed(at, RESTORE).await.map_err(phase)?;
        settled(state).await.map_err(phase)?;
    }
    for &(at, state) in inside {
        let phase = |cause: String| format!("killed inside at {at}: {cause}");
        terminal.killed_inside("backend", at, RESTORE, Fate::Both).await.map_err(phase)?;
        settled(state).await.map_err(phase)?;
    }
    // The script sees to it.
    terminal.killed_inside("backend", BUSY, RESTORE, Fate::Container).await?;
    terminal.unchanged_since(&before).await
}

async fn rolled_back(terminal: &Terminal<'_>) -> Result<(), String> {
    killed_in(terminal, &ON_HOST, &INSIDE).await?;
    // Only the script dies, and the container is not disturbed; what was interrupted is neither
    // backed up nor restored over.
    let before = terminal.fingerprint().await?;
    let busy = Fate::ContainerLater(RECOVER, "another restore is at work on the media store");
    terminal.killed_inside("backend", BUSY, RESTORE, busy).await?;
    for refused in ["scripts/backup_media.sh", RESTORE] {
        terminal.run(refused, 1, &["was interrupted", "hint:"]).await?;
    }
    let django = "docker compose run --rm --no-deps -T backend python manage.py restore --recover";
    terminal.run(django, 1, &["a restore by restore_media.sh was interrupted"]).await?;
    terminal.run(&until_recovered(RECOVER), 0, &[]).await?;
    terminal.unchanged_since(&before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_restore_is_rolled_back_and_bad_input_changes_nothing() {
    let copy = Copy::up("pg-dump").await;
    let terminal = copy.terminal().await;
    let mut ended = terminal.run(&[PREPARE, killing::PREPARE].concat(), 0, &[]).await;
    if ended.is_ok() {
        ended = rolled_back(&terminal).await;
    }
    if ended.is_ok() {
        ended = refused::all(&terminal).await;
    }
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
