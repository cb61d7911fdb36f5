//! Compose 1.29 starts, attaches to and removes containers in another way than version 2: each
//! restore is killed in some of its phases with it, too.

use scenarios::rehearsal;

use super::PREPARE;
use super::terminal::{Copy, Terminal};
use super::{database, django, killing, media, physical};

/// Some phases of a table, by name.
///
/// # Panics
/// When the table has no such phase.
fn among<'a, State: std::marker::Copy>(
    table: &[(&'a str, State)],
    names: &[&str],
) -> Vec<(&'a str, State)> {
    let of = |name: &&str| table.iter().find(|(at, _)| at == name).copied();
    names.iter().map(|name| of(name).unwrap_or_else(|| panic!("no phase {name:?}"))).collect()
}

async fn rolled_back(terminal: &Terminal<'_>) -> Result<(), String> {
    terminal.run(&[physical::PREPARE_BASE, killing::PREPARE].concat(), 0, &[]).await?;
    let on_host = among(&physical::ON_HOST, &["cat \"$wal\" \"$base\""]);
    let inside = among(&physical::INSIDE, &["receive_base", "rm -rf -- \"$former\""]);
    physical::killed_in(terminal, &on_host, &inside).await?;

    terminal.run(PREPARE, 0, &[]).await?;
    let on_host = among(&database::PHASES, &["tail -n \"+$((header", "drop_replaced"]);
    database::killed_in(terminal, &on_host).await?;

    let on_host = among(&media::ON_HOST, &["place restore"]);
    let inside = among(&media::INSIDE, &["tar.stdin.close()", "media.settle(root)"]);
    media::killed_in(terminal, &on_host, &inside).await?;

    let inside = ["self.server.psql(creation)", "media.decide(self.root)"];
    django::killed_in(terminal, &among(&django::PHASES, &inside)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_with_compose_1_is_rolled_back_exactly() {
    let copy = Copy::up_with("base-backup", Some(rehearsal::compose_v1().await)).await;
    let terminal = copy.terminal().await;
    let ended = rolled_back(&terminal).await;
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}

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
