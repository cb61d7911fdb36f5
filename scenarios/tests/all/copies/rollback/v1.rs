//! Compose 1.29 starts, attaches to and removes containers in another way than version 2: a
//! restore is killed with it, too.

use scenarios::rehearsal;

use super::physical;
use super::terminal::Copy;

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_restore_killed_with_compose_1_goes_back_by_the_backup_from_before() {
    let copy = Copy::up_with("pgbackrest", Some(rehearsal::compose_v1().await)).await;
    let terminal = copy.terminal().await;
    let ended = match terminal.run(physical::PREPARE_PGBACKREST, 0, &[]).await {
        Ok(()) => physical::delta_killed_at(&terminal, &["recover_to"]).await,
        Err(cause) => Err(cause),
    };
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
