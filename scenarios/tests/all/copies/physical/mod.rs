//! Physical backups: any moment of a base backup is restored, and what cannot be is refused with
//! the reason while the database stays as it is.

mod bench;
mod pgbackrest;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::bench::{Bench, MOMENTS, encrypt, shell};
use crate::reports;

const RESTORE: &str = "restore_base.sh";

/// Before and after a mistake, with the time between.
async fn make_history(bench: &Bench) -> String {
    bench.run("create table moments (n int); insert into moments values (1)").await;
    bench.succeed("backup_base.sh", &["--point", "first"]).await;
    bench.run("insert into moments values (2)").await;
    let time = bench.ask("select clock_timestamp()::text").await;
    bench.run("truncate moments").await;
    bench.succeed("backup_base.sh", &["--finish", "--point", "mistake"]).await;
    bench.run("insert into moments values (9)").await;
    time
}

#[tokio::test(flavor = "multi_thread")]
async fn any_moment_of_a_base_backup_is_restored_and_nothing_else() {
    let base = reports();
    let bench = Bench::up(base.path(), "base-backup").await;
    let time = make_history(&bench).await;
    let set = bench.file("Z.tar.zst").display().to_string();

    // Intact: a time, a name, all there is; each on a timeline and in an archive of its own.
    for (target, expected) in [(time.as_str(), "1 2"), ("first", "1"), ("latest", "")] {
        bench.succeed("restore_base.sh", &["--replace", "--yes", "--to", target, &set]).await;
        assert_eq!(bench.ask(MOMENTS).await, expected, "{target}");
        let timeline = "select timeline_id::text from pg_control_checkpoint()";
        assert_eq!(bench.ask(timeline).await, "2", "{target}");
    }
    let archive =
        "select string_agg(d, ' ' order by d) from pg_ls_dir('/var/lib/postgresql/wal') d";
    bench.ask("select pg_switch_wal()::text").await;
    let archived =
        "select count(*)::text from pg_stat_archiver where last_archived_wal like '00000002%'";
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match bench.ask(archived).await.as_str() {
            "1" => break,
            seen => assert!(Instant::now() < until, "no segment was archived: count {seen}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let lineages = bench.ask(archive).await;
    assert!(lineages.starts_with("original restored-"), "{lineages}");

    refuse_what_cannot_be(&bench, &set).await;
    bench.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_loses_only_what_is_older_than_the_oldest_base_backup_that_is_kept() {
    const ARCHIVED: &str = "select string_agg(f, ' ' order by f) from \
        pg_ls_dir('/var/lib/postgresql/wal/original') f where f !~ '[.]'";
    let base = reports();
    let bench = Bench::up(base.path(), "base-backup").await;
    bench.run("create table moments (n int); insert into moments values (1)").await;
    bench.succeed("backup_base.sh", &["--point", "old"]).await;
    let old = bench.file("Z.info");
    bench.run("insert into moments values (2)").await;
    bench.succeed("backup_base.sh", &["--point", "new"]).await;
    let before = bench.ask(ARCHIVED).await;

    // As long as the older one is there, nothing goes.
    bench.succeed("backup_base.sh", &["--prune"]).await;
    assert_eq!(bench.ask(ARCHIVED).await, before);
    // A description that cannot be read: nobody knows what it needs.
    let text = fs::read_to_string(&old).expect("a file");
    fs::write(&old, text.replace("start: 0", "start: 9")).expect("written");
    let refused = bench.script("backup_base.sh", &["--prune"]).await;
    assert!(!refused.succeeded() && refused.stderr.contains("no WAL is deleted"), "{refused:?}");
    assert_eq!(bench.ask(ARCHIVED).await, before);
    fs::write(&old, text).expect("written");

    bench.succeed("backup_base.sh", &["--prune", "--keep-days", "0"]).await;
    let after = bench.ask(ARCHIVED).await;
    assert!(after.len() < before.len() && before.ends_with(&after), "{before} became {after}");
    assert!(!old.exists());
    // What is left goes on, and restores.
    bench.run("insert into moments values (3)").await;
    bench.succeed("backup_base.sh", &["--finish", "--point", "later"]).await;
    bench.run("truncate moments").await;
    let set = bench.file("Z.tar.zst").display().to_string();
    for (target, expected) in [("new", "1 2"), ("later", "1 2 3")] {
        bench.succeed("restore_base.sh", &["--replace", "--yes", "--to", target, &set]).await;
        assert_eq!(bench.ask(MOMENTS).await, expected, "{target}");
    }
    bench.remove().await;
}

/// Each fault on a set that is whole but for it.
async fn refuse_what_cannot_be(bench: &Bench, set: &str) {
    let (info, wal) = (bench.file("Z.info"), bench.file("Z.wal.tar.zst"));
    let kept = [&info, &wal, &PathBuf::from(set)]
        .map(|path| (path.clone(), fs::read(path).expect("a file")));
    let mend = || {
        for (path, content) in &kept {
            fs::write(path, content).expect("written");
        }
    };
    bench.refused(RESTORE, &["--to", "2020-01-01 00:00:00 UTC", set], "is before the backup").await;
    bench.refused(RESTORE, &["--to", "2100-01-01 00:00:00 UTC", set], "is after the end").await;
    bench.refused(RESTORE, &["--to", "no-such-point", set], "no restore point").await;

    bench.set("postgresql", "14");
    bench.refused(RESTORE, &[set], "is of PostgreSQL 14, this stack runs 15").await;
    mend();
    bench.set("stack", "elsewhere");
    bench.refused(RESTORE, &[set], "is of another stack").await;
    mend();
    fs::write(&info, String::from_utf8_lossy(&kept[0].1).replace("began: 2", "began: 1"))
        .expect("written");
    bench.refused(RESTORE, &[set], "its checksum is not that of its lines").await;
    mend();

    // A segment is missing although every checksum is right.
    let lost = shell(
        r#"folder=$(mktemp -d); zstd -qdc "$0" | tar -x -C "$folder"
           lost=$(ls "$folder" | grep -v history | tail -n 1); rm "$folder/$lost"
           tar -c -C "$folder" . | zstd -q > "$0"; rm -r "$folder"; echo "$lost""#,
        &[&wal.display().to_string()],
    );
    bench.set("size wal", &fs::metadata(&wal).expect("a file").len().to_string());
    let sum = shell(r#"sha256sum < "$0" | cut -d ' ' -f 1"#, &[&wal.display().to_string()]);
    bench.set("sha256 wal", &sum);
    bench.refused(RESTORE, &[set], &format!("WAL segment {lost} is missing")).await;
    mend();

    bench.set("sha256 base", "");
    bench.refused(RESTORE, &[set], "has no checksum").await;
    mend();

    encrypt(set);
    bench.refused(RESTORE, &[set], "is encrypted").await;
    mend();

    // One byte in the middle, and half of it gone.
    let mut flipped = kept[2].1.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(set, &flipped).expect("written");
    bench.refused(RESTORE, &[set], "what was there before is there again").await;
    let verified = bench.script("restore_base.sh", &["--verify", set]).await;
    assert!(verified.stderr.contains("its checksum is not the one"), "{}", verified.stderr);
    fs::write(set, &flipped[..middle]).expect("written");
    bench.refused(RESTORE, &[set], "bytes, ").await;
    mend();

    let whole = bench.script("restore_base.sh", &["--verify", set]).await;
    assert!(whole.succeeded(), "{}", whole.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn wal_that_is_lost_from_the_archive_is_named_and_a_different_segment_is_never_replaced() {
    let base = reports();
    let bench = Bench::up(base.path(), "base-backup").await;
    bench.succeed("backup_base.sh", &["--start"]).await;
    let incomplete = bench.file("Z.tar.zst").display().to_string();
    bench.run("create table moments (n int)").await;
    bench.refused(RESTORE, &[&incomplete], "has no WAL yet").await;
    bench.succeed("backup_base.sh", &["--finish"]).await;

    let stack = &bench.standing.sandbox.stack;
    let archive = "/var/lib/postgresql/wal/original";
    // The archive keeps what it has.
    let colliding = format!(
        "cd $PGDATA && segment=$(ls {archive} | grep -v '[.]' | head -n 1) && echo other > /tmp/other && archive_wal /tmp/other $segment"
    );
    let output =
        stack.exec("db", Some("postgres"), ["sh", "-c", &colliding]).await.expect("a container");
    let output = output.run().await.expect("it runs");
    assert!(!output.succeeded() && output.stderr.contains("refused"), "{}", output.stderr);

    let losing =
        format!("cd {archive} && lost=$(ls | grep -v '[.]' | tail -n 1) && rm $lost && echo $lost");
    let lost =
        stack.exec("db", Some("postgres"), ["sh", "-c", &losing]).await.expect("a container");
    let lost = lost.run().await.expect("it runs").text();
    let output = bench.script("backup_base.sh", &["--finish"]).await;
    assert_eq!(output.exit_code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains(&format!("WAL segment {lost} is missing")), "{}", output.stderr);
    bench.remove().await;
}
