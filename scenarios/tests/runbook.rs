//! The operators' runbook under sabotage: every block of it is damaged, found out with its line,
//! and then run intact.

use std::fs;
use std::path::Path;

use harness::drill::Standing;
use harness::model::event::Events;
use harness::runbook::{Role, Runbook, Step, Walk, sources, unprinted};
use scenarios::rehearsal;
use tokio_util::sync::CancellationToken;

/// What blocks begin to work with; the first of these in a block is misspelt.
const PROGRAMS: [&str; 12] = [
    "scripts/",
    "docker compose",
    "cargo xtask",
    "rclone ",
    "timeout ",
    "curl",
    "systemd-analyze ",
    "crontab ",
    "ls ",
    "df ",
    "find ",
    "mv ",
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

#[tokio::test(flavor = "multi_thread")]
async fn every_block_does_what_the_text_says_and_none_does_when_it_is_damaged() {
    let runbook = Runbook::parse(&text()).expect("the runbook is intact");
    let base = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let drill = rehearsal::drill(base.path());
    let standing = drill.stand(&Events::ignored(), CancellationToken::new()).await;
    let standing: Standing = standing.expect("the copy comes up");
    let walk = Walk::prepare(&runbook, &standing, &drill, &Events::ignored()).await;
    let walk = walk.expect("the walk is prepared");
    let mut wrong = None;
    for step in &runbook.steps {
        if let Role::Run { .. } = step.role {
            let broken = walk.step(&damaged(step)).await.expect("it runs");
            if broken.is_none_or(|broken| broken.fault.line != step.line) {
                wrong = Some(format!("line {}: the damaged block passed", step.line));
                break;
            }
        }
        if let Some(broken) = walk.step(step).await.expect("it runs") {
            wrong = Some(format!("{}\n{}", broken.fault, broken.printed.join("\n")));
            break;
        }
    }
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
