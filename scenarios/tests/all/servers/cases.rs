//! Faults that public reports brought to light, each as the statements that make it: what a clean
//! dump and restore of it must be judged to be, and what damage must be named. One server for all,
//! a pair of databases a case.

use std::fs;
use std::path::{Path, PathBuf};

use scenarios::scratch::{FIFTEEN, Postgres};
use scenarios::xtask::{Answer, answer, xtask};

/// The statements of a case: `setup` makes the source, `fault` damages the copy.
macro_rules! case {
    ($name:literal) => {
        include_str!(concat!("../../../fixtures/cases/", $name, ".sql"))
    };
}

const ASCII: &str = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";

struct Cases {
    server: Postgres,
    folder: tempfile::TempDir,
}

/// A database, its restored copy, and the certificate of the first.
struct Pair<'a> {
    cases: &'a Cases,
    name: &'static str,
}

impl Cases {
    fn create(&self, database: &str, options: &str) {
        let create = format!("CREATE DATABASE {database} TEMPLATE template0 {options}");
        self.server.execute("postgres", &create);
    }

    /// Makes a source, certifies it, and restores its dump as far as `pg_restore` gets.
    fn pair(&self, name: &'static str, options: [&str; 2], setup: &str) -> Pair<'_> {
        let (source, copy) = (format!("{name}_source"), format!("{name}_copy"));
        self.create(&source, options[0]);
        self.server.execute(&source, setup);
        self.create(&copy, options[1]);
        let _ = self.server.shell(&format!(
            "pg_dump -Fc -d {source} -f /tmp/{name}.dump && \
             {{ pg_restore -d {copy} /tmp/{name}.dump || true; }}"
        ));
        let pair = Pair { cases: self, name };
        pair.certify(&source, &pair.path("json"), 0);
        pair
    }
}

impl Pair<'_> {
    fn path(&self, kind: &str) -> PathBuf {
        self.cases.folder.path().join(format!("{}.{kind}", self.name))
    }

    fn url(&self, which: &str) -> String {
        self.cases.server.url(&format!("{}_{which}", self.name))
    }

    /// Damages the copy.
    fn damage(&self, fault: &str) {
        self.cases.server.execute(&format!("{}_copy", self.name), fault);
    }

    fn certify(&self, database: &str, out: &Path, exit_code: i32) -> Answer {
        let url = self.cases.server.url(database);
        answer(xtask(&["fingerprint", &url, "--out", text(out)]), exit_code)
    }

    /// Holds the copy against the certificate.
    #[track_caller]
    fn live(&self, options: &[&str], exit_code: i32) -> Answer {
        let (before, url) = (self.path("json"), self.url("copy"));
        answer(xtask(&[&["compare", text(&before), &url], options].concat()), exit_code)
    }

    /// Holds a certificate of the copy against that of the source.
    #[track_caller]
    fn kept(&self, exit_code: i32) -> Answer {
        let (before, after) = (self.path("json"), self.path("copy.json"));
        self.certify(&format!("{}_copy", self.name), &after, 0);
        answer(xtask(&["compare", text(&before), text(&after)]), exit_code)
    }

    /// The copy in either way of comparing.
    #[track_caller]
    fn both(&self, exit_code: i32, names: &[&str]) {
        self.live(&[], exit_code).names(names);
        self.kept(exit_code).names(names);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn every_case_is_judged_as_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases { server: Postgres::start(FIFTEEN), folder };
    an_index_over_a_function_that_finds_its_tables_by_the_path(&cases);
    a_function_that_is_called_as_one_of_postgresql_is(&cases);
    pieces_by_the_hash_of_an_enum(&cases);
    an_extension_in_another_version(&cases);
    names_that_look_like_others(&cases);
    views_that_the_restore_refreshes(&cases);
    a_view_that_calls_a_function(&cases);
    bytes_that_are_no_text(&cases);
    names_that_are_no_text(&cases);
    what_another_server_holds(&cases);
    lists_that_are_damaged(&cases);
}

/// Its restore fails by itself, and the tool must not fail with it.
fn an_index_over_a_function_that_finds_its_tables_by_the_path(cases: &Cases) {
    let more = "CREATE INDEX partly ON person (id) WHERE fold(name) > 'a';
                CREATE STATISTICS folded ON fold(name), id FROM person";
    let pair = cases.pair("fold", ["", ""], &format!("{}{more}", case!("05-setup")));
    pair.live(&[], 1).names(&[
        "differs    index person_fold_key on public.person: missing",
        "2 tables, 202 rows",
    ]);
}

/// Under the database's own path somebody's function could take the place of PostgreSQL's.
fn a_function_that_is_called_as_one_of_postgresql_is(cases: &Cases) {
    let setup = "CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
        CREATE DOMAIN amount AS numeric;
        CREATE TABLE paid (id serial PRIMARY KEY, who varchar, what amount, since timestamptz);
        INSERT INTO paid (who, what, since) SELECT 'n' || n, n / 4.0, now() FROM generate_series(1, 9) n;
        CREATE INDEX ON paid (fold(who))";
    let pair = cases.pair("taken", ["", ""], setup);
    pair.damage(
        "CREATE FUNCTION never() RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END';
         CREATE FUNCTION hashtextextended(varchar, bigint) RETURNS bigint LANGUAGE sql
             AS 'SELECT never(); SELECT 0::bigint';
         CREATE FUNCTION max(integer[]) RETURNS integer LANGUAGE sql AS 'SELECT never(); SELECT 0';
         CREATE FUNCTION less(amount, amount) RETURNS boolean LANGUAGE sql
             AS 'SELECT never(); SELECT true';
         CREATE OPERATOR < (LEFTARG = amount, RIGHTARG = amount, FUNCTION = less)",
    );
    let told = pair.live(&[], 1);
    told.names(&["function public.hashtextextended", "1 tables, 9 rows"]);
    assert!(!told.said.contains("called") && !told.said.contains("public.paid"), "{told:#?}");
}

fn pieces_by_the_hash_of_an_enum(cases: &Cases) {
    let keyed = format!("{}; ALTER TABLE tick ADD PRIMARY KEY (id, s)", case!("18-setup"));
    let pair = cases.pair("pieces", ["", ""], &keyed);
    let spread = ["note       public.tick: the same rows, spread otherwise: ", "verdict    equal"];
    pair.both(0, &spread);
    let (out, url) = (pair.path("strong.json"), pair.url("source"));
    let strong = ["fingerprint", &url, "--strength", "cryptographic", "--out", text(&out)];
    answer(xtask(&strong), 0);
    let url = pair.url("copy");
    answer(xtask(&["compare", text(&out), &url]), 0).names(&spread);

    pair.damage("DELETE FROM tick WHERE id = 7; UPDATE tick SET s = 'gone' WHERE id = 8");
    let lost = ["public.tick: 2 of 400 rows missing, 1 extra", "missing (7, dup)", "different"];
    pair.both(1, &lost);
    answer(xtask(&["compare", text(&out), &url]), 1).names(&lost);

    let accepts = pair.path("toml");
    let decision =
        "[[accept]]\nkind = \"table\"\nsubject = \"public.tick\"\nreason = \"a cache\"\n";
    fs::write(&accepts, decision).unwrap();
    let accepted = ["--accept", text(&accepts)];
    pair.live(&accepted, 0).names(&[
        "warned     public.tick: ",
        "(accepted: a cache)",
        "but for 1",
    ]);
    fs::write(&accepts, format!("{decision}until = 2020-01-31\n")).unwrap();
    pair.live(&accepted, 1).names(&["differs    public.tick: ", "ended on 2020-01-31"]);
}

fn an_extension_in_another_version(cases: &Cases) {
    let pair = cases.pair("older", ["", ""], case!("24-setup"));
    pair.both(
        0,
        &["warned     extension pg_trgm: version 1.5 → 1.6", "verdict    equal, but for 1"],
    );
    let verdict = pair.live(&["--format", "json"], 0).verdict();
    let found = &verdict["integrity"]["divergences"][0];
    assert_eq!((&verdict["verdict"], &found["severity"]), (&"passed".into(), &"warned".into()));
    assert!(found["reason"].as_str().is_some_and(|reason| reason.contains("dump")), "{found}");
    pair.damage("DROP EXTENSION citext CASCADE");
    pair.both(1, &["differs    extension citext: missing", "warned     extension pg_trgm"]);
}

fn names_that_look_like_others(cases: &Cases) {
    let pair = cases.pair("names", ["", ""], case!("27-setup"));
    pair.both(0, &["verdict    equal"]);
    pair.damage(case!("27-fault"));
    pair.both(
        1,
        &[
            "differs    a.b: 1 of 1 rows missing",
            "differs    public.\"a.b\": 1 extra",
            "differs    public.\"ABC\": 1 extra",
            "differs    public.abc: 1 of 1 rows missing",
            "differs    public.\"it's; DROP TABLE t; --\": 1 of 2 rows missing",
            r#"differs    public."line\x0abreak": 1 of 1 rows missing"#,
        ],
    );
}

fn views_that_the_restore_refreshes(cases: &Cases) {
    let more = "CREATE MATERIALIZED VIEW mv_rows AS SELECT id FROM base WHERE id <> 0;
                INSERT INTO base VALUES (10);";
    let pair = cases.pair("views", ["", ""], &format!("{}{more}", case!("33-setup")));
    let refreshed = [
        "note       public.mv_stale: refreshed by the restore",
        "note       public.mv_rows: refreshed by the restore, 9 rows → 10 rows",
        "verdict    equal",
    ];
    pair.both(0, &refreshed);
    pair.live(&["--show-values"], 0).names(&[" n: 8 → 10"]);

    pair.damage("INSERT INTO base VALUES (11); REFRESH MATERIALIZED VIEW mv_stale; DELETE FROM base WHERE id = 11");
    pair.both(1, &["differs    public.mv_stale: ", "(it was not refreshed, or wrongly)"]);
    pair.damage(
        "REFRESH MATERIALIZED VIEW mv_stale; REFRESH MATERIALIZED VIEW mv_rows WITH NO DATA",
    );
    pair.both(1, &["differs    public.mv_rows: had 9 rows and is not populated"]);
    pair.damage("REFRESH MATERIALIZED VIEW mv_rows; REFRESH MATERIALIZED VIEW mv_nodata");
    pair.both(0, &["note       public.mv_nodata: refreshed by the restore, was not populated"]);
}

/// It is run where it has to be known what the view would hold, and nowhere else.
fn a_view_that_calls_a_function(cases: &Cases) {
    let setup = "CREATE ROLE keeper; CREATE TABLE counted (id int); INSERT INTO counted VALUES (1);
        CREATE FUNCTION twice(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN
            IF current_user <> ''keeper'' THEN RAISE ''as % '', current_user; END IF;
            RETURN 2 * $1; END';
        GRANT ALL ON SCHEMA public TO keeper; GRANT SELECT ON counted TO keeper;
        SET ROLE keeper; CREATE MATERIALIZED VIEW doubled AS SELECT twice(id) FROM counted;
        RESET ROLE; INSERT INTO counted VALUES (2)";
    let pair = cases.pair("called", ["", ""], setup);
    pair.live(&[], 0)
        .names(&["note       public.doubled: refreshed by the restore, 1 row → 2 rows"]);
    pair.kept(3).names(&["public.doubled: 1 row → 2 rows", "not PostgreSQL's own"]);
}

fn bytes_that_are_no_text(cases: &Cases) {
    let pair = cases.pair("bytes", [ASCII, ASCII], case!("34-setup"));
    pair.both(0, &["verdict    equal", "1 tables, 4 rows"]);
    pair.damage(case!("34-fault"));
    pair.both(1, &["public.legacy: 2 of 4 rows changed; column t", "changed 1", "changed 2"]);
    let pair = cases.pair("unicode", [ASCII, "ENCODING 'UTF8'"], case!("34-setup"));
    pair.both(1, &["differs    database: encoding SQL_ASCII → UTF8"]);
}

fn names_that_are_no_text(cases: &Cases) {
    // Built in the server: a client of this test's sends UTF-8 alone.
    let setup = r#"DO E'BEGIN
        CREATE TABLE "caf\xe9" (id serial PRIMARY KEY, "th\xe9" int);
        CREATE TABLE plain (id int); COMMENT ON TABLE plain IS ''caf\xe9''; END'"#;
    let (source, out) = ("odd_source", cases.folder.path().join("odd.json"));
    cases.create(source, ASCII);
    cases.server.execute(source, setup);
    let url = cases.server.url(source);
    answer(xtask(&["fingerprint", &url, "--out", text(&out)]), 3)
        .names(&[r#"public."caf\xe9": its name or a column's is no UTF-8"#]);
    let equal = answer(xtask(&["compare", text(&out), &url]), 3);
    equal.names(&[r#"public."caf\xe9""#, "compared   1 tables"]);
    cases.server.execute(source, "COMMENT ON TABLE plain IS 'another'");
    answer(xtask(&["compare", text(&out), &url]), 1).names(&[r"comment caf\xe9 → another"]);
}

/// No port answers there, so that whoever reads it fails.
fn what_another_server_holds(cases: &Cases) {
    const SECRET: &str = "s3cret-of-the-mapping";
    let setup = format!(
        "CREATE EXTENSION postgres_fdw;
         CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
         CREATE USER MAPPING FOR postgres SERVER away OPTIONS (user 'reader', password '{SECRET}');
         CREATE FOREIGN TABLE far (id int) SERVER away;
         CREATE TABLE part (id serial, year int) PARTITION BY LIST (year);
         CREATE TABLE part_here PARTITION OF part FOR VALUES IN (2026);
         CREATE FOREIGN TABLE part_away PARTITION OF part FOR VALUES IN (2025) SERVER away;
         INSERT INTO part (year) VALUES (2026), (2026);
         CREATE MATERIALIZED VIEW seen AS SELECT id FROM far WITH NO DATA"
    );
    let pair = cases.pair("away", ["", ""], &setup);
    let left_out = ["foreign table public.far: ", "never read", "foreign table public.part_away: "];
    pair.both(0, &left_out);
    pair.live(&[], 0).names(&["2 tables, 2 rows"]);
    // Its table says what it shows: that nothing of the mapping is shown is shown with a change.
    pair.damage("ALTER USER MAPPING FOR postgres SERVER away OPTIONS (SET password 'another')");
    let told = pair.live(&["--show-values"], 1);
    told.names(&["server away: mapping of user postgres", "password hash"]);
    let json = pair.live(&["--format", "json"], 1);
    let certificate = fs::read_to_string(pair.path("json")).unwrap();
    let certify = pair.certify("away_source", &pair.path("json"), 0);
    for shown in
        [told.said, told.told, json.said, json.told, certificate, certify.said, certify.told]
    {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    pair.damage(
        "ALTER TABLE part DETACH PARTITION part_away; INSERT INTO part (id, year) VALUES (9, 2026)",
    );
    pair.live(&[], 1).names(&["public.part_here: ", "ahead → behind of public.part.id"]);
}

/// What differs differs, whether or not it can be said in which rows.
fn lists_that_are_damaged(cases: &Cases) {
    let pair =
        cases.pair("lists", ["", ""], "CREATE TABLE mark AS SELECT generate_series(1, 9) AS id");
    let folder = cases.folder.path().join("artefact");
    fs::create_dir(&folder).unwrap();
    let moved = folder.join("certificate.json");
    fs::rename(pair.path("json"), &moved).unwrap();
    fs::write(folder.join("rows.tar"), "no archive at all").unwrap();
    let (media, url) = (folder.join("media"), pair.url("copy"));
    let equal = ["compare", text(&moved), "--database", &url];
    answer(xtask(&equal), 0).names(&["verdict    equal"]);
    pair.damage("DELETE FROM mark WHERE id = 3");
    for after in [&["--database", url.as_str()][..], &[url.as_str()]] {
        let args = [&["compare", text(&moved)], after].concat();
        answer(xtask(&args), 1).names(&[
            "public.mark: 9 rows → 8 rows",
            "which rows differ: ",
            "rows.tar",
        ]);
    }

    // One grammar for both commands.
    fs::create_dir(&media).unwrap();
    fs::write(media.join("a"), "a").unwrap();
    let out = folder.join("both.json");
    let named = ["--database", url.as_str(), "--media", text(&media)];
    answer(xtask(&[&["fingerprint", "--out", text(&out)], &named[..]].concat()), 0);
    let given = [url.as_str(), text(&media)];
    for after in [&named[..], &given[..]] {
        answer(xtask(&[&["compare", text(&out)], after].concat()), 0).names(&["1 files"]);
    }
    let doubled = [&["compare", text(&out), text(&media)], &named[..]].concat();
    answer(xtask(&doubled), 2).names(&["more than one directory"]);
}
