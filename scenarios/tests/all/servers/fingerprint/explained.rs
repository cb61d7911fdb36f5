//! A divergence names rows and columns, and recognises known damage, when the source is gone.

use std::collections::BTreeMap;
use std::path::Path;

use harness::certificate::{self, Lists, Side, Sources};
use harness::compare;
use harness::fingerprint::database::{self, HashKey, Keep, Options, Snapshot, keep_rows};
use harness::model::divergence::{DamageClass, Divergence};
use harness::model::event::Events;
use harness::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate, Strength};

use scenarios::scratch::{FIFTEEN, Postgres};

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
     "large", "2000 rows → 1999 rows; which rows: undecided, no list of them was kept", None),
];

fn certificate(server: &Postgres, database: &str, keep: &Keep) -> Certificate {
    let config = server.config(database);
    let snapshot = Snapshot::open(&config).unwrap();
    let events = Events::ignored();
    let mut taken = database::take(&snapshot, &Options::default(), &events).unwrap();
    keep_rows(&snapshot, &mut taken, keep, None, &events).unwrap();
    Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: snapshot.recovery_point().instant,
        strength: Strength::Exact,
        database: Some(taken),
        media: None,
        volumes: BTreeMap::new(),
        sqlite: BTreeMap::new(),
    }
}

/// What is kept of a thousand rows.
fn keep(rows: &Path, key: HashKey) -> Keep {
    Keep { rows: 1000, key, ..Keep::new(rows.to_owned()) }
}

struct Explained {
    folder: tempfile::TempDir,
    server: Postgres,
    before: Certificate,
    key: HashKey,
}

impl Explained {
    fn baseline(key: HashKey) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Postgres::start(FIFTEEN);
        server.create("source");
        server.execute("source", SCHEMA);
        let before = certificate(&server, "source", &keep(&folder.path().join("before"), key));
        // Through a file: what is not written down is not there when it is needed.
        let path = folder.path().join("before.json");
        certificate::save(&before, &path).unwrap();
        let before = certificate::load(&path).unwrap();
        Self { folder, server, before, key }
    }

    fn after(&self, mutation: &str, show_values: bool) -> Vec<Divergence> {
        let rows = self.folder.path().join("before");
        let before = Side { certificate: &self.before, rows: &Lists::at(rows.clone()) };
        self.held_against(before, self.key, mutation, show_values).unwrap()
    }

    fn held_against(
        &self,
        before: Side<'_>,
        key: HashKey,
        mutation: &str,
        show_values: bool,
    ) -> harness::Result<Vec<Divergence>> {
        self.server.copy("source", "mutated");
        self.server.execute("mutated", mutation);
        let rows = self.folder.path().join("after");
        let after = certificate(&self.server, "mutated", &keep(&rows, key));
        self.server.drop("mutated");
        let mut compared = compare::certificates(before.certificate, &after);
        let after = Side { certificate: &after, rows: &Lists::at(rows.clone()) };
        certificate::explain(&mut compared, before, after, show_values)?;
        Ok(compared.divergences)
    }
}

#[test]
fn damage_is_told_by_rows_columns_and_class() {
    let explained = Explained::baseline(HashKey::NONE);
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
    let explained = Explained::baseline(HashKey::NONE);
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
    let explained = Explained::baseline(HashKey::NONE);
    let rows = explained.folder.path().join("before");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rows), 0o700);
    let files: Vec<_> = rows.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 6, "three tables fit the budget, each with a list and a sample");
    assert!(files.iter().all(|file| mode(file) == 0o600));
    assert_eq!(mode(&explained.folder.path().join("before.json")), 0o600);
}

#[test]
fn packed_lists_name_rows_and_columns_and_hold_no_value() {
    let explained = Explained::baseline(HashKey::random());
    let folder = explained.folder.path();
    let mut packed = explained.before.clone();
    let mut archive = Vec::new();
    certificate::pack(&mut packed, &folder.join("before"), u64::MAX, &mut archive).unwrap();
    let (file, rows) = (folder.join("rows.tar"), folder.join("unpacked"));
    std::fs::write(&file, &archive).unwrap();
    certificate::unpack(&file, &rows).unwrap();
    let before = Side { certificate: &packed, rows: &Lists::at(rows.clone()) };
    assert_eq!(before.key().unwrap(), explained.key);

    let damage = "UPDATE annotation SET score = score + 1 WHERE id = 7; DELETE FROM member WHERE person = 'p4';
        UPDATE keyless SET b = 'z' WHERE a = 2; DELETE FROM large WHERE id = 1000";
    let found = explained.held_against(before, explained.key, damage, true).unwrap();
    let told = |table: &str| {
        let found = found.iter().find(|found| found.subject == format!("public.{table}"));
        let found = found.unwrap_or_else(|| panic!("{table} is not named"));
        (found.detail.as_str(), found.rows.as_ref().unwrap())
    };
    let (detail, rows) = told("annotation");
    assert_eq!(detail, "1 of 300 rows changed; column score");
    assert_eq!((rows.samples.as_slice(), rows.values.len()), (&["changed 7".to_owned()][..], 0));
    assert_eq!(told("member").1.samples, ["missing (\"team, 1\", p4)"]);
    assert!(told("keyless").0.ends_with("; column b"), "{found:?}");
    assert!(told("large").0.ends_with("which rows: undecided, no list of them was kept"));

    // Beside a live database too, as `compare` finds them beside an artefact's certificate.
    let artefact = folder.join("artefact");
    std::fs::create_dir(&artefact).unwrap();
    std::fs::rename(&file, artefact.join(certificate::LISTS_FILE)).unwrap();
    let path = artefact.join("certificate.json");
    certificate::save(&packed, &path).unwrap();
    let lists = Lists::beside(&path);
    explained.server.copy("source", "live");
    explained.server.execute("live", damage);
    let mut sources = Sources::default();
    sources.add(&explained.server.url("live")).unwrap();
    let kept = Side { certificate: &packed, rows: &lists };
    let live = certificate::with_live(kept, &sources, 2, false, &Events::ignored()).unwrap();
    assert_eq!(live.undecided, [""; 0]);
    let annotation = live.divergences.iter().find(|it| it.subject == "public.annotation");
    assert_eq!(annotation.unwrap().rows.as_ref().unwrap().samples, ["changed 7"]);

    // Another key is another hash.
    let other = explained.held_against(before, HashKey::random(), damage, true).unwrap_err();
    assert!(other.to_string().contains("have different keys"), "{other}");

    // Keys are there, values are not: neither as they are, nor as anybody's hash of them.
    let lists = before
        .rows
        .path()
        .unwrap()
        .read_dir()
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let lists: Vec<u8> =
        lists.flat_map(|list| zstd::decode_all(list.as_slice()).unwrap_or(list)).collect();
    let holds = |bytes: &[u8]| lists.windows(bytes.len()).any(|window| window == bytes);
    let note = "été c4ca4238a0b923820dcc509a6f75849b";
    assert!(holds(b"(\"team, 1\", p4)"));
    assert!(!holds("été".as_bytes()) && !holds(b"1.2345"));
    assert!(!holds(&blake3::hash(note.as_bytes()).as_bytes()[..4]));
}

#[test]
fn lists_beyond_the_bound_stay_out_and_their_tables_say_so() {
    let explained = Explained::baseline(HashKey::random());
    let folder = explained.folder.path();
    let mut packed = explained.before.clone();
    let mut archive = Vec::new();
    certificate::pack(&mut packed, &folder.join("before"), 1500, &mut archive).unwrap();
    let (file, rows) = (folder.join("rows.tar"), folder.join("unpacked"));
    std::fs::write(&file, &archive).unwrap();
    certificate::unpack(&file, &rows).unwrap();
    let before = Side { certificate: &packed, rows: &Lists::at(rows.clone()) };
    let damage =
        "UPDATE annotation SET score = 0 WHERE id = 7; DELETE FROM member WHERE person = 'p4'";
    let found = explained.held_against(before, explained.key, damage, false).unwrap();
    let details: Vec<&str> = found.iter().map(|found| found.detail.as_str()).collect();
    let said = "the count of 300 rows is the same, the content is not; \
                which rows: undecided, no list of them was kept";
    assert_eq!(details, ["1 of 9 rows missing", said]);
}
