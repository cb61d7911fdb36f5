//! The operators' runbook under sabotage: every block of it is damaged, found out with its line,
//! and then run intact.

use std::fs;
use std::path::Path;

use harness::drill::Standing;
use harness::model::event::Events;
use harness::runbook::{Role, Runbook, Step, Walk, sources, unprinted};
use scenarios::rehearsal;
use scenarios::turn::{self, Fixture};
use tokio_util::sync::CancellationToken;

/// What blocks begin to work with; the first of these in a block is misspelt.
const PROGRAMS: [&str; 13] = [
    "scripts/",
    "docker compose",
    "cargo xtask",
    "rclone ",
    "timeout ",
    "curl",
    "systemd-analyze ",
    "crontab ",
    "journalctl ",
    "ls ",
    "df ",
    "find ",
    "mv ",
];

/// Turns WAL archiving on, without which the other cannot be.
const ARCHIVING: &str = "activer l'archivage";
const NEEDS_ARCHIVING: &str = "sauvegarde physique";

/// A change in an earlier block, a file or a command, that a later one must find out.
struct Fault {
    seen_by: &'static str,
    planted_in: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn fault(
    seen_by: &'static str,
    planted_in: &'static str,
    from: &'static str,
    to: &'static str,
) -> Fault {
    Fault { seen_by, planted_in, from, to }
}

const FAULTS: [Fault; 9] = [
    fault("vérifier la table cron", "table cron", "30 2 *", "30 25 *"),
    fault("vérifier les unités systemd", "minuterie systemd", "*-*-* 02:30:00", "*-*-* 03:30:00"),
    fault("vérifier les unités systemd", "service systemd", "backup_nightly.sh", "nightly.sh"),
    fault("essayer le mail", "relais de mail", "host smtp.example.org", "host smtp.example.com"),
    // One minute late, cron has not run when the block is.
    fault("lire la nuit", "table cron", "30 2 *", "31 2 *"),
    fault("lire la nuit", "table cron", "backup_nightly.sh", "nightly.sh"),
    fault("lire la nuit", "réglages de la nuit", "NOTIFY_MAIL=", "NOTIFY_MALI="),
    fault("vérifier la table cron des journaux", "table cron des journaux", "45 *", "65 *"),
    // The end of the log has the mistake in it.
    fault("comparer la base à l'instant", "revenir à un instant", "\"$INSTANT\"", "latest"),
];

fn text() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbook_backup_restore.md");
    fs::read_to_string(file).expect("the runbook is there")
}

/// The block with its first program misspelt: nothing behind that runs.
fn damaged(step: &Step) -> Step {
    let found = PROGRAMS.iter().filter_map(|program| step.text.find(program));
    let at = found.min().unwrap_or_else(|| panic!("nothing to damage in {step:?}"));
    let mut text = step.text.clone();
    text.insert_str(at, "misspelt-");
    Step { text, ..step.clone() }
}

/// Goes through the runbook; before each block does what it must, it and what it depends on are
/// damaged. Gives back what was not found out, or what does not hold intact.
async fn sabotage(runbook: &Runbook, walk: &Walk<'_>) -> Result<(), String> {
    for step in &runbook.steps {
        if let Role::Run { .. } = step.role {
            must_break(walk, &damaged(step), "its program misspelt").await?;
        }
        if step.name == ARCHIVING {
            let backup = runbook.steps.iter().find(|step| step.name == NEEDS_ARCHIVING);
            must_break(walk, backup.expect("a step"), "no WAL archived").await?;
        }
        for fault in FAULTS.iter().filter(|fault| fault.seen_by == step.name) {
            let Fault { planted_in, from, to, .. } = fault;
            let intact = runbook.steps.iter().find(|step| step.name == *planted_in);
            let intact = intact.unwrap_or_else(|| panic!("no step {planted_in}"));
            assert!(intact.text.contains(from), "{planted_in} has no {from:?}");
            let text = intact.text.replacen(from, to, 1);
            must_hold(walk, &Step { text, ..intact.clone() }).await?;
            must_break(walk, step, to).await?;
            must_hold(walk, intact).await?;
        }
        must_hold(walk, step).await?;
    }
    Ok(())
}

async fn must_break(walk: &Walk<'_>, step: &Step, fault: &str) -> Result<(), String> {
    match walk.step(step).await.expect("it runs") {
        Some(broken) if broken.fault.line == step.line => Ok(()),
        _ => Err(format!("line {}: passed with {fault}", step.line)),
    }
}

async fn must_hold(walk: &Walk<'_>, step: &Step) -> Result<(), String> {
    let broken = walk.step(step).await.expect("it runs");
    broken.map_or(Ok(()), |broken| Err(format!("{}\n{}", broken.fault, broken.printed.join("\n"))))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_does_what_the_text_says_and_none_does_when_it_is_damaged() {
    let _turn = turn::take(Fixture::Sweep);
    let runbook = Runbook::parse(&text()).expect("the runbook is intact");
    let base = crate::reports();
    let drill = rehearsal::drill(base.path());
    let standing = drill.stand(&Events::ignored(), CancellationToken::new()).await;
    let standing: Standing = standing.expect("the copy comes up");
    let walk = Walk::prepare(&runbook, &standing, &drill, &Events::ignored()).await;
    let walk = walk.expect("the walk is prepared");
    let wrong = sabotage(&runbook, &walk).await.err();
    let run = standing.run.clone();
    drop(walk);
    standing.remove().await.expect("removed");
    assert_eq!(wrong, None);
    assert_eq!(rehearsal::leftovers(run.as_str()).await, Vec::<String>::new());
}

#[test]
fn the_runbook_explains_thirty_messages_that_the_programs_print() {
    let runbook = Runbook::parse(&text()).expect("the runbook is intact");
    assert!(runbook.claims.len() >= 30, "{}", runbook.claims.len());
    let stack = rehearsal::reference_stack();
    let programs = sources(&stack, &runbook.claims[0].sources).expect("the programs are there");
    assert_eq!(unprinted(&runbook.claims, &programs), Vec::<&harness::runbook::Claim>::new());
    // A program that words one of them otherwise is found out.
    let reworded =
        programs.iter().map(|text| text.replace("the database is not empty", "it is full"));
    let missing = unprinted(&runbook.claims, &reworded.collect::<Vec<_>>()).len();
    assert_eq!(missing, 1);
}
