//! Rows: a dump restored elsewhere is equal, and each single mutation is named.

use std::collections::{BTreeMap, BTreeSet};

use harness::compare;
use harness::fingerprint::database::{self, Effort, Options, Snapshot, hold_to_definitions};
use harness::model::event::Events;
use harness::model::fingerprint::{
    CERTIFICATE_SCHEMA, Certificate, RowsDigest, Strength, TableFingerprint,
};
use harness::model::record::Integrity;
use rstest::rstest;

use scenarios::scratch::{
    EIGHTEEN, FIFTEEN, FOURTEEN, Major, Postgres, SEVENTEEN, SIXTEEN, THIRTEEN,
};

const SCHEMA: &str = include_str!("../../../../fixtures/every_type.sql");

/// What is done to a copy, and the tables that must then be named, nothing else.
#[rustfmt::skip]
const MUTATIONS: &[(&str, &str, &[&str])] = &[
    ("a numeric gains scale", "UPDATE scalars SET n = 1.00 WHERE id = 1", &["scalars"]),
    ("a numeric changes sign", "UPDATE scalars SET n = -1.0 WHERE id = 1", &["scalars"]),
    ("infinity becomes not a number", "UPDATE scalars SET n = 'NaN' WHERE id = 4", &["scalars"]),
    ("infinity changes sign", "UPDATE scalars SET n = '-Infinity' WHERE id = 4", &["scalars"]),
    ("zero becomes negative zero", "UPDATE scalars SET f8 = '-0' WHERE id = 1", &["scalars"]),
    ("a real zero becomes negative", "UPDATE scalars SET f4 = '-0' WHERE id = 1", &["scalars"]),
    ("a double becomes not a number", "UPDATE scalars SET f8 = 'NaN' WHERE id = 1", &["scalars"]),
    ("a double loses its last bit", "UPDATE scalars SET f8 = 0.9999999999999999e300 WHERE id = 2", &["scalars"]),
    ("a bigint that folds to the same 32 bits", "UPDATE scalars SET i8 = 0 WHERE id = 2", &["scalars"]),
    ("zero gains scale", "UPDATE scalars SET n = 0.0 WHERE id = 6", &["scalars"]),
    ("a numeric is ten thousand times as much", "UPDATE scalars SET n = 10000.0 WHERE id = 1", &["scalars"]),
    ("zero becomes not a number", "UPDATE scalars SET n = 'NaN' WHERE id = 6", &["scalars"]),
    ("a timestamp that folds to the same 32 bits", "UPDATE scalars SET ts = '2000-01-01 01:11:34.967297' WHERE id = 6", &["scalars"]),
    ("a timestamp before the epoch that folds to the same 32 bits", "UPDATE scalars SET ts = '1999-12-31 22:48:25.032704' WHERE id = 6", &["scalars"]),
    ("a timestamp is no longer infinite", "UPDATE scalars SET ts = '1999-12-31 23:24:12.516352' WHERE id = 2", &["scalars"]),
    ("an infinite timestamp changes sign", "UPDATE scalars SET ts = '-infinity' WHERE id = 2", &["scalars"]),
    ("an instant that folds to the same 32 bits", "UPDATE scalars SET tsz = '2000-01-01 01:11:34.967297+00' WHERE id = 6", &["scalars"]),
    ("an infinite date changes sign", "UPDATE scalars SET d = '-infinity' WHERE id = 4", &["scalars"]),
    ("null becomes false", "UPDATE scalars SET b = false WHERE id = 3", &["scalars"]),
    ("null becomes zero", "UPDATE scalars SET i8 = 0 WHERE id = 3", &["scalars"]),
    ("null becomes a numeric zero", "UPDATE scalars SET n = 0 WHERE id = 3", &["scalars"]),
    ("null becomes the epoch", "UPDATE scalars SET ts = '2000-01-01' WHERE id = 3", &["scalars"]),
    ("null becomes the instant of the epoch", "UPDATE scalars SET tsz = '2000-01-01 00:00+00' WHERE id = 3", &["scalars"]),
    ("null becomes a double zero", "UPDATE scalars SET f8 = 0 WHERE id = 3", &["scalars"]),
    ("null becomes negative zero", "UPDATE scalars SET f4 = '-0' WHERE id = 3", &["scalars"]),
    ("null becomes the first day", "UPDATE scalars SET d = '2000-01-01' WHERE id = 3", &["scalars"]),
    ("null becomes no bytes", r"UPDATE scalars SET by = '\x' WHERE id = 3", &["scalars"]),
    ("null and zero trade places", "UPDATE scalars SET i2 = NULL, i4 = 0 WHERE id = 6", &["scalars"]),
    ("microseconds are cut", "UPDATE scalars SET ts = date_trunc('milliseconds', ts) WHERE id = 1", &["scalars"]),
    ("microseconds with time zone are cut", "UPDATE scalars SET tsz = date_trunc('milliseconds', tsz) WHERE id = 1", &["scalars"]),
    ("a time that folds to the same 32 bits", "UPDATE scalars SET ti = '01:11:34.967297' WHERE id = 2", &["scalars"]),
    ("the zone of a time moves, the instant does not", "UPDATE scalars SET tz = '13:34:56.123456+03' WHERE id = 1", &["scalars"]),
    ("a month becomes thirty days", "UPDATE scalars SET iv = '30 days' WHERE id = 1", &["scalars"]),
    ("a varchar gains a blank", "UPDATE scalars SET vc = 'varchar ' WHERE id = 1", &["scalars"]),
    ("a padded char is cut", "UPDATE scalars SET bc = 'blank' WHERE id = 1", &["scalars"]),
    ("null becomes the empty string", "UPDATE scalars SET t = '' WHERE id = 3", &["scalars"]),
    ("a bit string gains a zero", "UPDATE scalars SET vb = B'1010' WHERE id = 1", &["scalars"]),
    ("an address loses its mask", "UPDATE scalars SET ip = '10.0.0.1' WHERE id = 1", &["scalars"]),
    ("one byte of a bytea", r"UPDATE scalars SET by = '\x00fe' WHERE id = 1", &["scalars"]),
    ("an accent is decomposed", r"UPDATE scalars SET t = replace(t, E'\u00e9', E'e\u0301') WHERE id = 4", &["scalars"]),
    ("a cent", "UPDATE scalars SET m = '12.35' WHERE id = 1", &["scalars"]),
    ("an enum", "UPDATE scalars SET e = 'happy' WHERE id = 1", &["scalars"]),
    ("a domain over numeric", "UPDATE scalars SET g = 10.51 WHERE id = 1", &["scalars"]),
    ("a transaction id that folds to the same 32 bits", "UPDATE scalars SET x8 = '4294967297' WHERE id = 2", &["scalars"]),
    ("white space of a json", "UPDATE documents SET j = '{\"a\":1, \"a\":2}' WHERE id = 1", &["documents"]),
    ("scale inside a jsonb", "UPDATE documents SET jb = jsonb_set(jb, '{n}', '1.00') WHERE id = 1", &["documents"]),
    ("nesting inside a jsonb", "UPDATE documents SET jb = jsonb_set(jb, '{list}', '[[1, 2]]') WHERE id = 1", &["documents"]),
    ("a number inside a jsonb becomes a string", "UPDATE documents SET jb = jsonb_set(jb, '{n}', '\"1.0\"') WHERE id = 1", &["documents"]),
    ("jsonb null becomes null", "UPDATE documents SET jb = NULL WHERE id = 3", &["documents"]),
    ("the case of a citext", "UPDATE documents SET ct = 'case' WHERE id = 1", &["documents"]),
    ("the case under a loose collation", "UPDATE documents SET lo = 'loose' WHERE id = 1", &["documents"]),
    ("an attribute of an xml", "UPDATE documents SET x = '<a b=\"2\">text</a>' WHERE id = 1", &["documents"]),
    ("the weight of a lexeme", "UPDATE documents SET tv = 'a:1B b:2' WHERE id = 1", &["documents"]),
    ("null in an hstore becomes a word", "UPDATE documents SET hs = 'a=>1, b=>\"NULL\"' WHERE id = 1", &["documents"]),
    ("negative zero in a point", "UPDATE shapes SET p = '(0,0)' WHERE id = 2", &["shapes"]),
    ("an open path is closed", "UPDATE shapes SET pa = '((0,0),(1,1))' WHERE id = 1", &["shapes"]),
    ("the bounds of an array", "UPDATE nested SET ints = '{7,8}' WHERE id = 2", &["nested"]),
    ("null in an array becomes a word", "UPDATE nested SET texts[2] = 'NULL' WHERE id = 1", &["nested"]),
    ("scale inside an array", "UPDATE nested SET numbers[1][1] = 1.00 WHERE id = 1", &["nested"]),
    ("a field of a composite", "UPDATE nested SET at.feeling = 'sad' WHERE id = 1", &["nested"]),
    ("a composite of nulls becomes null", "UPDATE nested SET at = NULL WHERE id = 3", &["nested"]),
    ("the bound of a range", "UPDATE nested SET nr = '[1.0,2.00]' WHERE id = 1", &["nested"]),
    ("scale in the bound of a range", "UPDATE nested SET nr = '(1.0,2.0]' WHERE id = 1", &["nested"]),
    ("an empty range becomes null", "UPDATE nested SET i4r = NULL WHERE id = 2", &["nested"]),
    ("a regclass", "UPDATE nested SET rc = 'documents' WHERE id = 1", &["nested"]),
    ("a grant held in a column", "UPDATE nested SET acl = 'postgres=rw/postgres' WHERE id = 1", &["nested"]),
    ("values swap between two rows", "UPDATE pairs SET one = 3 - one WHERE id IN (1, 2)", &["pairs"]),
    ("values swap between two columns", "UPDATE pairs SET one = two, two = one WHERE id = 7", &["pairs"]),
    ("one duplicate is traded for another", "UPDATE keyless SET a = 2, b = 'y' WHERE ctid = '(0,1)'", &["keyless"]),
    ("a duplicate is gone", "DELETE FROM keyless WHERE ctid = '(0,1)'", &["keyless"]),
    ("a row of nulls is gone", "DELETE FROM keyless WHERE ctid = '(0,4)'", &["keyless"]),
    ("a row moves between partitions", "UPDATE events SET at = at + 365 WHERE what = 'event 1'", &["events_2025", "events_2026"]),
    ("a row moves from child to parent", "WITH gone AS (DELETE FROM child RETURNING id, note) INSERT INTO parent SELECT * FROM gone", &["child", "parent"]),
    ("an unlogged table is emptied", "TRUNCATE scratch", &["scratch"]),
    ("a generated column was computed otherwise", "ALTER TABLE computed ALTER gross DROP EXPRESSION; UPDATE computed SET gross = 12.00 WHERE id = 1", &["computed"]),
    ("a row without columns", "INSERT INTO nothing DEFAULT VALUES", &["nothing"]),
    ("a view is stale", "INSERT INTO pairs VALUES (101, 1, 1); REFRESH MATERIALIZED VIEW totals; DELETE FROM pairs WHERE id = 101", &["totals"]),
    ("a view is populated", "REFRESH MATERIALIZED VIEW waiting", &["waiting"]),
    ("a view is no longer populated", "REFRESH MATERIALIZED VIEW totals WITH NO DATA", &["totals"]),
    ("a table is gone", "DROP TABLE empty", &["empty"]),
    ("a column is renamed", "ALTER TABLE parent RENAME note TO remark", &["child", "parent"]),
];

/// Tables that cannot be read in full, and why. None of them may ever count as equal.
const UNREADABLE: &str = "
    CREATE EXTENSION isn;
    CREATE TABLE books (id int PRIMARY KEY, number isbn13);
    CREATE TABLE secrets (id int);
    CREATE TABLE policed (id int);
    ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
    CREATE TABLE readable (id int);
    INSERT INTO readable VALUES (1);
    CREATE ROLE auditor LOGIN;
    GRANT SELECT ON books, policed, readable TO auditor;
    ";

fn certificate(config: &postgres::Config, strength: Strength) -> Certificate {
    let snapshot = Snapshot::open(config).unwrap();
    let options = Options { strength, ..Options::default() };
    let mut taken = database::take(&snapshot, &options, &Events::ignored()).unwrap();
    hold_to_definitions(&snapshot, &mut taken, None, Effort::Little).unwrap();
    Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: snapshot.recovery_point().instant,
        strength,
        database: Some(taken),
        media: None,
        volumes: BTreeMap::new(),
        sqlite: BTreeMap::new(),
    }
}

fn tables_named(integrity: &Integrity) -> Vec<&str> {
    let subjects = integrity.divergences.iter().map(|found| found.subject.as_str());
    let named: BTreeSet<&str> =
        subjects.map(|subject| subject.strip_prefix("public.").unwrap_or(subject)).collect();
    named.into_iter().collect()
}

fn tables(certificate: &Certificate) -> &BTreeMap<String, TableFingerprint> {
    &certificate.database.as_ref().unwrap().tables
}

/// Without what the catalogue has to say of tables, such as an option that is new.
fn tables_named_by_rows(integrity: &Integrity) -> Vec<&str> {
    let rows = integrity.divergences.iter().filter(|found| found.rows.is_some());
    rows.map(|found| found.subject.as_str()).collect()
}

const STRENGTHS: [Strength; 2] = [Strength::Exact, Strength::Cryptographic];

fn certificates(server: &Postgres, database: &str) -> [Certificate; 2] {
    STRENGTHS.map(|strength| certificate(&server.config(database), strength))
}

/// The schema as a server knows it.
fn schema_of(major: Major) -> String {
    if major.knows_icu() { SCHEMA.to_owned() } else { without(SCHEMA, LOOSE) }
}

/// What takes a collation of ICU.
const LOOSE: &[(&str, &str)] = &[
    (
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);",
        "",
    ),
    (" COLLATE loose", ""),
];

#[rstest]
#[case::of_14(FOURTEEN)]
#[case::of_15(FIFTEEN)]
#[case::of_16(SIXTEEN)]
fn a_restored_dump_is_equal_and_every_mutation_is_named(#[case] major: Major) {
    let server = Postgres::start(major);
    server.create("source");
    server.execute("source", &schema_of(major));
    server.dump_and_restore("source", "intact");
    let before = certificates(&server, "source");

    for (before, after) in before.iter().zip(certificates(&server, "intact")) {
        let intact = compare::certificates(before, &after);
        assert_eq!(intact.undecided, Vec::<String>::new());
        assert_eq!(intact.divergences, []);
        assert_eq!(intact.tables_compared, 17);
    }

    // Before 15 a copy of a database is a checkpoint and a copy of its files: that takes seconds.
    let step = if major.number < 15 { 8 } else { 1 };
    let mut silent = Vec::new();
    for (what, mutation, tables) in MUTATIONS.iter().step_by(step) {
        server.copy("intact", "mutated");
        server.execute("mutated", mutation);
        for (before, after) in before.iter().zip(certificates(&server, "mutated")) {
            let compared = compare::certificates(before, &after);
            if tables_named(&compared) != *tables || !compared.undecided.is_empty() {
                silent.push(format!("{what}: {compared:?}"));
            }
        }
        server.drop("mutated");
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// As many columns as a table can have, most of them null.
const WIDE: &str = "
    DO $$ BEGIN EXECUTE (
        SELECT 'CREATE TABLE wide (' || string_agg('c' || n || ' int', ', ' ORDER BY n) || ')'
        FROM generate_series(1, 1600) n);
    END $$;
    INSERT INTO wide (c1, c2, c1600) VALUES (1, 2, NULL), (3, 4, NULL), (5, NULL, 6);
    ";

#[rustfmt::skip]
const WIDE_MUTATIONS: &[&str] = &[
    "UPDATE wide SET c1 = 7 WHERE c1 = 1",
    "UPDATE wide SET c2 = 6 - c2 WHERE c1 IN (1, 3)",
    "UPDATE wide SET c1600 = NULL, c1599 = 6 WHERE c1 = 5",
    "UPDATE wide SET c1600 = NULL, c1540 = 6 WHERE c1 = 5",
    "UPDATE wide SET c800 = 0 WHERE c1 = 1",
];

#[test]
fn every_column_of_the_widest_table_counts_though_all_after_it_are_null() {
    let server = Postgres::start(FIFTEEN);
    server.create("source");
    server.execute("source", WIDE);
    let before = certificate(&server.config("source"), Strength::Exact);
    assert!(matches!(tables(&before)["public.wide"].rows, RowsDigest::Read { count: 3, .. }));
    for mutation in WIDE_MUTATIONS {
        server.copy("source", "mutated");
        server.execute("mutated", mutation);
        let after = certificate(&server.config("mutated"), Strength::Exact);
        let compared = compare::certificates(&before, &after);
        assert_eq!(tables_named(&compared), ["wide"], "{mutation}");
        server.drop("mutated");
    }
}

/// A constraint that was lost is a divergence of its own, and none of the rows.
#[test]
fn rows_are_the_same_whether_or_not_their_columns_are_declared_not_null() {
    let server = Postgres::start(FIFTEEN);
    server.create("source");
    server.execute("source", SCHEMA);
    let before = certificate(&server.config("source"), Strength::Exact);
    // Not so where a column holds nulls: the catalogue lies, and rows must not suffer.
    server.execute(
        "source",
        "UPDATE pg_attribute SET attnotnull = true WHERE attrelid >= 16384 AND attnum > 0",
    );
    let after = certificate(&server.config("source"), Strength::Exact);
    for (name, table) in tables(&before) {
        assert_eq!(table.rows, tables(&after)[name].rows, "{name}");
    }
}

/// What PostgreSQL 13 knows of the schema: no multiranges, no infinite numerics, and cubes that
/// are never sent, so that a table of them is undecided.
const OF_THIRTEEN: &[(&str, &str)] = &[
    (" mr int4multirange,", ""),
    (" '{[1,3),[5,7)}',", ""),
    ("'(,)', '{}', 'empty'", "'(,)', 'empty'"),
    ("'(,,)', '(,,)', NULL,", "'(,,)', '(,,)',"),
    ("'-Infinity', 'Infinity', 0, 0,", "'-Infinity', 'NaN', 0, 0,"),
    (" cu cube,", ""),
    (" '(1,2),(3,4)', 'Loose'", " 'Loose'"),
    (" '(0)', ''", " ''"),
    ("'null', 'null', NULL,", "'null', 'null',"),
];

/// A schema, each part replaced by another.
fn without(schema: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(schema.to_owned(), |schema, (newer, older)| {
        assert_eq!(schema.matches(newer).count(), 1, "{newer}");
        schema.replace(newer, older)
    })
}

#[rstest]
#[case::with_icu(&[], &[FIFTEEN, SEVENTEEN, EIGHTEEN])]
#[case::without_icu(LOOSE, &[FOURTEEN, SIXTEEN])]
fn rows_compare_across_major_versions_and_a_mutation_is_named(
    #[case] unknown: &[(&str, &str)],
    #[case] majors: &[Major],
) {
    let source = Postgres::start(THIRTEEN);
    source.create("source");
    source.execute("source", &without(&without(SCHEMA, OF_THIRTEEN), unknown));
    let before = certificates(&source, "source");
    for major in majors {
        let target = Postgres::start(*major);
        target.create("target");
        let _ = target.shell(&format!(
            "pg_dump -d '{}' | psql -U postgres -q -v ON_ERROR_STOP=1 -d target",
            source.url("source")
        ));
        for (before, after) in before.iter().zip(certificates(&target, "target")) {
            let compared = compare::certificates(before, &after);
            assert_eq!(compared.undecided, Vec::<String>::new(), "{major:?}");
            let rows = tables_named_by_rows(&compared);
            assert_eq!((rows, compared.tables_compared), (Vec::new(), 17), "{major:?}");
        }
        target.execute("target", "UPDATE scalars SET n = 1.00 WHERE id = 1");
        for (before, after) in before.iter().zip(certificates(&target, "target")) {
            let compared = compare::certificates(before, &after);
            assert_eq!(tables_named_by_rows(&compared), ["public.scalars"], "{major:?}");
        }
    }
}

#[test]
fn rows_in_another_encoding_compare_as_text_and_never_as_bytes() {
    let server = Postgres::start(FIFTEEN);
    for (name, encoding) in [("unicode", "UTF8"), ("latin", "LATIN1")] {
        server.execute(
            "postgres",
            &format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"),
        );
        let table = r"CREATE TABLE notes AS SELECT E'caf\u00e9' AS note UNION ALL SELECT 'plain'";
        server.execute(name, table);
    }
    let named = ["database"];
    let [exact, cryptographic] = certificates(&server, "unicode");
    let [exact_latin, cryptographic_latin] = certificates(&server, "latin");

    let compared = compare::certificates(&exact, &exact_latin);
    assert_eq!((tables_named(&compared), compared.tables_compared), (named.to_vec(), 0));
    assert!(compared.undecided[0].contains("server encodings, UTF8 and LATIN1"), "{compared:?}");

    let compared = compare::certificates(&cryptographic, &cryptographic_latin);
    assert_eq!((tables_named(&compared), compared.tables_compared), (named.to_vec(), 1));
    assert!(compared.divergences[0].detail.contains("encoding UTF8 → LATIN1"), "{compared:?}");
    assert_eq!(compared.undecided, Vec::<String>::new());
}

#[test]
fn a_table_that_cannot_be_read_in_full_is_undecided_by_name() {
    let server = Postgres::start(FIFTEEN);
    server.create("source");
    server.execute("source", UNREADABLE);
    let before = certificate(server.config("source").user("auditor"), Strength::Exact);
    let after = certificate(&server.config("source"), Strength::Exact);

    let compared = compare::certificates(&before, &after);
    assert_eq!(compared.divergences, []);
    assert_eq!(compared.tables_compared, 1, "{compared:?}");
    let rows: Vec<&String> =
        compared.undecided.iter().filter(|reason| reason.starts_with("public.")).collect();
    assert_eq!(
        rows,
        [
            "public.books in the baseline: column number: type public.isbn13 has no send function",
            "public.policed in the baseline: query would be affected by row-level security \
             policy for table \"policed\" (42501)",
            "public.secrets in the baseline: the role may not read it",
        ]
    );
}

#[test]
fn a_snapshot_may_be_dropped_where_nothing_may_block() {
    let server = Postgres::start(FIFTEEN);
    let snapshot = Snapshot::open(&server.config("postgres")).unwrap();
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
    let held = |server: &Postgres| -> i64 {
        server.connect("postgres").query_one(sessions, &[]).unwrap().get(0)
    };
    assert_eq!(held(&server), 1);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async move {
        drop(snapshot);
    });
    assert_eq!(held(&server), 0);
}

#[test]
fn rows_truncated_behind_the_snapshot_are_undecided() {
    let server = Postgres::start(FIFTEEN);
    server.create("source");
    server.execute("source", "CREATE TABLE gone AS SELECT 1; CREATE TABLE kept AS SELECT 1");
    let config = server.config("source");
    let snapshot = Snapshot::open(&config).unwrap();
    server.execute("source", "TRUNCATE gone; INSERT INTO kept VALUES (2)");

    let taken = database::take(&snapshot, &Options::default(), &Events::ignored()).unwrap();
    assert_eq!(
        taken.tables["public.gone"].rows,
        RowsDigest::Undecided {
            reason: "it was rewritten or truncated after the snapshot was taken".to_owned()
        }
    );
    assert!(matches!(taken.tables["public.kept"].rows, RowsDigest::Read { count: 1, .. }));
}

#[test]
fn a_server_that_goes_away_is_an_error_and_no_fingerprint() {
    let server = Postgres::start(FIFTEEN);
    let config = server.config("postgres");
    let snapshot = Snapshot::open(&config).unwrap();
    server.execute(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'restore-drill'",
    );
    let taken = database::take(&snapshot, &Options::default(), &Events::ignored());
    assert_eq!(taken.unwrap_err().kind(), harness::ErrorKind::Undecided);
}
