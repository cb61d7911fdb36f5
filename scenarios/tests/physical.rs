//! Physical backups: any moment of a base backup is restored, and what cannot be is refused with
//! the reason while the database stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::config::Config;
use harness::drill::{Drill, Live, Moment, Standing};
use harness::model::check::Outcome;
use harness::model::event::Events;
use harness::model::profile::Profile;
use harness::model::record::Verdict;
use harness::plan::Request;
use harness::process::Output;
use postgres::NoTls;
use scenarios::rehearsal::{demand, drill, leftovers, reference_stack, rehearse, sabotaged, sql};
use tokio_util::sync::CancellationToken;

fn reports() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

fn drill_of(base: &Path, method: &str) -> Drill {
    let config = Config::load(&reference_stack()).expect("the reference stack is configured");
    let request = Request { method: method.to_owned(), ..drill(base).request };
    let mut drill = Drill::new(request, config).expect("it can be planned");
    drill.compose = std::env::var("DR_DRILL_COMPOSE").ok();
    base.clone_into(&mut drill.report_base);
    drill
}

/// A copy of the stack with a method's compose files, and a folder for its backups.
struct Bench {
    standing: Standing,
    compose: Option<String>,
    backups: tempfile::TempDir,
}

impl Bench {
    async fn up(base: &Path, method: &str) -> Self {
        let drill = drill_of(base, method);
        let standing = drill.stand(&Events::ignored(), CancellationToken::new()).await;
        let backups = tempfile::tempdir_in(base).expect("a temporary folder");
        Self { standing: standing.expect("it comes up"), compose: drill.compose, backups }
    }

    /// Runs a script of the stack on the copy.
    async fn script(&self, name: &str, args: &[&str]) -> Output {
        let stack = &self.standing.sandbox.stack;
        let program = reference_stack().join("scripts").join(name);
        let command = stack.runner().command(program).args(args.iter().copied());
        let command = stack.bind(command).env("BACKUP_DIR", self.backups.path());
        let command = match &self.compose {
            Some(compose) => command.env("COMPOSE_COMMAND", compose),
            None => command,
        };
        command.timeout(Duration::from_secs(300)).run().await.expect("it runs")
    }

    async fn succeed(&self, name: &str, args: &[&str]) -> String {
        let output = self.script(name, args).await;
        assert!(output.succeeded(), "{name} {args:?}\n{}", output.stderr);
        output.text()
    }

    /// Demands that a restore is refused with a reason, and that the database is as it was.
    async fn refused(&self, args: &[&str], reason: &str) {
        let before = self.ask("select string_agg(n::text, ' ' order by n) from moments").await;
        let args = [&["--replace", "--yes"], args].concat();
        let output = self.script("restore_base.sh", &args).await;
        assert_eq!(output.exit_code, Some(1), "{args:?}\n{}", output.stderr);
        assert!(output.stderr.contains(reason), "{args:?}\n{}", output.stderr);
        let after = self.ask("select string_agg(n::text, ' ' order by n) from moments").await;
        assert_eq!(before, after, "{args:?} changed the database");
    }

    /// One value, once the server answers.
    async fn ask(&self, query: &str) -> String {
        let (sandbox, query) = (&self.standing.sandbox, query.to_owned());
        let service = sandbox.database.service.as_str();
        let up = sandbox.stack.up(&[service], Duration::from_secs(120)).await.expect("compose");
        assert!(up.is_none(), "{up:?}");
        let connection = sandbox.database.connection(&sandbox.stack).await.expect("an address");
        let asked = tokio::task::spawn_blocking(move || {
            let mut client = connection.connect(NoTls).expect("it answers");
            let row = client.query_opt(&query, &[]).expect("it answers");
            row.and_then(|row| row.get::<_, Option<String>>(0)).unwrap_or_default()
        });
        asked.await.expect("no panic")
    }

    async fn run(&self, statements: &'static str) {
        let sandbox = &self.standing.sandbox;
        let connection = sandbox.database.connection(&sandbox.stack).await.expect("an address");
        let ran = tokio::task::spawn_blocking(move || {
            connection.connect(NoTls).expect("it answers").batch_execute(statements)
        });
        ran.await.expect("no panic").expect("it runs");
    }

    async fn remove(self) {
        let run = self.standing.run.to_string();
        self.standing.remove().await.expect("removed");
        assert_eq!(leftovers(&run).await, Vec::<String>::new());
    }

    fn file(&self, suffix: &str) -> PathBuf {
        let files = fs::read_dir(self.backups.path()).expect("a folder").flatten();
        let mut files = files.map(|entry| entry.path());
        files.find(|path| path.to_string_lossy().ends_with(suffix)).expect("a file")
    }

    /// Changes a field of the set's description, whose own checksum is then right again.
    fn set(&self, field: &str, value: &str) {
        let info = self.file("Z.info");
        let script = r#"
            sed -i "s|^$1: .*|$1: $2|; /^# sha256/d" "$0"
            printf '# sha256 of the lines above: %s\n' "$(sha256sum < "$0" | cut -d ' ' -f 1)" >> "$0""#;
        shell(script, &[&info.display().to_string(), field, value]);
    }
}

fn shell(script: &str, args: &[&str]) -> String {
    let output = std::process::Command::new("bash").arg("-euc").arg(script).args(args).output();
    let output = output.expect("bash runs");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

const MOMENTS: &str = "select string_agg(n::text, ' ' order by n) from moments";

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
    bench.refused(&["--to", "2020-01-01 00:00:00 UTC", set], "is before the backup").await;
    bench.refused(&["--to", "2100-01-01 00:00:00 UTC", set], "is after the end").await;
    bench.refused(&["--to", "no-such-point", set], "no restore point").await;

    bench.set("postgresql", "14");
    bench.refused(&[set], "is of PostgreSQL 14, this stack runs 15").await;
    mend();
    bench.set("stack", "elsewhere");
    bench.refused(&[set], "is of another stack").await;
    mend();
    fs::write(&info, String::from_utf8_lossy(&kept[0].1).replace("began: 2", "began: 1"))
        .expect("written");
    bench.refused(&[set], "its checksum is not that of its lines").await;
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
    bench.refused(&[set], &format!("WAL segment {lost} is missing")).await;
    mend();

    // One byte in the middle, and half of it gone.
    let mut flipped = kept[2].1.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(set, &flipped).expect("written");
    bench.refused(&[set], "what was there before is there again").await;
    let verified = bench.script("restore_base.sh", &["--verify", set]).await;
    assert!(verified.stderr.contains("its checksum is not the one"), "{}", verified.stderr);
    fs::write(set, &flipped[..middle]).expect("written");
    bench.refused(&[set], "bytes, ").await;
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
    bench.refused(&[&incomplete], "has no WAL yet").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_tuned_restore_is_durable_again_before_the_service_starts() {
    let base = reports();
    let mut drill = drill_of(base.path(), "pg-dump");
    drill.profile = Profile::Tuned;
    let finished = rehearse(&drill).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    assert_eq!(record.profile, Profile::Tuned);
    demand(&finished, Verdict::Passed, "restore.durable", Outcome::Passed, "fsync on");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_left_tuned_and_a_sequence_beyond_its_wal_are_named() {
    let base = reports();
    let drill = drill_of(base.path(), "base-backup");
    let drill = sabotaged(drill, Moment::StoresRestored, |live| {
        Box::pin(async move {
            sql(&live, "alter system set fsync = off; select pg_reload_conf()").await?;
            // 32 values ahead is what WAL allows.
            sql(
                &live,
                "select setval('grading_exam_id_seq', nextval('grading_exam_id_seq') + 1000)",
            )
            .await?;
            until_fsync_is_off(&live).await
        })
    });
    let finished = rehearse(&drill).await;
    let check = "restore.durable";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "fsync is off, the source had on");
    let check = "compare.catalogue";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "grading_exam_id_seq");
}

/// Waits until a new session has the settings that were reloaded.
async fn until_fsync_is_off(live: &Live) -> harness::Result<()> {
    let look =
        "do $$ begin if current_setting('fsync') = 'on' then raise 'still on'; end if; end $$";
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match sql(live, look).await {
            Ok(()) => return Ok(()),
            Err(cause) if Instant::now() > until => return Err(cause),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
