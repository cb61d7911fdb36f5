//! Pieces are made up here: nothing is read.

use jiff::Timestamp;

use super::{found_in, set, sets};
use crate::model::existing::{Kind, Piece, Says, Set};
use crate::recognise::Opener;

fn piece(path: &str, kind: Kind, modified: &str) -> Piece {
    Piece {
        path: path.into(),
        kind,
        wrapped: Vec::new(),
        bytes: 1,
        modified: modified.parse().expect("a time"),
        says: Says::default(),
        damage: Vec::new(),
        open: Vec::new(),
    }
}

fn base(path: &str, begins: &str, on: Option<&str>) -> Piece {
    let mut piece = piece(path, Kind::BaseBackup, "2024-05-01T03:00:00Z");
    piece.says.begins_at = Some(begins.to_owned());
    piece.says.builds_on = on.map(str::to_owned);
    piece
}

fn paths(set: &Set) -> Vec<String> {
    set.pieces.iter().map(|it| it.path.display().to_string()).collect()
}

#[test]
fn pieces_of_one_night_are_one_backup_and_the_newest_is_first() {
    let late = "2024-06-30T00:00:00Z";
    let found = sets(vec![
        piece("b/media_2024-05-01_0305.tar", Kind::Tar, late),
        piece("b/db_2024-05-01_0300.dump", Kind::CustomDump, "2024-05-01T03:00:00Z"),
        piece("b/db_2024-05-02_0300.dump", Kind::CustomDump, "2024-05-02T03:00:00Z"),
        piece("b/globals_2024-05-02_0301.sql", Kind::Globals, "2024-05-02T03:01:00Z"),
        piece("b/backup.log", Kind::Unknown, late),
    ]);
    assert_eq!(found.len(), 2);
    let newest = found.iter().find(|it| it.pieces[0].kind == Kind::Globals).expect("a set");
    assert_eq!(paths(newest), ["b/globals_2024-05-02_0301.sql", "b/db_2024-05-02_0300.dump"]);
    let other = found.iter().find(|it| it.pieces[0].kind != Kind::Globals).expect("a set");
    assert_eq!(paths(other), ["b/db_2024-05-01_0300.dump", "b/media_2024-05-01_0305.tar"]);
    assert!(newest.ground.contains("no backup: backup.log"), "{}", newest.ground);
    assert!(found[0].taken_at >= found[1].taken_at);
}

#[test]
fn two_of_one_series_are_two_backups_however_near() {
    let found = sets(vec![
        piece("b/db.1.sql", Kind::PlainSql, "2024-05-01T03:00:00Z"),
        piece("b/db.2.sql", Kind::PlainSql, "2024-05-01T03:01:00Z"),
    ]);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_folder_of_each_day_is_a_backup_of_each_day() {
    let same = "2024-06-30T00:00:00Z";
    let found = sets(vec![
        piece("2024-05-01/db.sql", Kind::PlainSql, same),
        piece("2024-05-01/media.tar", Kind::Tar, same),
        piece("2024-05-02/db.sql", Kind::PlainSql, same),
    ]);
    assert_eq!(found.iter().map(|it| it.pieces.len()).max(), Some(2));
    assert_eq!(found.len(), 2);
}

#[test]
fn a_chain_of_base_backups_is_ordered_from_the_full_one() {
    let found = sets(vec![
        base("c", "1/0/04000028", Some("1/0/03000028")),
        base("a", "1/0/02000028", None),
        base("b", "1/0/03000028", Some("1/0/02000028")),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(paths(&found[0]), ["a", "b", "c"]);
    assert!(found[0].pieces.iter().all(|it| it.damage.is_empty()));
    assert!(found[0].ground.contains("chain of 3"));
}

#[test]
fn a_missing_link_of_a_chain_is_damage() {
    let given =
        vec![base("c", "1/0/04000028", Some("1/0/03000028")), base("a", "1/0/02000028", None)];
    let found = set(given).expect("a set");
    let broken = found.pieces.iter().find(|it| it.path.as_os_str() == "c").expect("there");
    assert_eq!(
        broken.damage,
        ["it builds on the backup that begins at 1/0/03000028, which is not here"]
    );
    assert!(found.pieces.iter().any(|it| it.damage.is_empty()));
}

#[test]
fn links_of_another_server_and_circles_are_no_chain() {
    let mut stranger = base("a", "1/0/02000028", None);
    stranger.says.system = Some("7".to_owned());
    let mut last = base("b", "1/0/03000028", Some("1/0/02000028"));
    last.says.system = Some("8".to_owned());
    let found = sets(vec![stranger, last]);
    assert_eq!(found.len(), 2);
    let circle = base("x", "1/0/01000028", Some("1/0/01000028"));
    assert_eq!(sets(vec![circle]).len(), 1);
}

#[test]
fn no_piece_is_no_set() {
    assert_eq!(set(Vec::new()), None);
    assert!(sets(Vec::new()).is_empty());
}

#[test]
fn backups_in_a_folder_are_found_with_what_is_in_them() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backups");
    let found = found_in(&folder, &Opener::without_keys()).expect("readable");
    let kinds = found.iter().flat_map(|set| set.pieces.iter().map(|it| it.kind));
    let kinds = kinds.collect::<std::collections::BTreeSet<_>>();
    for kind in [Kind::DirectoryDump, Kind::CustomDump, Kind::Globals, Kind::MariaDbSql] {
        assert!(kinds.contains(&kind), "{kind:?} is not in {kinds:?}");
    }
    assert!(!kinds.contains(&Kind::Unknown));
    assert!(found.windows(2).all(|two| two[0].taken_at >= two[1].taken_at));
    let newest: Option<Timestamp> = found.first().map(|it| it.taken_at);
    assert!(newest.is_some());
}
