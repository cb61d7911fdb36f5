//! `restore_db.sh`, killed before each of its commands that matter.

use super::killing;
use super::terminal::{Copy, Terminal};
use super::{PREPARE, until_recovered};

pub(super) const RESTORE: &str = "scripts/restore_db.sh --replace --yes \"$BASE\"";

/// The commands before which it is killed, and whether the state before is still the live one.
pub(super) const PHASES: [(&str, bool); 10] = [
    ("verify \"$archive\"", true),
    ("take_backup safety-db", true),
    ("restoring=1", true),
    ("set_aside", true),
    ("restore_database", true),
    ("tail -n \"+$((header", true),
    ("decide", true),
    ("drop_replaced", false),
    ("require_sign_in", false),
    ("say \"restored", false),
];

/// Kills it in phases. The state before must come back each time.
pub(super) async fn killed_in(
    terminal: &Terminal<'_>,
    phases: &[(&str, bool)],
) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    let recover = until_recovered("scripts/restore_db.sh --recover --yes");
    for &(at, before_lives) in phases {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        terminal.killed(at, RESTORE).await.map_err(phase)?;
        terminal.run(&recover, 0, &[]).await.map_err(phase)?;
        if !before_lives {
            let differs = terminal.unchanged_since(&before).await.is_err();
            if !differs {
                return Err(phase("it was decided, and yet nothing is restored".to_owned()));
            }
            let safety = "scripts/restore_db.sh --replace --yes --no-safety-backup \
                \"$(find \"$BACKUP_DIR\" -name 'safety-db-*.sql.*' ! -name '*.sha256' | sort | tail -n 1)\"";
            terminal.run(safety, 0, &["restore_db: restored"]).await.map_err(phase)?;
        }
        terminal.unchanged_since(&before).await.map_err(phase)?;
    }
    Ok(())
}

async fn rolled_back(terminal: &Terminal<'_>) -> Result<(), String> {
    killed_in(terminal, &PHASES).await?;
    // Nothing is in the way of a clean retry.
    let before = terminal.fingerprint().await?;
    terminal.run(RESTORE, 0, &["restore_db: restored"]).await?;
    match terminal.unchanged_since(&before).await {
        Ok(()) => Err("the retry restored nothing".to_owned()),
        Err(_) => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restore_killed_in_any_phase_is_rolled_back_exactly() {
    let copy = Copy::up("pg-dump").await;
    let terminal = copy.terminal().await;
    let ended = match terminal.run(&[PREPARE, killing::PREPARE].concat(), 0, &[]).await {
        Ok(()) => rolled_back(&terminal).await,
        Err(cause) => Err(cause),
    };
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
