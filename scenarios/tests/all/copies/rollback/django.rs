//! `manage.py restore`, killed before each of its lines that matter.

use harness::model::fingerprint::Certificate;

use super::killing::Fate;
use super::terminal::{Copy, Terminal};
use super::{PREPARE, until_recovered};

/// What runs one of its commands, the name of which follows.
const RUN: &str = "docker compose run --rm --no-deps -T backend python manage.py";
/// Restores what was taken before the changes.
pub(super) const RESTORE: &str = "docker compose run --rm --no-deps -T backend python manage.py \
    restore --input - --yes < \"$ARCHIVE\"";

/// The lines before which it is killed, and whether the state before is still the live one.
pub(super) const PHASES: [(&str, bool); 15] = [
    ("contents = archive.read(stream, judge, root", true),
    ("self._dress(self.staging / path", true),
    ("self._confirm(", true),
    ("self._create_roles()", true),
    ("self.session.execute(f\"COMMENT ON ROLE", true),
    ("self.server.psql(creation)", true),
    ("restoring.verify(", true),
    ("media.swap(self.root)", true),
    ("at[\"leaving\"].rename(", true),
    ("entry.rename(Path(root", true),
    ("end_sessions(self.session", true),
    ("media.decide(self.root)", false),
    ("restoring.settle()", false),
    ("_remove(at[\"done\"])", false),
    ("at[\"staging\"].rmdir()", false),
];

/// Kills it in phases. The state before must come back each time. Gives back the fingerprint of
/// what it restores.
pub(super) async fn killed_in(
    terminal: &Terminal<'_>,
    phases: &[(&str, bool)],
) -> Result<Certificate, String> {
    // Roles that the backup does not know stay, although nobody needs them.
    let go_back = format!(
        "{RUN} restore --input - --yes < \"$NOW\"\n\
         docker compose exec -T --user postgres db sh -c \
         'psql -q -U \"$POSTGRES_USER\" -c \"DROP ROLE only_in_backup\" \"$POSTGRES_DB\"'"
    );
    let recover = until_recovered(&format!("{RUN} restore --recover"));
    let before = terminal.fingerprint().await?;
    terminal.run(RESTORE, 0, &["restore: restored"]).await?;
    let restored = terminal.fingerprint().await?;
    terminal.run(&go_back, 0, &["restore: restored"]).await?;
    terminal.unchanged_since(&before).await?;
    for &(at, before_lives) in phases {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        terminal.killed_inside("backend", at, RESTORE, Fate::Both).await.map_err(phase)?;
        terminal.run(&recover, 0, &[]).await.map_err(phase)?;
        if !before_lives {
            let complete = terminal.unchanged_since(&restored).await;
            complete.map_err(|cause| phase(format!("it was decided: {cause}")))?;
            terminal.run(&go_back, 0, &["restore: restored"]).await.map_err(phase)?;
        }
        terminal.unchanged_since(&before).await.map_err(phase)?;
    }
    Ok(restored)
}

async fn rolled_back(terminal: &Terminal<'_>) -> Result<(), String> {
    let restored = killed_in(terminal, &PHASES).await?;
    // A retry needs nobody to clean up first, and a backup of what is half done is refused.
    let at = "entry.rename(Path(root";
    terminal.killed_inside("backend", at, RESTORE, Fate::Container).await?;
    let backup = format!("{RUN} backup --output -");
    let refused = until_said(&backup, "a restore was interrupted");
    terminal.run(&refused, 0, &[]).await?;
    terminal.run(&until_recovered(&format!("({RESTORE})")), 0, &["restore: restored"]).await?;
    terminal.unchanged_since(&restored).await
}

/// Tries until it says so: the session of what was killed may keep its lock for a moment.
fn until_said(command: &str, words: &str) -> String {
    format!(
        "for attempt in $(seq 60); do \
         said=$({command} 2>&1 > /dev/null || true); \
         case $said in *'{words}'*) exit 0 ;; esac; sleep 1; done; exit 1"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_by_django_killed_in_any_phase_is_rolled_back_exactly() {
    let copy = Copy::up("pg-dump").await;
    let terminal = copy.terminal().await;
    let ended = match terminal.run(PREPARE, 0, &[]).await {
        Ok(()) => rolled_back(&terminal).await,
        Err(cause) => Err(cause),
    };
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
