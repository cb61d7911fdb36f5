//! What cannot be read makes the answer undecided, by name, and never equal.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use super::{Scenario, text};
use scenarios::scratch::Postgres;
use scenarios::xtask::{answer, xtask};

/// Fingerprints `source` as it is now, and compares what it was with it: both must be
/// undecided and name the cause.
#[track_caller]
fn is_undecided(scenario: &Scenario, url: &str, named: &[&str]) {
    let out = scenario.path("now.json");
    answer(xtask(&["fingerprint", "--database", url, "--out", text(&out)]), 3).names(named);
    scenario.compare("before.json", &[url], 3).names(named).names(&["verdict    undecided"]);
}

/// Certifies `source`, database alone, before something keeps it from being read.
fn certify(scenario: &Scenario) {
    let (url, out) = (scenario.server.url("source"), scenario.path("before.json"));
    answer(xtask(&["fingerprint", "--database", &url, "--out", text(&out)]), 0);
}

#[test]
fn a_table_that_the_role_may_not_read() {
    let scenario = Scenario::new();
    scenario.server.execute(
        "source",
        "CREATE ROLE reader LOGIN; CREATE TABLE open (id int); GRANT SELECT ON open TO reader",
    );
    certify(&scenario);
    let url = scenario.server.url("source").replace("postgres@", "reader@");
    is_undecided(&scenario, &url, &["public.mark", "the role may not read it"]);
}

#[test]
fn a_type_without_a_send_function() {
    let scenario = Scenario::new();
    scenario.server.execute("source", "CREATE EXTENSION isn; CREATE TABLE book (number isbn13)");
    let (url, out) = (scenario.server.url("source"), scenario.path("before.json"));
    let named = ["public.book", "column number: type public.isbn13 has no send function"];
    answer(xtask(&["fingerprint", "--database", &url, "--out", text(&out)]), 3).names(&named);
    is_undecided(&scenario, &url, &named);
}

#[test]
fn an_extension_that_the_target_lacks() {
    let scenario = Scenario::new();
    certify(&scenario);
    // Its library is not installed on the target's machine: a value cannot be turned into bytes.
    let absent = "UPDATE pg_proc SET prosrc = 'absent', prolang = 13, probin = '$libdir/absent' \
                  WHERE proname = 'citextsend'";
    let absent = format!("SET allow_system_table_mods = on; {absent}");
    scenario.server.copy("source", "target");
    scenario.server.execute("target", &absent);
    is_undecided(&scenario, &scenario.server.url("target"), &["public.mark", "absent"]);
    // It was never created there: that is no doubt, that is a difference.
    scenario.server.create("bare");
    let url = scenario.server.url("bare");
    scenario.compare("before.json", &[url.as_str()], 1).names(&["citext", "public.mark"]);
}

#[test]
fn a_connection_that_is_cut_in_the_middle() {
    let scenario = Scenario::new();
    certify(&scenario);
    let url = scenario.server.url("source");
    let out = scenario.path("now.json");
    let args = ["fingerprint", "--database", &url, "--out", text(&out)];
    let cut = with_readers_cut(&scenario.server, || answer(xtask(&args), 3));
    cut.names(&["connection", "public.mark"]);
    assert!(!out.exists(), "half a certificate was left");
    let path = scenario.path("before.json");
    let cut =
        with_readers_cut(&scenario.server, || answer(xtask(&["compare", text(&path), &url]), 3));
    assert!(!cut.said.contains("equal"), "{cut:#?}");
}

/// Does `work`, and ends every session of a reader that waits for a table.
fn with_readers_cut<T: Send>(server: &Postgres, work: impl FnOnce() -> T + Send) -> T {
    let (mut holder, mut observer) = (server.connect("source"), server.connect("postgres"));
    holder.batch_execute("BEGIN; LOCK TABLE mark IN ACCESS EXCLUSIVE MODE").unwrap();
    thread::scope(|scope| {
        let worker = scope.spawn(work);
        end_readers(&mut observer);
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn end_readers(observer: &mut Client) {
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE application_name = 'restore-drill' AND wait_event_type = 'Lock'";
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name = 'restore-drill'";
    let until = Instant::now() + Duration::from_secs(120);
    while observer.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert!(Instant::now() < until, "nobody waits for the table");
        thread::sleep(Duration::from_millis(20));
    }
    observer.execute(end, &[]).unwrap();
}

#[test]
fn a_directory_that_changes_while_it_is_read() {
    let scenario = Scenario::new();
    scenario.fingerprint("source", "before.json", 0);
    let stop = AtomicBool::new(false);
    let media = scenario.media();
    let log = media.join("copies/log.txt");
    fs::write(&log, "begun").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let mut file = OpenOptions::new().append(true).open(&log).unwrap();
                file.write_all(&[b'x'; 4096]).unwrap();
            }
        });
        let out = scenario.path("now.json");
        let args = ["fingerprint", "--media", text(&media), "--out", text(&out)];
        let said = xtask(&args).output().unwrap();
        stop.store(true, Ordering::Relaxed);
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(3), "{told}");
        assert!(told.contains("copies/log.txt: changed while it was read"), "{told}");
    });
    let now = scenario.path("now.json");
    let compared = scenario.compare("before.json", &[text(&now)], 3);
    assert!(!compared.said.contains("verdict    equal"), "{compared:#?}");
}
