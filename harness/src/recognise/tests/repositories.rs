//! Repositories of other tools, and artefacts of this one.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::damage;
use crate::model::existing::{Kind, Piece};
use crate::recognise::{Opener, recognise};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(path, content).expect("room");
    }
    folder
}

fn look(folder: &Path) -> Piece {
    recognise(folder, &Opener::without_keys()).expect("readable")
}

const INFO: &str = r#"[backrest]
backrest-format=5

[backup:current]
20240501-030000F={"backup-error":false,"backup-timestamp-start":1714532400,"backup-timestamp-stop":1714532460,"backup-type":"full","db-id":1}
20240501-030000F_20240502-030000I={"backup-error":false,"backup-prior":"20240501-030000F","backup-timestamp-start":1714618800,"backup-timestamp-stop":1714618810,"backup-type":"incr","db-id":1}

[db:history]
1={"db-catalog-version":202209061,"db-control-version":1300,"db-system-id":7713734319046876198,"db-version":"15"}
"#;

fn pgbackrest(info: &str) -> TempDir {
    folder(&[
        ("backup/main/backup.info", info),
        ("backup/main/20240501-030000F/backup.manifest", "x"),
        ("backup/main/20240501-030000F_20240502-030000I/backup.manifest", "x"),
        ("archive/main/archive.info", "x"),
    ])
}

#[test]
fn a_repository_of_pgbackrest_lists_its_backups() {
    let repository = pgbackrest(INFO);
    let piece = look(repository.path());
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::PgBackRest, ""));
    assert_eq!(piece.says.major(), Some(15));
    let held = piece.says.holds.iter().map(|it| (it.kind.as_str(), it.builds_on.as_deref()));
    let expected = [("full", None), ("incr", Some("20240501-030000F"))];
    assert_eq!(held.collect::<Vec<_>>(), expected);
    assert_eq!(piece.says.taken_at, "2024-05-02T03:00:10Z".parse().ok());
}

#[test]
fn a_repository_of_pgbackrest_without_a_backup_or_its_files_is_damaged() {
    let lost = pgbackrest(INFO);
    fs::remove_dir_all(lost.path().join("backup/main/20240501-030000F")).expect("there");
    assert!(damage(&look(lost.path())).contains("20240501-030000F is listed, and its files"));
    let prior = INFO.replacen("20240501-030000F={", "20240430-030000F={", 1);
    assert!(damage(&look(pgbackrest(&prior).path())).contains("builds on 20240501-030000F"));
    let none = look(pgbackrest("[backup:current]\n").path());
    assert!(damage(&none).contains("there is no backup in it"));
    fs::remove_dir_all(lost.path().join("archive")).expect("there");
    assert!(damage(&look(lost.path())).contains("archive/main is not there"));
}

#[test]
fn repositories_of_restic_and_borg_are_known() {
    let restic = [
        ("config", "\u{1}"),
        ("data/00/x", "x"),
        ("index/x", "x"),
        ("keys/x", "x"),
        ("snapshots/x", "x"),
    ];
    let whole = folder(&restic);
    let piece = look(whole.path());
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::Restic, ""));
    fs::remove_file(whole.path().join("snapshots/x")).expect("there");
    assert!(damage(&look(whole.path())).contains("no snapshot"));

    let borg = folder(&[
        ("README", "This is a Borg Backup repository.\n"),
        ("config", "[repository]\nversion = 1\n"),
        ("data/0/1", "x"),
    ]);
    let piece = look(borg.path());
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::Borg, ""));
    fs::remove_file(borg.path().join("data/0/1")).expect("there");
    assert!(damage(&look(borg.path())).contains("nothing in it"));
}

#[test]
fn an_artefact_of_this_tool_is_known_and_its_parts_are_there() {
    let manifest = r#"{"schema_version":1,"method":"pg-dump","taken_at":"2024-05-01T03:00:00Z",
        "recovery_point":{"instant":"2024-05-01T03:00:00Z","lsn":"0/0"},"parts":[],"tools":{}}"#;
    let piece = look(folder(&[("manifest.json", manifest)]).path());
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::Artefact, ""));
    let other = look(folder(&[("manifest.json", "{}")]).path());
    assert_eq!(other.kind, Kind::Unknown);
    assert_eq!(look(folder(&[]).path()).damage, ["an empty folder"]);
}
