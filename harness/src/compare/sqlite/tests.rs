//! Databases as applications leave them, intact first, then broken, then named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::fingerprint::sqlite::{Options, take};

const PEOPLE: &str = "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE mark (person REFERENCES person, value REAL, note BLOB);
    CREATE INDEX by_name ON person (name);
    INSERT INTO person VALUES (1, 'Ada'), (2, 'Bo'), (3, NULL);
    INSERT INTO mark VALUES (1, 12.5, x'00ff'), (2, 7, NULL);";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn database(path: &Path, sql: &str) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(sql).expect("its content");
    connection
}

fn people(root: &Path) {
    drop(database(&root.join("people.db"), PEOPLE));
}

fn taken(root: &Path) -> SqliteFingerprint {
    take(root, &Options::default()).expect("a fingerprint")
}

fn lines(comparison: &SqliteComparison) -> Vec<String> {
    let fatal = comparison.divergences.iter();
    fatal.map(Divergence::line).collect()
}

/// What differs after `change` was done to a copy of the same content.
fn after(change: impl FnOnce(&Path)) -> Vec<String> {
    let (one, other) = (folder(), folder());
    people(one.path());
    people(other.path());
    change(&other.path().join("people.db"));
    lines(&compare(&taken(one.path()), &taken(other.path())))
}

#[test]
fn databases_are_found_by_content_and_equal_ones_are_equal() {
    let (one, other) = (folder(), folder());
    for root in [&one, &other] {
        people(root.path());
        fs::create_dir(root.path().join("deep")).expect("a folder");
        drop(database(&root.path().join("deep/odd name"), PEOPLE));
        fs::write(root.path().join("not.db"), "SQLite format").expect("a file");
        fs::write(root.path().join("empty.sqlite3"), "").expect("a file");
    }
    let before = taken(one.path());
    assert_eq!(before.databases.keys().collect::<Vec<_>>(), ["deep/odd name", "people.db"]);
    let compared = compare(&before, &taken(other.path()));
    assert_eq!(lines(&compared), Vec::<String>::new());
    assert_eq!(compared.undecided, Vec::<String>::new());
    assert_eq!(
        (compared.databases_compared, compared.tables_compared, compared.rows_compared),
        (2, 4, 10)
    );
}

#[test]
fn the_order_of_the_rows_does_not_matter_and_their_values_do() {
    let rewritten = "DELETE FROM mark; INSERT INTO mark VALUES (2, 7, NULL), (1, 12.5, x'00ff');
        VACUUM; ANALYZE;";
    let silent = after(|path| drop(database(path, rewritten)));
    assert_eq!(silent, Vec::<String>::new());
    for (change, line) in [
        ("DELETE FROM mark WHERE person = 2", "people.db: table mark: 2 rows before, 1 after"),
        ("UPDATE person SET name = 'Eve' WHERE id = 1", "people.db: table person: rows changed"),
        ("UPDATE mark SET note = '' WHERE person = 2", "people.db: table mark: rows changed"),
        ("DROP INDEX by_name", "people.db: index by_name is not there"),
        ("PRAGMA user_version = 3", "people.db: user_version 0 before, 3 after"),
        ("CREATE TABLE more (a)", "people.db: table more was not there before"),
    ] {
        assert_eq!(after(|path| drop(database(path, change))), [line]);
    }
}

#[test]
fn rows_that_refer_to_none_are_counted() {
    let change = "PRAGMA foreign_keys = OFF; UPDATE mark SET person = 9 WHERE person = 2";
    let found = after(|path| drop(database(path, change)));
    let named = "people.db: mark refers to person: 1 row that is not there, 0 before";
    assert!(found.contains(&named.to_owned()), "{found:?}");
}

#[test]
fn a_log_that_was_left_behind_is_named() {
    let (live, copied, torn) = (folder(), folder(), folder());
    let path = live.path().join("app.db");
    let connection = database(
        &path,
        "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);
         PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0;
         INSERT INTO t VALUES (3), (4);",
    );
    let (main, log) = (fs::read(&path), fs::read(live.path().join("app.db-wal")));
    let (main, log) = (main.expect("the database"), log.expect("its log"));
    for root in [copied.path(), torn.path()] {
        fs::write(root.join("app.db"), &main).expect("a copy");
    }
    fs::write(copied.path().join("app.db-wal"), &log).expect("a copy");
    let before = taken(live.path());
    assert_eq!(fs::read(live.path().join("app.db-wal")).expect("its log"), log, "not written to");
    drop(connection);

    assert_eq!(lines(&compare(&before, &taken(copied.path()))), Vec::<String>::new());
    let named = "app.db: table t: 4 rows before, 2 after; its -wal was left behind";
    assert_eq!(lines(&compare(&before, &taken(torn.path()))), [named]);
}

#[test]
fn a_database_cut_short_is_damaged_by_name() {
    let found = after(|path| {
        let file = fs::OpenOptions::new().write(true).open(path).expect("the database");
        file.set_len(8192).expect("a cut");
    });
    let named = "people.db: the integrity check says: it cannot be opened: \
                 database disk image is malformed";
    assert_eq!(found, [named]);
}

#[test]
fn a_page_of_something_else_is_damaged_by_name() {
    let found = after(|path| {
        let mut bytes = fs::read(path).expect("the database");
        bytes[4096..8192].fill(0xa5);
        fs::write(path, bytes).expect("the database");
    });
    assert!(found[0].starts_with("people.db: the integrity check says: "), "{found:?}");
}

#[test]
fn a_database_that_was_damaged_before_is_only_warned_of() {
    let root = folder();
    people(root.path());
    let path = root.path().join("people.db");
    let mut bytes = fs::read(&path).expect("the database");
    bytes[4096..8192].fill(0xa5);
    fs::write(&path, bytes).expect("the database");
    let compared = compare(&taken(root.path()), &taken(root.path()));
    assert!(compared.divergences.iter().all(|found| !found.is_fatal()), "{compared:?}");
    assert!(!compared.divergences.is_empty() && !compared.undecided.is_empty());
}

#[test]
fn what_is_gone_and_what_is_no_database_any_more_is_named() {
    let named = ["people.db: it is not there, or is no database any more"];
    assert_eq!(after(|path| fs::remove_file(path).expect("removed")), named);
    assert_eq!(after(|path| fs::write(path, "hello").expect("written")), named);
}

#[test]
fn what_needs_more_time_than_it_may_is_undecided() {
    let root = folder();
    let path = root.path().join("long.db");
    drop(database(
        &path,
        "CREATE TABLE t (a); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n
         LIMIT 20000) INSERT INTO t SELECT x FROM n;",
    ));
    let options = Options { limit: Duration::ZERO, ..Options::default() };
    let fingerprint = take(root.path(), &options).expect("a fingerprint");
    let compared = compare(&fingerprint, &fingerprint);
    assert_eq!(lines(&compared), Vec::<String>::new());
    assert!(compared.undecided.iter().any(|why| why.contains("longer than it may")));
}

#[test]
fn collations_of_an_application_do_not_make_it_damaged() {
    let found = after(|path| {
        // As an application would that brings its own collation.
        let connection = Connection::open(path).expect("a database");
        connection
            .execute_batch(
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql =
                'CREATE INDEX by_name ON person (name COLLATE theirs)' WHERE name = 'by_name';",
            )
            .expect("a collation");
    });
    assert_eq!(found, ["people.db: index by_name is defined otherwise"]);
}

#[test]
fn links_and_pipes_beside_a_database_are_not_followed() {
    let root = folder();
    people(root.path());
    let outside = folder();
    fs::write(outside.path().join("x"), "secret").expect("a file");
    let link =
        |name: &str| std::os::unix::fs::symlink(outside.path().join("x"), root.path().join(name));
    link("people.db-wal").expect("a link");
    link("other.db").expect("a link");
    let fingerprint = taken(root.path());
    assert_eq!(fingerprint.databases.len(), 1);
    assert!(fingerprint.databases["people.db"].beside.is_empty());
    assert!(fingerprint.databases["people.db"].damage.is_empty());
}

#[test]
fn a_root_that_is_not_there_is_an_error_and_its_content_survives_untouched() {
    assert!(take(Path::new("/nowhere/at/all"), &Options::default()).is_err());
    let root = folder();
    people(root.path());
    let read_only = fs::Permissions::from_mode(0o555);
    fs::set_permissions(root.path(), read_only).expect("a mode");
    let names = || fs::read_dir(root.path()).expect("a folder").count();
    assert_eq!((taken(root.path()).databases.len(), names()), (1, 1));
}
