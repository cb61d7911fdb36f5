//! What a drill would do.

use crate::console::{Console, too_wide};

#[test]
fn a_dry_run_prints_the_plan() {
    let console = Console::new();
    let planned = console.run("dr-drill --dry-run");
    assert_eq!(planned.exit_code, 0, "{planned:#?}");
    assert_eq!(too_wide(&planned.said), Vec::<&str>::new());
    console.assert_snapshot("dry-run", &planned.said);
}

#[test]
fn a_dry_run_for_a_program_is_one_plan_and_says_that_nothing_was_rehearsed() {
    let planned = Console::new().run("dr-drill --dry-run --disaster host --format json");
    let (lines, verdict) = (planned.lines(), planned.verdict());
    assert_eq!(lines[0]["event"], "plan");
    assert_eq!(lines[0]["plan"]["disaster"], "host");
    assert_eq!(verdict["dry_run"], true);
}
