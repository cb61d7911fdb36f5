//! The program under a name of its own, outside of the repository: it carries what it reads, and
//! says what is to be typed there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use crate::console::{Answer, Console};
use crate::endings::REFUSED;

const NOWHERE: (&str, &str) = ("DOCKER_HOST", "unix:///nonexistent.sock");

/// Runs a line in an empty folder of a user of its own.
fn run(console: &Console, line: &str) -> Answer {
    fs::create_dir_all(console.path("empty")).expect("created");
    console.run_alone(line, &[NOWHERE])
}

/// The folder of the reference stack, once a command has read it.
fn reference(console: &Console) -> PathBuf {
    let listed = run(console, "runbook check --list");
    assert_eq!(listed.exit_code, 0, "{listed:#?}");
    let entries = fs::read_dir(console.path("cache/dr-drill")).expect("a cache");
    let entries = entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>();
    let [folder] = &entries[..] else { panic!("{entries:?}") };
    folder.clone()
}

#[test]
fn help_and_hints_name_the_program_as_it_was_called() {
    let console = Console::new();
    let help = run(&console, "--help").said;
    console.assert_snapshot("alone-help", &help);
    let names = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let names = names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    let helps = names.map(|name| format!("{name} --help")).collect::<Vec<_>>();
    assert!(helps.len() > 15 && helps.contains(&"run --help".to_owned()), "{helps:?}");
    let refused = REFUSED.iter().map(|(line, _)| *line);
    let more = ["report", "dr-drill --help", "dist", "runbook check", "doctor --format json"];
    for line in helps.iter().map(String::as_str).chain(refused).chain(more) {
        let Answer { said, told, .. } = run(&console, line);
        let shown = said + &told;
        assert!(!shown.contains("cargo xtask"), "{line}: {shown}");
    }
    // The same line, as it is said in the repository.
    let hint = |answer: Answer| answer.told.lines().last().unwrap_or_default().to_owned();
    let alone = hint(run(&console, "report"));
    assert_eq!(alone, "hint: dr-drill run runs one; --report names another folder");
    let inside = hint(console.run("report --report DIR/none"));
    assert_eq!(inside, "hint: cargo xtask dr-drill runs one; --report names another folder");
}

#[test]
fn the_reference_stack_is_unpacked_for_its_owner_and_planned_as_in_the_repository() {
    let console = Console::new();
    let folder = reference(&console);
    assert_eq!(fs::metadata(&folder).expect("a folder").mode() & 0o777, 0o700);
    let mode = |name: &str| fs::metadata(folder.join(name)).expect(name).mode() & 0o777;
    assert_eq!(mode("compose/scripts/backup_db.sh"), 0o755);
    assert_eq!(mode("compose/compose.yaml"), 0o644);
    let alone = run(&console, "run --dry-run");
    let inside = console.run_with("dr-drill --dry-run", &[NOWHERE]);
    // What the plan is of is called by its folder.
    let plan = |answer: &Answer| answer.said.split_once("\n\n").map(|it| it.1.to_owned());
    assert_eq!(plan(&alone), plan(&inside));
    assert!(plan(&alone).is_some_and(|plan| plan.contains("prepare ")), "{alone:#?}");
    assert_eq!(fs::read_dir(console.path("empty")).expect("a folder").count(), 0);
}

#[test]
fn a_reference_stack_that_was_changed_is_refused_with_the_file() {
    let console = Console::new();
    let folder = reference(&console);
    let refused = |what: &str| {
        let answer = run(&console, "run --dry-run");
        assert_eq!(answer.exit_code, 2, "{what}: {answer:#?}");
        assert!(answer.told.contains(what) && answer.told.contains("hint"), "{answer:#?}");
    };
    let file = folder.join("compose/compose.yaml");
    let text = fs::read_to_string(&file).expect("a compose file");
    fs::write(&file, text.replace("internal", "external")).expect("written");
    refused("was changed: compose/compose.yaml");
    fs::write(&file, text).expect("written");
    fs::write(folder.join("compose/.env"), "DEBUG=1\n").expect("written");
    refused("compose/.env is new");
    fs::remove_file(folder.join("compose/.env")).expect("removed");
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).expect("set");
    refused("only this user");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("set");
    assert_eq!(run(&console, "run --dry-run").exit_code, 0);
    // Without it, it is unpacked again.
    fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(reference(&console), folder);
}

#[test]
fn an_executable_is_packed_with_its_pages_and_their_sums() {
    let console = Console::new();
    let packed =
        console.run(&format!("dist --executable {} --out DIR/dist --format json", program()));
    let last = packed.verdict();
    assert_eq!((packed.exit_code, &last["static"]), (0, &false.into()), "{packed:#?}");
    let sums = || fs::read_to_string(console.path("dist/SHA256SUMS")).expect("sums");
    for name in [
        "dr-drill",
        "completions/dr-drill.bash",
        "completions/_dr-drill",
        "man/dr-drill-run.1",
        "docs/methods.md",
    ] {
        assert!(
            sums().lines().any(|line| line.ends_with(&format!("  {name}"))),
            "{name}: {}",
            sums()
        );
    }
    let check = || {
        let mut check = std::process::Command::new("sha256sum");
        check.args(["--check", "--strict", "--quiet", "SHA256SUMS"]);
        check.current_dir(console.path("dist")).output().expect("it runs").status.success()
    };
    assert!(check());
    // Of this user's folders, nothing is in what others are given.
    let page = fs::read_to_string(console.path("dist/man/dr-drill-run.1")).expect("a page");
    assert!(page.contains("dr\\-drill") && !page.contains("/.local"), "{page}");
    fs::write(console.path("dist/docs/methods.md"), "").expect("written");
    assert!(!check());
    // What is not its own stays.
    console.write("dist/notes.txt", "mine");
    let again = console.run(&format!("dist --executable {} --out DIR/dist", program()));
    assert_eq!(again.exit_code, 0, "{again:#?}");
    assert!(check() && console.path("dist/notes.txt").is_file());
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_xtask")
}
