//! What goes bad with backups, each named: before anything is restored where it can be, and by what
//! came back where it cannot.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Source, run, text};

/// A part of a file, as another.
fn cut(from: &Path, to: PathBuf, keep: impl Fn(&[u8]) -> usize) -> PathBuf {
    let bytes = fs::read(from).expect("read");
    fs::write(&to, &bytes[..keep(&bytes)]).expect("written");
    to
}

/// The same file with a byte changed, somewhere in its data.
fn flipped(from: &Path, to: PathBuf) -> PathBuf {
    let mut bytes = fs::read(from).expect("read");
    let at = bytes.len() * 6 / 10;
    bytes[at] ^= 0x55;
    fs::write(&to, bytes).expect("written");
    to
}

#[test]
fn what_is_not_whole_is_named_before_anything_is_restored() {
    let source = Source::new();
    let plain = source.take("shop.sql", "pg_dump -U postgres -f $OUT shop");
    let custom = source.dump("shop.dump", "shop");
    let tar = source.take("shop.tar", "pg_dump -U postgres -Ft -f $OUT shop");
    let cluster = source.take("all.sql", "pg_dumpall -U postgres -f $OUT");
    for tool in ["gzip", "zstd", "xz", "bzip2"] {
        run(tool, &["--keep", "--quiet", text(&plain)]);
    }
    let wrapped = ["shop.sql.gz", "shop.sql.zst", "shop.sql.xz", "shop.sql.bz2"];
    let wrapped = wrapped.map(|name| source.path(name));
    let all = [&[plain.clone(), custom.clone(), tar, cluster][..], &wrapped].concat();
    for backup in &all {
        source.verify(0, &[backup], &["--list"]);
        let half = cut(backup, source.path("half"), |bytes| bytes.len() * 6 / 10);
        let named = source.verify(1, &[&half], &[]);
        assert_eq!(named.verdict()["verdict"], "failed", "{}", backup.display());
    }
    for backup in wrapped.iter().chain([&custom]) {
        source.verify(1, &[&flipped(backup, source.path("flipped"))], &[]).names(&["flipped"]);
    }
    // At the end of a line within the rows, as a disk that fills leaves it.
    let rows = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let begin = text.find("COPY public.orders").expect("its rows");
        begin + text[begin..].match_indices('\n').nth(300).expect("a row").0 + 1
    };
    let within = cut(&plain, source.path("within.sql"), rows);
    source.verify(1, &[&within], &[]).names(&["the rows of public.orders have no end"]);
    let empty = source.path("empty.sql.gz");
    fs::write(source.path("empty.sql"), "").expect("written");
    run("gzip", &[text(&source.path("empty.sql"))]);
    source.verify(1, &[&empty], &[]).names(&["a pipe without pipefail"]);
    let noise = source.path("noise");
    fs::write(&noise, "no backup at all, whatever its name may say\n").expect("written");
    source.verify(1, &[&noise], &[]).names(&["no backup that is known"]);
    source.verify(2, &[&source.path("absent")], &[]).names(&["there is no backup"]);
}

#[test]
fn what_came_back_is_held_to_all_that_is_known() {
    let source = Source::new();
    let (globals, media) = (source.globals(), source.media());
    let good = source.dump("shop.dump", "shop");
    source.verify(0, &[&good, &globals], &[]);
    source.server.copy("shop", "bad");
    source.server.execute(
        "bad",
        "SELECT setval('customer_id_seq', 10); \
         UPDATE orders SET photo = 'photos/none.jpg' WHERE id = 7; \
         UPDATE orders SET placed = now() - interval '40 days'; \
         UPDATE customer SET created = now() - interval '40 days'",
    );
    let bad = source.dump("bad.dump", "bad");
    let less = source.path("less.sql");
    let roles = fs::read_to_string(&globals).expect("read");
    let roles = roles.lines().filter(|line| !line.contains("auditor")).collect::<Vec<_>>();
    fs::write(&less, roles.join("\n") + "\n").expect("written");
    let expected = source.path("expect.toml");
    let expect = "files = [\"photos/1.jpg\", \"photos/absent.jpg\"]\n[rows]\ncustomer = 201\n\
                  [[invariant]]\nid = \"sum\"\ntitle = \"adds up\"\n\
                  sql = \"select sum(total) from orders\"\nequals = \"500500.00\"\n\
                  [[invariant]]\nid = \"none\"\ntitle = \"no large one\"\n\
                  sql = \"select 1 from orders where total > 999\"\n";
    fs::write(&expected, expect).expect("written");
    let options = ["--max-age", "35d", "--expect", text(&expected)];
    let named = source.verify(1, &[&bad, &less, &media], &options);
    named.names(&[
        "public.customer_id_seq gives 11 next, which public.customer.id has already",
        "photos/none.jpg: no such file",
        "role auditor is named and nothing makes it",
        "its newest row is 40 days old",
        "customer has 200 of at least 201 rows",
        "photos/absent.jpg is in no archive",
        "expect.none",
    ]);
    assert!(!named.verdict()["reasons"].to_string().contains("expect.sum"), "{named:#?}");
    emptied_is_held_to_earlier_runs(&source, &globals);
    certificate_is_held(&source, &good);
}

/// A table that was emptied, of a backup that was passed before.
fn emptied_is_held_to_earlier_runs(source: &Source, globals: &Path) {
    source.server.execute("shop", "TRUNCATE part");
    let emptied = source.dump("emptied.dump", "shop");
    let named = source.verify(1, &[&emptied, globals], &[]);
    named.names(&["backup.history", "public.part_1 has 0 rows and had 40"]);
}

/// Production's own certificate: exact, whatever the backup says of itself.
fn certificate_is_held(source: &Source, good: &Path) {
    let certificate = source.path("certificate.json");
    let url = source.server.url("shop");
    source.server.execute("shop", "INSERT INTO part SELECT '2026-03-01', generate_series(1, 41)");
    let args = ["fingerprint", "--database", &url, "--out", text(&certificate)];
    scenarios::xtask::answer(scenarios::xtask::xtask(&args), 0);
    let same = source.dump("same.dump", "shop");
    let options = ["--certificate", text(&certificate)];
    source.verify(0, &[&same, &source.globals()], &options).names(&["restored.certificate"]);
    let named = source.verify(1, &[good, &source.globals()], &options);
    named.names(&["restored.certificate", "public.part_1"]);
}
