//! `restore_base.sh` and `restore_pgbackrest.sh` over a cluster, killed wherever it matters. The
//! first has a way back; of the second a backup from before is the way.

use super::killing::{self, Fate};
use super::terminal::{Copy, Terminal};
use super::until_recovered;

/// A set from before the changes and one from after them; the application is stopped.
pub(super) const PREPARE_BASE: &str = r#"
docker compose stop backend celery celery-beat proxy
export THEN=$(scripts/backup_base.sh)
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
UPDATE grading_exam SET title = title || ' (later)';
DELETE FROM grading_annotation WHERE id % 3 = 0;
SQL
export NOW=$(scripts/backup_base.sh)
"#;

pub(super) const BASE: &str = "scripts/restore_base.sh --replace --yes \"$THEN\"";
const RECOVER: &str = "scripts/restore_base.sh --recover --yes";
/// The database is not among what `--recover` starts: it did not run.
const START: &str = "docker compose start db";

/// The commands of the script before which it is killed, and whether the state before is there.
pub(super) const ON_HOST: [(&str, bool); 3] =
    [("stop_all", true), ("cat \"$wal\" \"$base\"", true), ("start_all", false)];

/// The commands of what it runs in a container before which that is killed.
pub(super) const INSIDE: [(&str, bool); 14] = [
    ("require_fit", true),
    ("receive_wal", true),
    ("receive_base", true),
    ("wait \"$summing\"", true),
    ("everything_else -exec mv", true),
    ("mv \"$moving\" \"$aside\"", true),
    ("find \"$cluster\"", true),
    ("rm -r -- \"$incoming\"", true),
    ("recover_to", true),
    ("kill -INT \"$server\"", true),
    ("begin_lineage", true),
    ("drop_former", true),
    ("rm -rf -- \"$former\"", false),
    ("echo \"$reached\"", false),
];

/// Kills it in phases, and then its container alone. The state before must come back each time.
pub(super) async fn killed_in(
    terminal: &Terminal<'_>,
    on_host: &[(&str, bool)],
    inside: &[(&str, bool)],
) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    let settled = async |before_lives: bool| {
        terminal.run(&until_recovered(RECOVER), 0, &[]).await?;
        terminal.run(START, 0, &[]).await?;
        if !before_lives {
            if terminal.unchanged_since(&before).await.is_ok() {
                return Err("it was decided, and yet nothing is restored".to_owned());
            }
            let again = "scripts/restore_base.sh --replace --yes \"$NOW\"";
            terminal.run(again, 0, &["restore_base: restored"]).await?;
        }
        terminal.unchanged_since(&before).await
    };
    for &(at, before_lives) in on_host {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        terminal.killed(at, BASE).await.map_err(phase)?;
        settled(before_lives).await.map_err(phase)?;
    }
    for &(at, before_lives) in inside {
        let phase = |cause: String| format!("killed inside at {at}: {cause}");
        terminal.killed_inside("db", at, BASE, Fate::Both).await.map_err(phase)?;
        settled(before_lives).await.map_err(phase)?;
    }
    // The script brings the state back, and starts what it stopped.
    terminal.killed_inside("db", "begin_lineage", BASE, Fate::Container).await?;
    terminal.unchanged_since(&before).await
}

async fn base_rolled_back(terminal: &Terminal<'_>) -> Result<(), String> {
    killed_in(terminal, &ON_HOST, &INSIDE).await?;
    let before = terminal.fingerprint().await?;
    // Only the script dies: nobody disturbs the container, starts a cluster that is to give way or
    // is half restored, or restores over it.
    for at in ["set_aside", "begin_lineage"] {
        let busy = Fate::ContainerLater(RECOVER, "another restore is at work on this volume");
        terminal.killed_inside("db", at, BASE, busy).await?;
        terminal.run(BASE, 1, &["a restore was interrupted", "hint:"]).await?;
        let start = "docker compose run --rm --no-deps -T db";
        let refused = format!("if {start} postgres; then exit 0; else exit 1; fi");
        terminal.run(&refused, 1, &["restore_base.sh --recover"]).await?;
        terminal.run(&until_recovered(RECOVER), 0, &[]).await?;
        terminal.run(START, 0, &[]).await?;
        terminal.unchanged_since(&before).await?;
    }
    // Nothing is in the way of a clean retry.
    terminal.run(BASE, 0, &["restore_base: restored"]).await?;
    match terminal.unchanged_since(&before).await {
        Ok(()) => Err("the retry restored nothing".to_owned()),
        Err(_) => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_of_a_base_backup_killed_in_any_phase_is_rolled_back_exactly() {
    let copy = Copy::up("base-backup").await;
    let terminal = copy.terminal().await;
    let ended = match terminal.run(&[PREPARE_BASE, killing::PREPARE].concat(), 0, &[]).await {
        Ok(()) => base_rolled_back(&terminal).await,
        Err(cause) => Err(cause),
    };
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}

pub(super) const PREPARE_PGBACKREST: &str = r#"
docker compose stop backend celery celery-beat proxy
scripts/backup_pgbackrest.sh --full
scripts/backup_pgbackrest.sh --export --point then
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
UPDATE grading_exam SET title = title || ' (later)';
DELETE FROM grading_annotation WHERE id % 3 = 0;
SQL
scripts/backup_pgbackrest.sh --incremental
scripts/backup_pgbackrest.sh --export --point before
"#;

const PGBACKREST: &str = "scripts/restore_pgbackrest.sh --replace --yes --to then";

/// Where it is killed; what is left is neither the one cluster nor the other.
const DELTA: [&str; 5] =
    ["choose_backup", "recover_to", "kill -INT \"$server\"", "begin_lineage", "echo \"$reached"];

/// Kills it where it is told to. The backup from before must bring that state back each time.
pub(super) async fn delta_killed_at(
    terminal: &Terminal<'_>,
    phases: &[&str],
) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    let go_back = until_recovered("scripts/restore_pgbackrest.sh --replace --yes --to before");
    for at in phases {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        terminal.killed_inside("db", at, PGBACKREST, Fate::Both).await.map_err(phase)?;
        terminal.run(&go_back, 0, &["restore_pgbackrest: restored"]).await.map_err(phase)?;
        terminal.run(START, 0, &[]).await.map_err(phase)?;
        terminal.unchanged_since(&before).await.map_err(phase)?;
    }
    Ok(())
}

async fn pgbackrest_goes_back(terminal: &Terminal<'_>) -> Result<(), String> {
    delta_killed_at(terminal, &DELTA).await?;
    let before = terminal.fingerprint().await?;
    // A clean retry reaches what was asked for.
    terminal.run(PGBACKREST, 0, &["restore_pgbackrest: restored"]).await?;
    match terminal.unchanged_since(&before).await {
        Ok(()) => Err("the retry restored nothing".to_owned()),
        Err(_) => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_restore_that_is_killed_goes_back_by_the_backup_from_before() {
    let copy = Copy::up("pgbackrest").await;
    let terminal = copy.terminal().await;
    let ended = match terminal.run(PREPARE_PGBACKREST, 0, &[]).await {
        Ok(()) => pgbackrest_goes_back(&terminal).await,
        Err(cause) => Err(cause),
    };
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
