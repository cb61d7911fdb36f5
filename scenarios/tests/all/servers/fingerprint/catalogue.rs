//! The catalogue: a dump restored on another server is equal, and each single mutation of it
//! is named, by its divergence and no other.

use std::collections::BTreeMap;

use harness::compare::facts::{compare, undecided};
use harness::fingerprint::catalogue::{self, Amcheck, damaged_indexes};
use harness::model::divergence::{DamageClass, Divergence, DivergenceKind};
use postgres::Client;
use rstest::rstest;

use scenarios::scratch::{
    EIGHTEEN, FIFTEEN, FOURTEEN, Major, Postgres, SEVENTEEN, SIXTEEN, THIRTEEN,
};

const ROLES: &str = include_str!("../../../../fixtures/every_role.sql");
const OBJECTS: &str = include_str!("../../../../fixtures/every_object.sql");
const SINCE_15: &str = include_str!("../../../../fixtures/every_object_since_15.sql");

/// What is done to the restored catalogue, and the divergences that must then be told, nothing
/// else: subject, and part of the detail.
type Mutation = (&'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
const MUTATIONS: &[Mutation] = &[
    // Sequences.
    ("ALTER SEQUENCE anonymat RESTART 1; SELECT nextval('anonymat')", &[("public.anonymat", "last value 100310 → 1")]),
    ("ALTER SEQUENCE anonymat RESTART 100310", &[("public.anonymat", "last value handed out: true → false")]),
    ("ALTER SEQUENCE exam_id_seq RESTART 3", &[("public.exam_id_seq", "ahead → behind of public.exam.id")]),
    ("ALTER SEQUENCE copy_id_seq RESTART 100", &[("public.copy_id_seq", "behind of public.copy.id")]),
    ("INSERT INTO fed_one VALUES (17)", &[("public.shared", "ahead → behind of public.fed_one.id")]),
    ("ALTER SEQUENCE anonymat INCREMENT 2 CACHE 5", &[("public.anonymat", "increment 1 → 2; cache 1 → 5")]),
    ("ALTER SEQUENCE turning NO CYCLE", &[("public.turning", "cycle yes → none")]),
    ("ALTER SEQUENCE exam_id_seq OWNED BY NONE", &[("public.exam_id_seq", "owned by public.exam.id → none")]),
    ("DROP SEQUENCE anonymat", &[("public.anonymat", "missing")]),
    // Columns.
    ("ALTER TABLE parent ADD COLUMN more int", &[("public.child", "column more: not in the baseline: integer"), ("public.parent", "column more: not in the baseline: integer")]),
    ("ALTER TABLE exam DROP COLUMN big", &[("public.exam", "column big: missing: text")]),
    ("ALTER TABLE fed_one ALTER a TYPE bigint", &[("public.fed_one", "column a: type integer → bigint")]),
    ("ALTER TABLE fed_one ALTER a SET NOT NULL", &[("public.fed_one", "column a: not null none → yes")]),
    ("ALTER TABLE exam ALTER title SET DEFAULT 'none'", &[("public.exam", "column title: default 'untitled'::text → 'none'::text")]),
    ("ALTER TABLE exam ALTER changed_at SET DEFAULT '2024-06-01 12:00:00+03'", &[("public.exam", "column changed_at: default")]),
    ("ALTER TABLE exam ALTER name TYPE text", &[("public.exam", "column name: collation public.french → none")]),
    ("ALTER TABLE copy ALTER id SET GENERATED ALWAYS", &[("public.copy", "column id: identity by default → always")]),
    ("ALTER TABLE copy ALTER centi DROP EXPRESSION", &[("public.copy", "column centi: generated stored → none")]),
    ("ALTER TABLE exam ALTER big SET STORAGE MAIN", &[("public.exam", "column big: storage external → main")]),
    ("ALTER TABLE exam ALTER big SET COMPRESSION DEFAULT", &[("public.exam", "column big: compression missing")]),
    ("ALTER TABLE exam ALTER title SET STATISTICS -1", &[("public.exam", "column title: statistics target 77 → none")]),
    ("ALTER TABLE plain DROP one; ALTER TABLE plain ADD one int", &[("public.plain", "order of columns one, two → two, one")]),
    // Constraints and indexes.
    ("ALTER TABLE copy DROP CONSTRAINT copy_exam", &[("constraint copy_exam on public.copy", "missing: FOREIGN KEY (exam_id)")]),
    ("ALTER TABLE copy ALTER CONSTRAINT copy_exam NOT DEFERRABLE", &[("constraint copy_exam on public.copy", "DEFERRABLE INITIALLY DEFERRED")]),
    ("ALTER TABLE copy VALIDATE CONSTRAINT copy_score_small", &[("constraint copy_score_small on public.copy", "NOT VALID → CHECK")]),
    ("UPDATE pg_constraint SET convalidated = false WHERE conname = 'copy_exam'", &[("constraint copy_exam on public.copy", "DEFERRED → …RRABLE INITIALLY DEFERRED NOT VALID")]),
    ("ALTER TABLE copy DISABLE TRIGGER ALL; ALTER TABLE copy ENABLE TRIGGER copy_later", &[("constraint copy_exam on public.copy", "triggers none → not firing")]),
    ("ALTER TABLE journal_2025 DISABLE TRIGGER ALL; ALTER TABLE journal_2025 ENABLE TRIGGER journal_touched", &[("constraint journal_exam_id_fkey on public.journal", "triggers none → not firing")]),
    ("ALTER TABLE exam DROP CONSTRAINT exam_coefficient_key", &[("constraint exam_coefficient_key on public.exam", "missing: UNIQUE (coefficient)")]),
    ("ALTER TABLE parent DROP CONSTRAINT parent_note_check", &[("constraint parent_note_check on public.child", "missing"), ("constraint parent_note_check on public.parent", "missing")]),
    ("DROP INDEX copy_by_twice", &[("index copy_by_twice on public.copy", "missing: CREATE INDEX copy_by_twice")]),
    ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'copy_by_score'::regclass", &[("index copy_by_score on public.copy", "valid none → no")]),
    ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'exam_pkey'::regclass", &[("constraint exam_pkey on public.exam", "not valid")]),
    ("DROP INDEX copy_by_score; CREATE INDEX copy_by_score ON copy (score) INCLUDE (exam_id) WHERE score > 10; COMMENT ON INDEX copy_by_score IS 'best first'", &[("index copy_by_score on public.copy", "DESC NULLS LAST")]),
    ("DROP INDEX exam_title; CREATE INDEX exam_title ON exam (title)", &[("index exam_title on public.exam", "CREATE UNIQUE INDEX")]),
    ("DROP INDEX copy_slots; CREATE UNIQUE INDEX copy_slots ON copy (id, slot)", &[("index copy_slots on public.copy", "NULLS NOT DISTINCT")]),
    ("ALTER INDEX copy_by_twice SET TABLESPACE pg_default", &[("index copy_by_twice on public.copy", "tablespace other → none")]),
    // Tables, partitions, inheritance.
    ("DROP TABLE scratch", &[("public.scratch", "missing: table; with 1 column")]),
    ("CREATE TABLE stray (id int)", &[("public.stray", "not in the baseline: table")]),
    ("ALTER TABLE scratch SET LOGGED", &[("public.scratch", "unlogged yes → none")]),
    ("ALTER TABLE scratch SET TABLESPACE pg_default", &[("public.scratch", "tablespace other → none")]),
    ("ALTER TABLE journal DETACH PARTITION journal_rest", &[
        ("public.journal_rest", "partition of public.journal DEFAULT → none"),
        ("index journal_rest_note_idx on public.journal_rest", "part of public.journal_note → none"),
        ("constraint journal_exam_id_fkey on public.journal_rest", "not in the baseline"),
    ]),
    ("ALTER TABLE child NO INHERIT parent", &[("public.child", "inherits public.parent → none")]),
    ("ALTER TABLE exam RESET (fillfactor)", &[("public.exam", "options fillfactor=80, toast.autovacuum_enabled=off → toast.autovacuum_enabled=off")]),
    ("ALTER TABLE exam REPLICA IDENTITY DEFAULT", &[("index exam_title on public.exam", "replica identity yes → none"), ("public.exam", "replica identity index → none")]),
    ("ALTER TABLE exam SET WITHOUT CLUSTER", &[("constraint exam_pkey on public.exam", "clustered")]),
    ("ALTER TABLE typed NOT OF", &[("public.typed", "of type public.address → none")]),
    // Row security and what happens by itself.
    ("ALTER TABLE exam DISABLE ROW LEVEL SECURITY", &[("public.exam", "row security enabled → none")]),
    ("ALTER TABLE copy NO FORCE ROW LEVEL SECURITY", &[("public.copy", "row security of the owner forced → none")]),
    ("DROP POLICY exam_own ON exam", &[("policy exam_own on public.exam", "missing: permissive for select")]),
    ("ALTER POLICY exam_own ON exam TO reader", &[("policy exam_own on public.exam", "to app, reader → reader")]),
    ("ALTER POLICY exam_all ON exam USING (id > 0)", &[("policy exam_all on public.exam", "using true → (id > 0)")]),
    ("ALTER TABLE exam DISABLE TRIGGER exam_touched", &[("trigger exam_touched on public.exam", "fires none → never")]),
    ("DROP TRIGGER exam_replica ON exam", &[("trigger exam_replica on public.exam", "missing: CREATE TRIGGER")]),
    ("ALTER TABLE journal_2024 ENABLE TRIGGER journal_touched", &[("trigger journal_touched on public.journal_2024", "missing")]),
    ("DROP RULE parent_stays ON parent", &[("rule parent_stays on public.parent", "missing")]),
    ("ALTER EVENT TRIGGER ddl DISABLE", &[("event trigger ddl", "fires none → never")]),
    ("DROP EVENT TRIGGER ddl", &[("event trigger ddl", "missing")]),
    // Views and statistics.
    ("CREATE OR REPLACE VIEW titles AS SELECT id, title FROM exam WHERE title <> 'x' WITH CASCADED CHECK OPTION", &[("public.titles", "line 4: WHERE (exam.title <> ''::text); → WHERE (exam.title <> 'x'::text);")]),
    ("ALTER VIEW invoked RESET (security_invoker)", &[("public.invoked", "options security_invoker=true → none")]),
    ("ALTER VIEW results RESET (security_barrier)", &[("public.results", "options security_barrier=true → none")]),
    ("ALTER VIEW titles ALTER title DROP DEFAULT", &[("public.titles", "column title: missing")]),
    ("DROP VIEW results", &[("public.results", "missing: view; with 1 comment")]),
    ("DROP STATISTICS exam_stat", &[("statistics public.exam_stat", "missing")]),
    ("ALTER STATISTICS exam_stat SET STATISTICS 10", &[("statistics public.exam_stat", "statistics target 50 → 10")]),
    // Types, functions, text.
    ("ALTER TYPE mood ADD VALUE 'glad' BEFORE 'ok'", &[("type public.mood", "labels 'sad', 'ok', 'it''s fine' → 'sad', 'glad', 'ok', 'it''s fine'")]),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", &[("type public.mood", "labels 'sad'")]),
    ("ALTER DOMAIN points DROP NOT NULL", &[("type public.points", "not null yes → none")]),
    ("ALTER DOMAIN points DROP CONSTRAINT points_not_negative", &[("domain constraint points_not_negative on public.points", "missing: CHECK")]),
    ("CREATE OR REPLACE FUNCTION thrice(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n * 4; END", &[("function public.thrice(integer)", "line 5: SELECT (n * 3); → SELECT (n * 4);")]),
    ("ALTER FUNCTION twice(int) SECURITY INVOKER", &[("function public.twice(integer)", "SECURITY DEFINER")]),
    ("ALTER FUNCTION twice(int) RESET ALL", &[("function public.twice(integer)", "SET search_path")]),
    ("DROP PROCEDURE tidy(int)", &[("function public.tidy(integer)", "missing")]),
    ("DROP AGGREGATE total(int)", &[("function public.total(integer)", "missing: aggregate")]),
    ("DROP OPERATOR // (address, address)", &[("operator public.//(public.address,public.address)", "missing")]),
    ("DROP OPERATOR CLASS address_ops USING hash", &[("operator class public.address_ops using hash", "missing"), ("operator family public.address_ops using hash", "none")]),
    ("DROP CAST (address AS text)", &[("cast public.address as text", "missing")]),
    ("UPDATE pg_collation SET collisdeterministic = true WHERE collname = 'french'", &[("collation public.french", "deterministic no → none")]),
    ("UPDATE pg_collation SET collversion = '1.2' WHERE collname = 'french'", &[("collation version public.french", "built as none → 1.2")]),
    ("ALTER TEXT SEARCH CONFIGURATION searched ALTER MAPPING FOR asciiword WITH simple", &[("text search configuration public.searched", "mappings")]),
    ("ALTER TEXT SEARCH DICTIONARY plain (stopwords = french)", &[("text search dictionary public.plain", "stopwords = 'english' → stopwords = 'french'")]),
    // Owners and privileges.
    ("ALTER TABLE exam OWNER TO reader", &[("public.exam", "owner postgres → reader"), ("public.exam", "privileges of reader SELECT")]),
    ("ALTER SCHEMA reporting OWNER TO postgres", &[("schema reporting", "owner app → postgres")]),
    ("ALTER FUNCTION touch() OWNER TO app", &[("function public.touch()", "owner postgres → app")]),
    ("REVOKE SELECT ON exam FROM PUBLIC", &[("public.exam", "privileges of PUBLIC SELECT → none")]),
    ("REVOKE GRANT OPTION FOR SELECT ON exam FROM app CASCADE", &[("public.exam", "privileges of app SELECT* → SELECT"), ("public.exam", "privileges of auditor SELECT by app → none")]),
    ("GRANT DELETE ON exam TO postgres", &[("public.exam", "privileges of the owner")]),
    ("REVOKE SELECT (id) ON copy FROM reader", &[("public.copy.id", "privileges of reader SELECT → none")]),
    ("GRANT EXECUTE ON FUNCTION twice(int) TO PUBLIC", &[("function public.twice(integer)", "privileges of PUBLIC none → the default")]),
    ("GRANT EXECUTE ON FUNCTION citext_eq(citext, citext) TO PUBLIC", &[("function public.citext_eq(public.citext,public.citext)", "privileges of PUBLIC none → the default")]),
    ("REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM app", &[("function pg_read_file(text)", "privileges of app EXECUTE → none")]),
    ("REVOKE CREATE ON TABLESPACE other FROM reader", &[("tablespace other", "privileges of reader CREATE → none")]),
    ("REVOKE ALL ON PARAMETER log_min_duration_statement FROM app", &[("parameter log_min_duration_statement", "privileges of app SET → none")]),
    ("ALTER DEFAULT PRIVILEGES IN SCHEMA reporting REVOKE SELECT ON TABLES FROM reader", &[("default grant postgres in reporting on tables", "privileges of reader SELECT → none")]),
    ("ALTER LARGE OBJECT 4243 OWNER TO postgres", &[("large object 4243", "owner app → postgres")]),
    ("REVOKE SELECT ON LARGE OBJECT 4242 FROM reader", &[("large object 4242", "privileges of reader SELECT → none")]),
    // Roles and settings.
    ("ALTER ROLE reader LOGIN", &[("role reader", "login none → yes")]),
    ("ALTER ROLE app PASSWORD 'another'", &[("role app", "password differs")]),
    ("ALTER ROLE app PASSWORD NULL", &[("role app", "password missing")]),
    ("ALTER ROLE app CONNECTION LIMIT 1", &[("role app", "connection limit 40 → 1")]),
    ("ALTER ROLE auditor VALID UNTIL 'infinity'", &[("role auditor", "valid until 2031-01-01 00:00:00 → infinity")]),
    ("REVOKE reader FROM app", &[("role app", "membership in reader missing")]),
    ("REVOKE ADMIN OPTION FOR reader FROM auditor", &[("role auditor", "membership in reader member, may admit others → member")]),
    ("REVOKE pg_monitor FROM auditor", &[("role auditor", "membership in pg_monitor missing")]),
    ("ALTER ROLE app RESET statement_timeout", &[("role app", "setting statement_timeout missing: 5min")]),
    ("ALTER ROLE app SET my.secret = 'other'", &[("role app", "setting my.secret hash")]),
    ("ALTER ROLE reader IN DATABASE source RESET work_mem", &[("role reader in the database", "setting work_mem missing: 9MB")]),
    ("CREATE ROLE intruder SUPERUSER", &[("role intruder", "not in the baseline")]),
    ("COMMENT ON ROLE app IS NULL", &[("role app", "comment missing")]),
    // The database, schemas, extensions, comments, labels.
    ("ALTER DATABASE source RESET timezone", &[("database", "setting TimeZone missing: Europe/Paris")]),
    ("ALTER DATABASE source CONNECTION LIMIT -1", &[("database", "connection limit 90 → none")]),
    ("ALTER DATABASE source OWNER TO postgres", &[("database", "owner app → postgres")]),
    ("GRANT TEMPORARY ON DATABASE source TO PUBLIC", &[("database", "privileges of PUBLIC CONNECT → the default")]),
    ("COMMENT ON DATABASE source IS 'another'", &[("database", "comment the source → another")]),
    ("DROP SCHEMA \"odd/schema \"\"s\"\"\" CASCADE", &[("schema \"odd/schema \"\"s\"\"\"", "missing"), ("\"odd/schema \"\"s\"\"\".\"odd/table \"\"t\"\"\"", "missing: table; with 1 column, 1 comment, 1 constraint, 1 grant, 1 sequence")]),
    ("UPDATE pg_extension SET extversion = '1.5' WHERE extname = 'citext'", &[("extension citext", "version 1.6 → 1.5")]),
    ("ALTER EXTENSION citext SET SCHEMA reporting", &[("extension citext", "schema public → reporting"), ("function public.citext_eq(public.citext,public.citext)", ""), ("function reporting.citext_eq(reporting.citext,reporting.citext)", "")]),
    ("COMMENT ON COLUMN exam.title IS 'hidden'", &[("public.exam.title", "comment shown to students → hidden")]),
    ("COMMENT ON TABLE exam IS E'several\\nlines: of remark'", &[("public.exam", "comment line 2: lines: of comment → lines: of remark")]),
    ("COMMENT ON CONSTRAINT copy_exam ON copy IS NULL", &[("constraint copy_exam on public.copy", "comment missing: cascades")]),
    ("COMMENT ON LARGE OBJECT 4242 IS NULL", &[("large object 4242", "comment missing: a subject")]),
    ("INSERT INTO pg_seclabel VALUES ('exam'::regclass, 'pg_class'::regclass, 0, 'selinux', 'secret')", &[("public.exam", "label of selinux not in the baseline: secret")]),
    // Exchange with others.
    ("ALTER PUBLICATION exams SET (publish = 'insert')", &[("publication exams", "publishes insert, update → insert")]),
    ("ALTER PUBLICATION exams DROP TABLE copy", &[("publication exams", "table public.copy missing")]),
    ("ALTER PUBLICATION exams SET TABLE exam (id, title) WHERE (id > 4), copy", &[("publication exams", "part of table public.exam rows (id > 3) → (id > 4)")]),
    ("ALTER PUBLICATION reports DROP TABLES IN SCHEMA reporting", &[("publication reports", "schema reporting missing")]),
    ("ALTER SUBSCRIPTION from_elsewhere SET (slot_name = NONE)", &[("subscription from_elsewhere", "slot elsewhere → none")]),
    ("ALTER SUBSCRIPTION from_elsewhere CONNECTION 'host=elsewhere.invalid'", &[("subscription from_elsewhere", "connection hash")]),
    ("ALTER SERVER archive OPTIONS (SET host 'other.invalid')", &[("server archive", "options host=archive.invalid → host=other.invalid")]),
    ("ALTER USER MAPPING FOR app SERVER archive OPTIONS (SET password 'x')", &[("server archive", "mapping of user app options password hash")]),
    ("ALTER FOREIGN TABLE old_exam ALTER id OPTIONS (DROP column_name)", &[("public.old_exam", "column id: foreign options column_name=nr → none")]),
];

type Facts = BTreeMap<String, String>;

/// Both servers, and how the source is restored: as an operator would, globals first, with the
/// tools of the target.
fn restored(from: Major, to: Major) -> (Postgres, Postgres) {
    let (source, target) = (Postgres::start(from), Postgres::start(to));
    for server in [&source, &target] {
        let _ = server.shell("mkdir /tmp/other-tablespace");
    }
    source.execute("postgres", ROLES);
    source.execute(
        "postgres",
        "CREATE TABLESPACE other OWNER app LOCATION '/tmp/other-tablespace' WITH (random_page_cost = 2)",
    );
    source.create("source");
    source.execute("source", &objects_known_to(&[from, to]));
    if from.number >= 15 {
        source.execute("source", SINCE_15);
    }
    let from = source.url("source");
    // Late releases of 15 keep a column option of their own that only their pg_dump leaves out.
    let _ = target.shell(&format!(
        "pg_dumpall -d '{from}' --globals-only | sed '/^CREATE ROLE postgres;/d' > /tmp/globals.sql && \
         pg_dump -d '{from}' -C | sed -E 's/pg_attver=[0-9]+(, )?//; s/, \\)/)/; /SET \\(\\);/d' > /tmp/source.sql && \
         psql -U postgres -q -v ON_ERROR_STOP=1 -f /tmp/globals.sql -f /tmp/source.sql"
    ));
    (source, target)
}

/// Where a server has no ICU, a collation of the system's library takes the place of ICU's.
fn objects_known_to(majors: &[Major]) -> String {
    const ICU: &str = "(provider = icu, locale = 'fr-FR-x-icu', deterministic = false)";
    assert_eq!(OBJECTS.matches(ICU).count(), 1);
    if majors.iter().all(|major| major.knows_icu()) {
        return OBJECTS.to_owned();
    }
    OBJECTS.replace(ICU, "(provider = libc, locale = 'C.UTF-8')")
}

/// Facts as they are after statements that are then taken back.
fn facts_after(client: &mut Client, mutation: &str) -> Result<Facts, String> {
    let version = version(client);
    let opening = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {mutation}");
    let facts = match client.batch_execute(&opening) {
        Ok(()) => catalogue::facts(client, version).map_err(|error| error.chain()),
        Err(cause) => Err(cause.as_db_error().map_or_else(String::new, ToString::to_string)),
    };
    client.batch_execute("ROLLBACK").unwrap();
    facts
}

fn version(client: &mut Client) -> i32 {
    client.query_one("SELECT current_setting('server_version_num')::int", &[]).unwrap().get(0)
}

/// Whether exactly what is expected was told, in any order.
fn is_told(told: &[Divergence], expected: &[(&str, &str)]) -> bool {
    let is = |one: &Divergence, (subject, detail): &(&str, &str)| {
        one.subject == *subject && one.detail.contains(detail)
    };
    told.len() == expected.len()
        && expected.iter().all(|wanted| told.iter().any(|one| is(one, wanted)))
}

#[test]
fn a_restored_catalogue_is_equal_and_every_mutation_is_named() {
    let (source, target) = restored(FIFTEEN, FIFTEEN);
    let (mut source, mut target) = (source.connect("source"), target.connect("source"));
    let version = version(&mut source);
    let before = facts_after(&mut source, "").unwrap();

    let intact = facts_after(&mut target, "").unwrap();
    assert_eq!(undecided(&before, &intact), Vec::<String>::new());
    assert_eq!(compare(&before, &intact, version, version), []);
    assert_eq!(before.len(), intact.len());

    let mut silent = Vec::new();
    for (mutation, expected) in MUTATIONS {
        let told = facts_after(&mut target, mutation)
            .map(|after| compare(&before, &after, version, version));
        if !told.as_ref().is_ok_and(|told| is_told(told, expected)) {
            silent.push(format!("{mutation}: {told:#?}"));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// Only what the system's library says of itself may differ: it is another release's.
#[rstest]
#[case::from_13(THIRTEEN, SEVENTEEN)]
#[case::from_15(FIFTEEN, SEVENTEEN)]
#[case::to_18(FIFTEEN, EIGHTEEN)]
#[case::from_13_to_14(THIRTEEN, FOURTEEN)]
#[case::from_14_to_16(FOURTEEN, SIXTEEN)]
#[case::from_16(SIXTEEN, SEVENTEEN)]
fn an_upgrade_is_no_difference_and_hides_none(#[case] from: Major, #[case] to: Major) {
    let (source, target) = restored(from, to);
    let (mut source, mut target) = (source.connect("source"), target.connect("source"));
    let versions = (version(&mut source), version(&mut target));
    let before = facts_after(&mut source, "").unwrap();
    let told = |client: &mut Client, mutation: &str| {
        let after = facts_after(client, mutation).unwrap();
        let mut told = compare(&before, &after, versions.0, versions.1);
        told.retain(|one| one.class != Some(DamageClass::CollationChanged));
        told
    };
    assert_eq!(told(&mut target, ""), []);

    let view = "CREATE OR REPLACE VIEW titles AS SELECT id, title FROM exam WHERE title <> 'x' WITH CASCADED CHECK OPTION";
    assert!(is_told(&told(&mut target, view), &[("public.titles", "'x'")]));
    let grant = "REVOKE SELECT ON exam FROM PUBLIC";
    assert!(is_told(&told(&mut target, grant), &[("public.exam", "privileges of PUBLIC")]));
}

#[test]
fn an_index_that_lies_is_named_and_the_others_are_sound() {
    let server = Postgres::start(FIFTEEN);
    server.create("sound");
    server.execute(
        "sound",
        "CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
         CREATE TABLE student (id int PRIMARY KEY, name text);
         INSERT INTO student SELECT n, 'Name ' || n FROM generate_series(1, 1000) n;
         CREATE INDEX by_name ON student (folded(name))",
    );
    let missing = damaged_indexes(&server.config("sound"), 2, Amcheck::Installed).unwrap_err();
    assert_eq!(missing.kind(), harness::ErrorKind::Undecided);

    let intact = damaged_indexes(&server.config("sound"), 2, Amcheck::Install).unwrap();
    assert_eq!((intact.damaged.len(), intact.undecided.len()), (0, 0), "{intact:?}");

    // As when the rules of a collation change under an index: what it holds is no longer so.
    server.execute(
        "sound",
        "CREATE OR REPLACE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)'",
    );
    let damaged = damaged_indexes(&server.config("sound"), 2, Amcheck::Installed).unwrap();
    let named: Vec<_> =
        damaged.damaged.iter().map(|one| (one.kind, one.subject.as_str())).collect();
    assert_eq!(named, [(DivergenceKind::Index, "index public.by_name on public.student")]);
    assert_eq!(damaged.sound, intact.sound - 1);
}

#[test]
fn what_a_role_may_not_read_is_undecided_by_name() {
    let server = Postgres::start(FIFTEEN);
    server.create("source");
    server.execute(
        "source",
        "CREATE ROLE outsider LOGIN PASSWORD 'x';
         CREATE TABLE exam (id serial PRIMARY KEY);
         CREATE SEQUENCE open;
         GRANT SELECT ON SEQUENCE open TO outsider",
    );
    let before = facts_after(&mut server.connect("source"), "").unwrap();
    let mut outsider = server.config("source");
    let mut outsider = outsider.user("outsider").connect(postgres::NoTls).unwrap();
    let after = facts_after(&mut outsider, "").unwrap();

    let version = version(&mut outsider);
    assert_eq!(compare(&before, &after, version, version), []);
    let told = undecided(&before, &after);
    assert_eq!(
        told,
        [
            "role/outsider/password: pg_authid may not be read",
            "role/postgres/password: pg_authid may not be read",
            "sequence/public.exam_id_seq/feeds public.exam.id: the sequence or the column may not be read",
            "sequence/public.exam_id_seq/is_called: the sequence may not be read",
            "sequence/public.exam_id_seq/last_value: the sequence may not be read",
        ]
    );
    let checked =
        damaged_indexes(&*server.config("source").user("outsider"), 1, Amcheck::Installed);
    assert_eq!(checked.unwrap_err().kind(), harness::ErrorKind::Undecided);
}
