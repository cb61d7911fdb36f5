//! Each kind of backup of PostgreSQL, intact: passed, and only what it names is not proved.

use std::path::Path;

use super::{Source, run, text};

#[test]
fn every_kind_of_dump_passes_with_roles_and_files() {
    let source = Source::new();
    let (globals, media) = (source.globals(), source.media());
    let plain = source.take("shop.sql", "pg_dump -U postgres -f $OUT shop");
    let wrapped = source.path("renamed");
    run("cp", &[text(&plain), text(&wrapped)]);
    run("gzip", &["--suffix", ".txt", text(&wrapped)]);
    let dumps = [
        source.path("renamed.txt"),
        source.dump("shop.dump", "shop"),
        source.take("shop.tar", "pg_dump -U postgres -Ft -f $OUT shop"),
        source.take("shop.dir", "pg_dump -U postgres -Fd -j2 -f $OUT shop"),
    ];
    for dump in &dumps {
        let answered = source.verify(0, &[dump, &globals, &media], &["--max-age", "1h"]);
        answered.names(&["1240 rows", "1000 references", "2 sequences", "\"gap\":\"equality\""]);
        assert!(!answered.said.contains("\"gap\":\"privileges\""), "{answered:#?}");
    }
    let cluster = source.take("all.sql", "pg_dumpall -U postgres -f $OUT");
    run("zstd", &["--quiet", "--rm", text(&cluster)]);
    source.verify(0, &[&source.path("all.sql.zst")], &[]).names(&["every role that is named"]);
    fewer_files_and_row_security_are_undecided(&source, &dumps[1], &globals);
    // Without roles, what they may do is not proved; and nothing else is amiss.
    let alone = source.verify(0, &[&plain], &[]);
    alone.names(&["\"gap\":\"privileges\"", "\"gap\":\"references\""]);
}

/// An archive with a few of the files that rows name, and a dump of what one role may see.
fn fewer_files_and_row_security_are_undecided(source: &Source, dump: &Path, globals: &Path) {
    let few = source.path("few.tar");
    run("tar", &["-cf", text(&few), "-C", text(&source.path("media")), "photos/1.jpg"]);
    let named = source.verify(3, &[dump, globals, &few], &[]);
    named.names(&["values are files of the archive"]);
    let seen = source.take("seen.sql", "pg_dump -U postgres --enable-row-security -f $OUT shop");
    source.verify(3, &[&seen, globals], &[]).names(&["dumped with row security"]);
    source.verify(3, &[globals], &[]).names(&["nothing restores it by itself"]);
    // An empty table has no statement either; but its data is announced.
    let less = "pg_dump -U postgres --inserts --exclude-table-data=orders -f $OUT shop";
    let less = source.take("less.sql", less);
    let named = source.verify(1, &[&less, globals], &[]);
    named.names(&["nobody says that its data is in the dump", "backup.history"]);
}

#[test]
fn files_of_a_server_pass_and_what_they_hold_is_read() {
    let source = Source::new();
    let base = source.take("base", "pg_basebackup -U postgres -c fast -D $OUT");
    let packed = source.take("packed", "pg_basebackup -U postgres -c fast -Ft -z -D $OUT");
    for backup in [&base, &packed] {
        source.verify(0, &[backup], &[]).names(&["held row by row", "1240 rows"]);
    }
    missing_file_is_named(&source, &base);
    // An index that lies, and a row whose counterpart is gone: no dump could have shown either.
    source.server.execute(
        "shop",
        "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; \
         CREATE INDEX lies ON orders (f(customer_id)); \
         CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1'; \
         SET session_replication_role = replica; DELETE FROM customer WHERE id = 7;",
    );
    // What would have damaged pages read as empty ones, and a library loaded.
    source.server.execute("shop", "ALTER DATABASE shop SET zero_damaged_pages = on");
    source
        .server
        .execute("shop", "ALTER DATABASE shop SET session_preload_libraries = 'auto_explain'");
    let bad = source.take("bad", "pg_basebackup -U postgres -c fast -D $OUT");
    let named = source.verify(1, &[&bad], &[]);
    named.names(&["lies", "orders_customer_id_fkey", "rows break it"]);
}

fn missing_file_is_named(source: &Source, base: &Path) {
    let broken = source.path("broken");
    run("cp", &["-a", text(base), text(&broken)]);
    std::fs::remove_file(broken.join("global/pg_filenode.map")).expect("removed");
    source.verify(1, &[&broken], &[]).names(&["backup.whole", "pg_filenode.map"]);
}
