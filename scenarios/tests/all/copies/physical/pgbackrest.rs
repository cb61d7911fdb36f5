//! pgBackRest: a delta restore from its volume, and its exported file, which is refused by name
//! when it cannot be restored.

use std::fs;
use std::path::PathBuf;

use super::bench::{Bench, MOMENTS, encrypt, shell};
use crate::reports;

const RESTORE: &str = "restore_pgbackrest.sh";

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_restore_of_pgbackrest_reaches_any_moment_after_its_first_backup() {
    let base = reports();
    let bench = Bench::up(base.path(), "pgbackrest").await;
    bench.run("create table moments (n int); insert into moments values (1)").await;
    bench.succeed("backup_pgbackrest.sh", &["--full"]).await;
    bench.run("insert into moments values (2)").await;
    bench.succeed("backup_pgbackrest.sh", &["--incremental"]).await;
    bench.run("insert into moments values (3)").await;
    let time = bench.ask("select clock_timestamp()::text").await;
    bench.run("truncate moments").await;
    bench.succeed("backup_pgbackrest.sh", &["--export", "--point", "mistake"]).await;
    let file = bench.file("Z.tar").display().to_string();
    bench.succeed("backup_pgbackrest.sh", &["--verify", &file]).await;
    keep_newest_that_verifies(&bench, &file).await;

    let restore = async |args: &[&str]| {
        let args = [&["--replace", "--yes"], args].concat();
        bench.script("restore_pgbackrest.sh", &args).await
    };
    let output = restore(&["--to", &time]).await;
    assert!(output.succeeded(), "{}", output.stderr);
    assert_eq!(bench.ask(MOMENTS).await, "1 2 3");

    // Refused, each with the reason, and the database stays.
    let before = restore(&["--to", "2020-01-01 00:00:00 UTC"]).await;
    assert!(before.stderr.contains("before the first backup"), "{}", before.stderr);
    let occupied = restore(&[&file]).await;
    assert!(occupied.stderr.contains("volume is not empty"), "{}", occupied.stderr);
    let mut flipped = fs::read(&file).expect("a file");
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&file, &flipped).expect("written");
    let verified = bench.script("backup_pgbackrest.sh", &["--verify", &file]).await;
    assert!(verified.stderr.contains("its checksum is not the one"), "{}", verified.stderr);
    assert_eq!(bench.ask(MOMENTS).await, "1 2 3");
    bench.remove().await;
}

/// Exports while the archiver is at work, damages that file, and prunes: the one before stays.
async fn keep_newest_that_verifies(bench: &Bench, file: &str) {
    let stack = &bench.standing.sandbox.stack;
    // A segment has such a name until it is complete.
    let archiving = "cd \"$PGBACKREST_REPO1_PATH/archive/$PGBACKREST_STANZA\"/*/*/ && \
        touch /tmp/busy && while [ -e /tmp/busy ]; do touch x.pgbackrest.tmp && rm x.pgbackrest.tmp; done";
    let work = stack.exec("db", Some("postgres"), ["sh", "-c", archiving]).await;
    let work = work.expect("a container");
    let (later, worked) = tokio::join!(
        async {
            let later = bench.succeed("backup_pgbackrest.sh", &["--export"]).await;
            let ended = ["rm", "/tmp/busy"];
            let ended = stack.exec("db", Some("postgres"), ended).await.expect("a container");
            assert!(ended.run().await.expect("it runs").succeeded());
            later
        },
        work.run(),
    );
    assert!(worked.expect("it runs").succeeded());
    let mut flipped = fs::read(&later).expect("a file");
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&later, flipped).expect("written");
    bench.succeed("backup_pgbackrest.sh", &["--prune", "--keep-days", "0"]).await;
    assert_eq!(bench.file("Z.tar").display().to_string(), file);
    assert!(!fs::exists(&later).expect("it can be seen"), "{later} is damaged, and stays");
}

/// As after the loss of the volume in which the repository is.
async fn lose_repository(bench: &Bench) {
    let stack = &bench.standing.sandbox.stack;
    let losing = ["sh", "-c", "find \"$PGBACKREST_REPO1_PATH\" -mindepth 1 -delete"];
    let command = stack.exec("db", Some("postgres"), losing).await.expect("a container");
    assert!(command.run().await.expect("it runs").succeeded());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_file_that_cannot_be_restored_is_refused_and_the_whole_one_is_restored() {
    let base = reports();
    let bench = Bench::up(base.path(), "pgbackrest").await;
    bench.run("create table moments (n int); insert into moments values (1)").await;
    bench.succeed("backup_pgbackrest.sh", &["--full"]).await;
    bench.run("insert into moments values (2)").await;
    bench.run("select pg_switch_wal()").await;
    bench.run("insert into moments values (3)").await;
    bench.succeed("backup_pgbackrest.sh", &["--export", "--point", "all"]).await;
    bench.run("truncate moments; insert into moments values (9)").await;
    lose_repository(&bench).await;

    let path = bench.file("Z.tar");
    let file = path.display().to_string();
    let kept = [bench.file("Z.info"), path.clone()]
        .map(|path| (path.clone(), fs::read(path).expect("a file")));
    let mend = || {
        for (path, content) in &kept {
            fs::write(path, content).expect("written");
        }
    };
    bench
        .refused(RESTORE, &["--to", "2020-01-01 00:00:00 UTC", &file], "is before the backup")
        .await;
    bench.refused(RESTORE, &["--to", "2100-01-01 00:00:00 UTC", &file], "is after the end").await;
    bench.set("postgresql", "14");
    bench.refused(RESTORE, &[&file], "is of PostgreSQL 14, this stack runs 15").await;
    mend();
    bench.set("stack", "elsewhere");
    bench.refused(RESTORE, &[&file], "is of another stack").await;
    mend();
    // Without it the file would not be asked for, but what is in the volume.
    bench.set("sha256 repository", "");
    bench.refused(RESTORE, &[&file], "has no checksum").await;
    mend();
    encrypt(&file);
    bench.refused(RESTORE, &[&file], "is encrypted").await;
    mend();

    let mut flipped = kept[1].1.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&path, &flipped).expect("written");
    bench.refused(RESTORE, &[&file], "the repository is damaged").await;
    fs::write(&path, &flipped[..middle]).expect("written");
    bench.refused(RESTORE, &[&file], "bytes, ").await;
    mend();
    let lost = lose_segment(&bench, &path);
    bench.refused(RESTORE, &[&file], &format!("WAL segment {lost} is missing")).await;
    mend();

    bench.succeed(RESTORE, &["--replace", "--yes", &file]).await;
    assert_eq!(bench.ask(MOMENTS).await, "1 2 3");
    bench.remove().await;
}

/// Takes the newest segment out of the file, of which every checksum is then right again.
fn lose_segment(bench: &Bench, file: &PathBuf) -> String {
    let lost = shell(
        r#"folder=$(mktemp -d); tar -x -C "$folder" -f "$0"
           lost=$(find "$folder/archive" -name '00000001*-*.zst' | sort | tail -n 1); rm "$lost"
           tar -c -C "$folder" -f "$0" .; rm -r "$folder"; basename "$lost" | cut -c 1-24"#,
        &[&file.display().to_string()],
    );
    bench.set("size repository", &fs::metadata(file).expect("a file").len().to_string());
    let sum = shell(r#"sha256sum < "$0" | cut -d ' ' -f 1"#, &[&file.display().to_string()]);
    bench.set("sha256 repository", &sum);
    lost
}
