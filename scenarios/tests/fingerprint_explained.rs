//! A divergence names rows and columns, and recognises known damage, when the source is gone.

#[allow(dead_code, unreachable_pub, reason = "each test uses its part of the fixture")]
#[path = "../src/scratch.rs"]
mod scratch;

use std::path::Path;

use harness::certificate::{self, Side};
use harness::compare;
use harness::fingerprint::database::{self, Keep, Options, Snapshot, keep_rows};
use harness::model::divergence::{DamageClass, Divergence};
use harness::model::event::Events;
use harness::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate, Strength};

use self::scratch::{FIFTEEN, Postgres};

const SCHEMA: &str = "
    CREATE TABLE annotation (
        id int PRIMARY KEY, note text, score numeric(8, 4), created_at timestamptz, updated_at timestamp);
    INSERT INTO annotation SELECT g, 'été ' || md5(g::text), g * 1.2345,
        timestamptz '2026-01-01' + g * interval '1.234567 s', timestamp '2026-01-01' + g * interval '2.345678 s'
        FROM generate_series(1, 300) g;
    CREATE TABLE member (team text, person text, role text, PRIMARY KEY (team, person));
    INSERT INTO member SELECT 'team, ' || g % 3, 'p' || g, 'role' FROM generate_series(1, 9) g;
    CREATE TABLE keyless (a int, b text);
    INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, 'y');
    CREATE TABLE large AS SELECT g AS id FROM generate_series(1, 2000) g;
    ";

/// What is done, the table that then speaks, and what it says.
#[rustfmt::skip]
const DAMAGES: &[(&str, &str, &str, Option<DamageClass>)] = &[
    ("UPDATE annotation SET created_at = date_trunc('milliseconds', created_at), updated_at = date_trunc('milliseconds', updated_at)",
     "annotation", "300 of 300 rows changed; columns created_at, updated_at (microseconds lost)", Some(DamageClass::PrecisionLoss)),
    ("ALTER TABLE annotation ALTER score TYPE numeric(8, 2)",
     "annotation", "300 of 300 rows changed; column score (digits lost)", Some(DamageClass::PrecisionLoss)),
    ("UPDATE annotation SET note = convert_from(convert_to(note, 'UTF8'), 'LATIN1')",
     "annotation", "300 of 300 rows changed; column note (encoding damaged)", Some(DamageClass::EncodingDamage)),
    ("UPDATE annotation SET note = left(note, 20)",
     "annotation", "300 of 300 rows changed; column note (text cut)", Some(DamageClass::TruncatedText)),
    ("DELETE FROM annotation WHERE id IN (7, 8); INSERT INTO annotation (id) VALUES (301); UPDATE annotation SET note = 'other' WHERE id = 9",
     "annotation", "2 of 300 rows missing, 1 extra, 1 of 300 rows changed; column note", None),
    ("DELETE FROM member WHERE person = 'p4'",
     "member", "1 of 9 rows missing", None),
    ("UPDATE keyless SET b = 'z' WHERE a = 2",
     "keyless", "1 of 3 rows missing, 1 extra, known by content only, for want of a primary key; column b", None),
    ("DELETE FROM large WHERE id = 1000",
     "large", "2000 rows → 1999 rows", None),
];

fn certificate(server: &Postgres, database: &str, rows: &Path) -> Certificate {
    let config = server.config(database);
    let snapshot = Snapshot::open(&config).unwrap();
    let events = Events::ignored();
    let mut taken = database::take(&snapshot, &Options::default(), &events).unwrap();
    let keep = Keep { rows: 1000, ..Keep::new(rows.to_owned()) };
    keep_rows(&snapshot, &mut taken, &keep, None, &events).unwrap();
    Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: snapshot.recovery_point().instant,
        strength: Strength::Exact,
        database: Some(taken),
        media: None,
    }
}

struct Explained {
    folder: tempfile::TempDir,
    server: Postgres,
    before: Certificate,
}

impl Explained {
    fn baseline() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Postgres::start(FIFTEEN);
        server.create("source");
        server.execute("source", SCHEMA);
        let before = certificate(&server, "source", &folder.path().join("before"));
        // Through a file: what is not written down is not there when it is needed.
        let path = folder.path().join("before.json");
        certificate::save(&before, &path).unwrap();
        let before = certificate::load(&path).unwrap();
        Self { folder, server, before }
    }

    fn after(&self, mutation: &str, show_values: bool) -> Vec<Divergence> {
        self.server.copy("source", "mutated");
        self.server.execute("mutated", mutation);
        let rows = self.folder.path().join("after");
        let after = certificate(&self.server, "mutated", &rows);
        self.server.drop("mutated");
        let mut compared = compare::certificates(&self.before, &after);
        let before = Side { certificate: &self.before, rows: &self.folder.path().join("before") };
        let after = Side { certificate: &after, rows: &rows };
        certificate::explain(&mut compared, before, after, show_values).unwrap();
        compared.divergences
    }
}

#[test]
fn damage_is_told_by_rows_columns_and_class() {
    let explained = Explained::baseline();
    for (mutation, table, detail, class) in DAMAGES {
        let found = explained.after(mutation, false);
        let rows = found.iter().find(|found| found.rows.is_some()).expect(mutation);
        assert_eq!(rows.subject, format!("public.{table}"), "{mutation}");
        assert_eq!(rows.detail, *detail, "{mutation}");
        assert_eq!(rows.class, *class, "{mutation}");
    }
}

#[test]
fn rows_are_named_by_key_and_values_shown_only_on_request() {
    let explained = Explained::baseline();
    let damage =
        "UPDATE annotation SET score = 0.5, note = NULL; DELETE FROM annotation WHERE id = 7;
        DELETE FROM member WHERE person = 'p4'";

    let found = explained.after(damage, false);
    let (annotation, member) = (found[0].rows.as_ref().unwrap(), found[1].rows.as_ref().unwrap());
    assert_eq!(annotation.samples.len(), 10);
    assert!(annotation.samples.contains(&"changed 1".to_owned()), "{annotation:?}");
    assert_eq!(member.samples, ["missing (\"team, 1\", p4)"]);
    let note = annotation.values.iter().find(|change| change.column == "note").unwrap();
    assert_eq!(note.before.len(), "été 0123456789abcdef0123456789abcdef".chars().count());
    assert!(note.before.starts_with("xxx ") && !note.before.contains("été"), "{note:?}");
    assert_eq!(note.after, "null");

    let found = explained.after(damage, true);
    let shown = &found[0].rows.as_ref().unwrap().values;
    let score = shown.iter().find(|change| change.column == "score").unwrap();
    assert_eq!(score.after, "0.5000");
    assert!(score.before.parse::<f64>().unwrap() > 1.0);
}

#[test]
fn lists_of_rows_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let explained = Explained::baseline();
    let rows = explained.folder.path().join("before");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rows), 0o700);
    let files: Vec<_> = rows.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 6, "three tables fit the budget, each with a list and a sample");
    assert!(files.iter().all(|file| mode(file) == 0o600));
    assert_eq!(mode(&explained.folder.path().join("before.json")), 0o600);
}
