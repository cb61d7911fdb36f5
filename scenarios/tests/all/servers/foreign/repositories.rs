//! Repositories of restic and Borg with three snapshots each: the newest is judged; where it is
//! damaged, the newest good one is named.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Source, text};

const PASSWORD: &str = "correct horse";

/// Runs a tool with its password.
#[track_caller]
fn tool(program: &str, args: &[&str]) {
    let done = Command::new(program)
        .args(args)
        .env("RESTIC_PASSWORD", PASSWORD)
        .env("BORG_PASSPHRASE", PASSWORD)
        .output()
        .unwrap_or_else(|cause| panic!("{program}: {cause}; apt-get install restic borgbackup"));
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Three snapshots, of which `third` changes what lies in the folder first.
fn snapshots(source: &Source, kind: &str, third: impl Fn(&Path)) -> std::path::PathBuf {
    let (data, repository) = (source.path("data"), source.path(kind));
    let _ = fs::remove_dir_all(&data);
    fs::create_dir_all(&data).expect("made");
    let shop = data.join("shop.dump");
    fs::copy(source.dump("shop.dump", "shop"), &shop).expect("copied");
    let take = |number: usize| match kind {
        "restic" => tool("restic", &["-q", "-r", text(&repository), "backup", text(&data)]),
        _ => tool("borg", &["create", &format!("{}::n{number}", text(&repository)), text(&data)]),
    };
    match kind {
        "restic" => tool("restic", &["-q", "-r", text(&repository), "init"]),
        _ => tool("borg", &["init", "--encryption=repokey", text(&repository)]),
    }
    take(1);
    take(2);
    third(&shop);
    take(3);
    repository
}

#[test]
fn the_newest_snapshot_is_judged_and_a_damaged_one_names_the_last_good_one() {
    let source = Source::new();
    let password = format!("echo {PASSWORD}");
    for kind in ["restic", "borg"] {
        let repository = snapshots(&source, kind, |_| {});
        let given = ["--password-command", &password];
        let passed = source.verify(0, &[&repository], &given);
        passed.names(&["the newest; 2 others were not read", "1240 rows"]);
        let wrong = ["--password-command", "echo wrong"];
        source.verify(3, &[&repository], &wrong).names(&["cannot open it", "--password-command"]);
        fs::remove_dir_all(&repository).expect("removed");
        // What was backed up the last time is a dump that was cut.
        let cut = |shop: &Path| {
            let bytes = fs::read(shop).expect("read");
            fs::write(shop, &bytes[..bytes.len() * 6 / 10]).expect("written");
        };
        let repository = snapshots(&source, kind, cut);
        let named = source.verify(1, &[&repository], &given);
        named.names(&["is damaged", "good is", "the newest that is whole"]);
    }
}
