//! References from rows to files: intact they resolve, and each way to lose one is named.

use std::fs;
use std::path::Path;

use harness::fingerprint::media::{Options, take};
use harness::fingerprint::references::{References, beside, check};
use harness::model::event::Events;
use harness::model::reference::{Algorithm, HashColumn, ReferenceColumn};

use scenarios::scratch::{FIFTEEN, Postgres};

/// SHA-256 of `scan`.
const SCAN: &str = "59ad1b2fc74287ded1bba7af67765d23ad4a49f1ae51902cc2ed3f8ebee96cfa";

const SCHEMA: &str = r#"
    CREATE SCHEMA "Odd schema";
    CREATE TABLE "Odd schema"."a.b" (id int, "file" varchar(100), digest bytea);
    CREATE TABLE grading_copy (id serial, file varchar(255), sha256 char(64));
"#;

fn columns() -> Vec<ReferenceColumn> {
    let column = |table: &str, hash: &str| ReferenceColumn {
        table: table.to_owned(),
        column: "file".to_owned(),
        hash: Some(HashColumn { column: hash.to_owned(), algorithm: Algorithm::Sha256 }),
    };
    vec![column("public.grading_copy", "sha256"), column(r#""Odd schema"."a.b""#, "digest")]
}

struct Scenario {
    server: Postgres,
    folder: tempfile::TempDir,
}

impl Scenario {
    fn new() -> Self {
        let server = Postgres::start(FIFTEEN);
        let folder = tempfile::tempdir().unwrap();
        server.execute("postgres", SCHEMA);
        let insert = format!(
            r#"INSERT INTO grading_copy (file, sha256)
                   SELECT 'copies/' || n || '.pdf', '{SCAN}' FROM generate_series(1, 1000) n;
               INSERT INTO grading_copy (file) VALUES (NULL), (''), ('copies/1.pdf');
               INSERT INTO "Odd schema"."a.b" VALUES (1, E'odd\n\\name', '\x{SCAN}')"#
        );
        server.execute("postgres", &insert);
        fs::create_dir(folder.path().join("copies")).unwrap();
        for number in 1..=1000 {
            fs::write(folder.path().join(format!("copies/{number}.pdf")), "scan").unwrap();
        }
        fs::write(folder.path().join("odd\n\\name"), "scan").unwrap();
        Self { server, folder }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn check(&self, columns: &[ReferenceColumn]) -> References {
        let options = Options { sha256: true, ..Options::default() };
        let media = take(self.root(), options, &Events::ignored()).unwrap();
        check(&mut self.server.connect("postgres"), columns, &media).unwrap()
    }
}

#[test]
fn lost_references_are_named() {
    let scenario = Scenario::new();
    let intact = scenario.check(&columns());
    assert_eq!(intact.divergences, []);
    assert_eq!(intact.undecided, [""; 0]);
    assert_eq!((intact.checked, intact.hashes_checked, intact.orphans), (1002, 1001, 0));

    fs::remove_file(scenario.root().join("copies/7.pdf")).unwrap();
    fs::write(scenario.root().join("copies/8.pdf"), "scam").unwrap();
    fs::write(scenario.root().join("copies/1001.pdf"), "scan").unwrap();
    fs::write(scenario.root().join("odd\n\\name"), "").unwrap();
    let found = scenario.check(&columns());
    let named: Vec<_> = found
        .divergences
        .iter()
        .map(|divergence| format!("{}: {}", divergence.subject, divergence.detail))
        .collect();
    assert_eq!(
        named,
        [
            "public.grading_copy.file: copies/7.pdf: no such file",
            "public.grading_copy.file: copies/8.pdf: its content is not what sha256 recorded",
            r#""Odd schema"."a.b".file: odd\x0a\\name: its content is not what digest recorded"#,
        ]
    );
    assert_eq!((found.dangling, found.mismatched, found.orphans), (1, 2, 1));
    assert_eq!(found.orphan_samples, ["copies/1001.pdf"]);

    let mut absent = columns();
    absent[0].column = "path".to_owned();
    absent[1].table = "public.absent".to_owned();
    assert_eq!(
        scenario.check(&absent).undecided,
        [
            "public.grading_copy.path: no such table or column",
            "public.absent.file: no such table or column"
        ]
    );
}

#[test]
fn a_column_is_the_same_only_in_the_table_that_its_name_means() {
    let server = Postgres::start(FIFTEEN);
    server.execute("postgres", SCHEMA);
    let archive = "CREATE SCHEMA archive; CREATE TABLE archive.grading_copy (file text);
        CREATE TABLE archive.old (file text); CREATE ROLE archivist SUPERUSER LOGIN;
        ALTER ROLE archivist SET search_path = archive";
    server.execute("postgres", archive);
    let column = |table: &str| ReferenceColumn {
        table: table.to_owned(),
        column: "file".to_owned(),
        hash: None,
    };
    let new = |user: &str, found: &[&str], known: &[&str]| {
        let mut client = server.config("postgres").user(user).connect(postgres::NoTls).unwrap();
        let columns = |tables: &[&str]| tables.iter().map(|it| column(it)).collect::<Vec<_>>();
        let new = beside(&mut client, columns(found), &columns(known)).unwrap();
        new.into_iter().map(|column| column.table).collect::<Vec<_>>()
    };
    let copy = "public.grading_copy";
    // Known, however it is written.
    for known in [copy, "grading_copy", r#""public"."grading_copy""#] {
        assert_eq!(new("postgres", &[copy], &[known]), [""; 0], "{known}");
    }
    // Of another schema, by name or because the name means that one.
    assert_eq!(new("postgres", &[copy], &["archive.grading_copy"]), [copy]);
    assert_eq!(new("archivist", &[copy], &["grading_copy"]), [copy]);
    assert_eq!(new("archivist", &["grading_copy"], &["archive.grading_copy"]), [""; 0]);
    assert_eq!(new("postgres", &[r#""Odd schema"."a.b""#], &["b"]), [r#""Odd schema"."a.b""#]);
    // What is not there is kept, for the check to name it; what is found twice is not.
    assert_eq!(new("postgres", &["old", copy, "grading_copy"], &["archive.old"]), ["old", copy]);
}
