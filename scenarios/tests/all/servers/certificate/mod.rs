//! `fingerprint` and `compare` as commands, on their own: no stack, no drill. Equal is 0,
//! different is 1 and named, a request that makes no sense is 2, and what could not be read is
//! 3 and named, never equal.

mod properties;
mod tls;
mod unread;

use std::fs;
use std::path::{Path, PathBuf};

use scenarios::scratch::{FIFTEEN, Postgres};
use scenarios::xtask::{Answer, answer, xtask};

const SCHEMA: &str = "\
    CREATE EXTENSION citext; \
    CREATE TABLE mark (id serial PRIMARY KEY, pupil citext, points numeric(6, 2), at timestamptz); \
    INSERT INTO mark (pupil, points, at) \
    SELECT 'pupil ' || n, n / 4.0, timestamptz '2026-01-01' + n * interval '1.000001 s' \
      FROM generate_series(1, 500) n";

/// A server with one database, `source`, and a folder with a media store and room for
/// certificates.
struct Scenario {
    server: Postgres,
    folder: tempfile::TempDir,
}

impl Scenario {
    fn new() -> Self {
        let server = Postgres::start(FIFTEEN);
        server.create("source");
        server.execute("source", SCHEMA);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("media/copies")).unwrap();
        for number in 0..20 {
            let name = format!("media/copies/c-{number}.pdf");
            fs::write(folder.path().join(name), vec![number; 50_000]).unwrap();
        }
        Self { server, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn media(&self) -> PathBuf {
        self.path("media")
    }

    /// Takes a certificate of a database and of the store into `name`.
    #[track_caller]
    fn fingerprint(&self, database: &str, name: &str, exit_code: i32) -> Answer {
        let url = self.server.url(database);
        let (media, out) = (self.media(), self.path(name));
        let args = ["fingerprint", "--database", &url, "--media", text(&media), "--out"];
        answer(xtask(&[&args[..], &[text(&out)]].concat()), exit_code)
    }

    /// Compares a certificate with something else.
    #[track_caller]
    fn compare(&self, name: &str, others: &[&str], exit_code: i32) -> Answer {
        let before = self.path(name);
        answer(xtask(&[&["compare", text(&before)], others].concat()), exit_code)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn equal_is_0_and_one_change_is_1_and_named() {
    let scenario = Scenario::new();
    scenario.server.dump_and_restore("source", "target");
    scenario.fingerprint("source", "before.json", 0).names(&["1 tables, 500 rows"]);
    scenario.fingerprint("target", "after.json", 0);
    let (media, after) = (scenario.media(), scenario.path("after.json"));
    let url = scenario.server.url("target");
    let live = [url.as_str(), text(&media)];

    let equal = ["verdict    equal", "1 tables, 500 rows", "20 files"];
    scenario.compare("before.json", &[text(&after)], 0).names(&equal);
    scenario.compare("before.json", &live, 0).names(&equal);

    // As a driver that keeps milliseconds would.
    let cut = "UPDATE mark SET at = date_trunc('milliseconds', at)";
    scenario.server.execute("target", cut);
    let mut altered = fs::read(media.join("copies/c-7.pdf")).unwrap();
    altered[40_000] ^= 1;
    fs::write(media.join("copies/c-7.pdf"), altered).unwrap();
    let differs = [
        "public.mark: 500 of 500 rows changed; column at (microseconds lost)",
        "copies/c-7.pdf: ",
        "verdict    different",
    ];
    scenario.compare("before.json", &live, 1).names(&differs);
    scenario.fingerprint("target", "changed.json", 0);
    let changed = scenario.path("changed.json");
    scenario.compare("before.json", &[text(&changed)], 1).names(&differs);
}

#[test]
fn json_ends_with_the_verdict() {
    let scenario = Scenario::new();
    let (url, out) = (scenario.server.url("source"), scenario.path("before.json"));
    let json = ["--format", "json"];
    let taken = ["fingerprint", "--database", &url, "--out", text(&out)];
    let taken = answer(xtask(&[&taken[..], &json].concat()), 0).verdict();
    assert_eq!((&taken["verdict"], &taken["exit_code"]), (&"passed".into(), &0.into()));

    let equal =
        scenario.compare("before.json", &[&[url.as_str()], &json[..]].concat(), 0).verdict();
    assert_eq!((&equal["verdict"], &equal["exit_code"]), (&"passed".into(), &0.into()));
    scenario.server.execute("source", "DELETE FROM mark WHERE id = 3");
    let other =
        scenario.compare("before.json", &[&[url.as_str()], &json[..]].concat(), 1).verdict();
    assert_eq!((&other["verdict"], &other["exit_code"]), (&"failed".into(), &1.into()));
    let found = &other["integrity"]["divergences"][0];
    assert_eq!((&found["subject"], &found["rows"]["missing"]), (&"public.mark".into(), &1.into()));
}

#[test]
fn a_request_that_makes_no_sense_is_2() {
    let none = tempfile::tempdir().unwrap();
    let absent = none.path().join("absent");
    let run = |args: &[&str]| answer(xtask(args), 2);
    run(&["fingerprint"]).names(&["--database"]);
    let secret = run(&["fingerprint", "--database", "postgres://reader:s3cret@[/x"]);
    secret.names(&["cannot be understood", "hint", "postgres://user@host"]);
    assert!(!secret.told.contains("s3cret"), "{secret:#?}");
    run(&["fingerprint", "--database", "postgres://h/x?sslmode=strict"])
        .names(&["\"strict\"", "verify-full"]);
    run(&["fingerprint", "--media", text(&absent)]).names(&["is no directory"]);
    run(&["compare", text(&absent), "postgres://h/x"]).names(&["cannot read certificate"]);
}
