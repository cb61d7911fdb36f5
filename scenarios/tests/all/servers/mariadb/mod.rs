//! Dumps of a real MariaDB, verified: intact first, then broken, then named.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use scenarios::turn::{self, Fixture};
use scenarios::xtask::{Answer, answer, xtask};
use serde_json::Value;

use crate::reports;

/// What has nothing in it that could go wrong: its record names the image that all of this uses.
const SMALL: &str = "-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)\n\
    -- Host: localhost    Database: small\n-- Server version\t10.11.6-MariaDB\n\
    CREATE TABLE `t` (`id` int);\nINSERT INTO `t` VALUES (1),(2);\n\
    -- Dump completed on 2026-01-01  0:00:00\n";

const START: &str = "mkdir -p /data/db && mariadb-install-db --no-defaults --datadir=/data/db \
    --auth-root-authentication-method=normal --skip-test-db >/dev/null 2>&1 && \
    { mariadbd --no-defaults --datadir=/data/db --skip-networking --socket=/tmp/s --pid-file=/tmp/p \
        >/dev/null 2>&1 </dev/null & } && \
    for try in $(seq 300); do mariadb-admin --no-defaults --socket=/tmp/s --user=root ping \
        >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1";

/// What an operator expects of every dump of the shop.
const EXPECTED: &str = "[rows]\ncustomer = 500\n\"shop.orders\" = 3000\n\
    [[invariant]]\nid = \"all-have-customers\"\ntitle = \"every order has a customer\"\n\
    sql = \"SELECT id FROM orders WHERE customer_id IS NULL\"\n\
    [[invariant]]\nid = \"lines\"\ntitle = \"the log is whole\"\n\
    sql = \"SELECT COUNT(*) FROM log\"\nequals = \"100\"\n";

/// A server to be dumped. Gone when dropped.
struct Source {
    container: String,
}

impl Source {
    fn start(image: &str) -> Self {
        let run = ["run", "--detach", "--network=none", "--init", "--user=mysql"];
        let label = ["--label=restore-drill.scenario=mariadb", "--entrypoint=sleep"];
        let container = docker(&[&run[..], &label, &[image, "infinity"]].concat(), "");
        let source = Self { container: container.trim().to_owned() };
        docker(&["exec", &source.container, "bash", "-c", START], "");
        source.run(&["mariadb"], include_str!("shop.sql"));
        source
    }

    fn run(&self, words: &[&str], input: &str) -> String {
        let exec = ["exec", "--interactive", &self.container];
        let account = ["--no-defaults", "--socket=/tmp/s", "--user=root"];
        docker(&[&exec, &words[..1], &account, &words[1..]].concat(), input)
    }

    fn dump(&self, options: &[&str]) -> String {
        let always =
            ["mariadb-dump", "--single-transaction", "--routines", "--events", "--hex-blob"];
        self.run(&[&always, options].concat(), "")
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ =
            Command::new("docker").args(["rm", "--force", "--volumes", &self.container]).output();
    }
}

fn docker(words: &[&str], input: &str) -> String {
    let mut command = Command::new("docker");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("docker runs");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it is read");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a dump is text")
}

/// Dumps in a folder, and the reports of what became of them.
struct Cases<'a> {
    folder: &'a Path,
}

impl Cases<'_> {
    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, content).expect("written");
        path
    }

    /// Verifies a dump, and demands the outcome of checks and words of their details.
    fn demand(&self, name: &str, dump: &str, exit_code: i32, checks: &[(&str, &str, &str)]) {
        let path = self.write(name, dump.as_bytes());
        let expected = self.folder.join("expect.toml");
        let options = ["--expect", expected.to_str().expect("UTF-8")];
        let (_, record) = verify(&path, &options, exit_code);
        for (id, outcome, words) in checks {
            demand(&record, id, outcome, words);
        }
    }
}

/// Verifies what is at a path.
fn verify(path: &Path, options: &[&str], exit_code: i32) -> (Answer, Value) {
    let reports = path.with_extension("reports");
    let (path, reports) = (path.to_str().expect("UTF-8"), reports.to_str().expect("UTF-8"));
    let words = ["verify", path, "--format", "json", "--report", reports];
    let answer = answer(xtask(&[&words[..], options].concat()), exit_code);
    let report = answer.verdict()["report"].as_str().expect("a report").to_owned();
    let record = fs::read_to_string(report).expect("a record");
    (answer, serde_json::from_str(&record).expect("JSON"))
}

fn demand(record: &Value, id: &str, outcome: &str, words: &str) {
    let checks = record["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == id);
    let check = check.unwrap_or_else(|| panic!("no {id} in {checks:#?}"));
    let detail = check["detail"].as_str().unwrap_or_default();
    assert!(check["outcome"] == outcome && detail.contains(words), "{check:#?}");
}

/// A text with one thing in it replaced, which must be there.
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the dump");
    text.replacen(from, to, 1)
}

#[test]
fn dumps_of_mariadb_are_restored_and_judged() {
    let _turn = turn::take(Fixture::Server);
    let folder = reports();
    let cases = Cases { folder: folder.path() };
    cases.write("expect.toml", EXPECTED.as_bytes());
    let small = cases.write("small.sql", SMALL.as_bytes());
    let (_, record) = verify(&small, &[], 0);
    let image = record["environment"]["image"].as_str().expect("an image");
    let source = Source::start(image);
    let alone = source.dump(&["shop"]);
    let with_accounts = source.dump(&["--system=users", "--databases", "shop"]);
    let everything = source.dump(&["--all-databases"]);
    drop(source);
    thread::scope(|scope| {
        scope.spawn(|| intact(&cases, &alone));
        scope.spawn(|| the_whole_server(&cases, &everything, &with_accounts));
        scope.spawn(|| broken(&cases, &alone));
        scope.spawn(|| cut(&cases, &alone));
        scope.spawn(|| not_for_this_server(&cases, &alone));
        scope.spawn(|| hostile(&cases, &alone));
    });
}

fn intact(cases: &Cases<'_>, dump: &str) {
    let packed = zstd::encode_all(dump.as_bytes(), 3).expect("packed");
    let path = cases.write("intact.sql.zst", &packed);
    let expected = cases.folder.join("expect.toml");
    let options = ["--expect", expected.to_str().expect("UTF-8"), "--max-age", "30d"];
    let (_, record) = verify(&path, &options, 0);
    for (id, words) in [
        ("restore.completed", "shop"),
        ("restored.read", "5 tables, 3622 rows"),
        ("restored.rows", "1 event, 1 function, 1 procedure, 1 sequence, 1 trigger, 1 view"),
        ("restored.indexes", "6 tables and views"),
        ("restored.constraints", "3 constraints"),
        ("restored.sequences", "2 counters"),
        ("backup.age", "old"),
        ("expect.rows", "2 tables"),
        ("expect.all-have-customers", "every order"),
        ("expect.lines", "whole"),
    ] {
        demand(&record, id, "passed", words);
    }
    assert_eq!(record["existing"]["tables"]["shop"]["customer"], 500);
    assert!(record["existing"]["sums"]["shop"]["odd`name ü"].is_string(), "{record:#?}");
    let gaps = record["not_proved"].as_array().expect("gaps");
    let why = gaps.iter().filter_map(|gap| gap["why"].as_str()).collect::<Vec<_>>();
    assert!(why.iter().all(|it| it.starts_with("MariaDB: ")) && why.len() >= 5, "{why:#?}");
    assert!(why.iter().any(|it| it.contains("app@%")), "{why:#?}");
}

/// The server's own databases and accounts are left out, and said to be.
fn the_whole_server(cases: &Cases<'_>, everything: &str, with_accounts: &str) {
    let checks = [("restored.roles", "passed", "accounts"), ("restored.rows", "passed", "3622")];
    cases.demand("everything.sql", everything, 0, &checks);
    cases.demand("accounts.sql", with_accounts, 0, &checks);
    let line = with_accounts.lines().find(|line| line.starts_with("CREATE USER `app`@`%`"));
    let without = with(with_accounts, line.expect("the account"), "");
    let checks = [("restored.roles", "failed", "runs as app@%, whom nothing makes")];
    cases.demand("no-account.sql", &without, 1, &checks);
}

fn broken(cases: &Cases<'_>, dump: &str) {
    let row = dump.lines().find(|line| line.starts_with("(1,'name 1',")).expect("a row");
    let dump = with(dump, &format!("{row}\n"), "");
    let more = "CREATE VIEW `stale` AS SELECT y FROM `part`;\n\
        DROP TABLE `part`;\n-- Dump completed on";
    let dump = with(&dump, "-- Dump completed on", more);
    let checks = [
        ("restored.constraints", "failed", "fk_customer: 6 rows break it"),
        ("restored.indexes", "failed", "shop.stale"),
        ("restored.rows", "failed", "part is in the backup and not there"),
        ("expect.rows", "failed", "customer has 499 of at least 500 rows"),
        ("restore.completed", "passed", "shop"),
    ];
    cases.demand("broken.sql", &dump, 1, &checks);
}

fn cut(cases: &Cases<'_>, dump: &str) {
    let whole = ("backup.whole", "failed", "");
    cases.demand("cut.sql", &dump[..dump.len() * 6 / 10], 1, &[whole]);
    let end = dump.find("-- Dump completed").expect("an end");
    cases.demand("no-end.sql", &dump[..end], 1, &[("backup.whole", "failed", "Dump completed")]);
}

fn not_for_this_server(cases: &Cases<'_>, dump: &str) {
    let line = dump.lines().find(|line| line.starts_with("-- Server version")).expect("a version");
    let newer = with(dump, line, "-- Server version\t99.1.1-MariaDB");
    let path = cases.write("newer.sql", newer.as_bytes());
    let (answer, _) = verify(&path, &[], 3);
    answer.names(&["asks for MariaDB 99.1, which cannot be had here"]);
    let of_mysql = "`name` varchar(100) COLLATE utf8mb4_0900_ai_ci NOT NULL";
    let dump = with(dump, "`name` varchar(100) NOT NULL", of_mysql);
    let path = cases.write("collation.sql", dump.as_bytes());
    let (_, record) = verify(&path, &[], 3);
    demand(&record, "restore.completed", "undecided", "utf8mb4_0900_ai_ci");
    demand(&record, "restore.completed", "undecided", "--image");
}

/// Runs nothing, reads and writes no file, and gives nobody a power: each attempt is named.
fn hostile(cases: &Cases<'_>, dump: &str) {
    let dump = with(dump, "-- Dump completed on", "-- ");
    let path =
        cases.write("hostile.sql", format!("{dump}\n{}", include_str!("hostile.sql")).as_bytes());
    let (_, record) = verify(&path, &["--keep"], 1);
    demand(&record, "restore.completed", "failed", "the backup tries to reach a file");
    let run = record["run_id"].as_str().expect("a run");
    let label = format!("label=dr-drill.run={run}");
    let container = docker(&["ps", "--quiet", "--filter", &label], "");
    let kept = Kept { container: container.trim().to_owned(), label };
    let look = "find / -xdev -name 'dr_drill_canary*'; find /tmp /data/none -name 'dr_drill_canary*'; \
        find /tmp -name 'elsewhere*'; cat /proc/net/tcp /proc/net/tcp6 | grep -c ' 0A '; true";
    let found = docker(&["exec", "--user=mysql", &kept.container, "sh", "-c", look], "");
    assert_eq!(found.trim(), "0", "canaries, or a port that is listened on");
    assert!(!Path::new("/tmp/dr_drill_canary_1").exists());
    let reads = "grep -a -c 'read: root' /data/db/shop/log.MYD";
    let read = Command::new("docker")
        .args(["exec", "--user=mysql", &kept.container, "sh", "-c", reads])
        .output()
        .expect("docker runs");
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "0", "a file was read");
    demand(&record, "restored.read", "passed", "tables");
}

/// A sandbox that stayed. Gone when dropped.
struct Kept {
    container: String,
    label: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", &self.container]).output();
        let list = ["volume", "ls", "--quiet", "--filter", &self.label];
        let volumes = Command::new("docker").args(list).output().map(|it| it.stdout);
        for volume in String::from_utf8_lossy(&volumes.unwrap_or_default()).lines() {
            let _ = Command::new("docker").args(["volume", "rm", volume]).output();
        }
    }
}
