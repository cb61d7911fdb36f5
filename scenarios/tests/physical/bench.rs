//! A copy of the stack on which an operator's scripts run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::drill::Standing;
use harness::model::event::Events;
use harness::process::Output;
use postgres::NoTls;
use scenarios::rehearsal::{drill_of, leftovers, reference_stack};
use tokio_util::sync::CancellationToken;

/// What the table of these tests has.
pub(super) const MOMENTS: &str = "select string_agg(n::text, ' ' order by n) from moments";

pub(super) fn reports() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

/// A copy of the stack with a method's compose files, and a folder for its backups.
pub(super) struct Bench {
    pub(super) standing: Standing,
    compose: Option<String>,
    backups: tempfile::TempDir,
}

impl Bench {
    pub(super) async fn up(base: &Path, method: &str) -> Self {
        let drill = drill_of(base, method);
        let standing = drill.stand(&Events::ignored(), CancellationToken::new()).await;
        let backups = tempfile::tempdir_in(base).expect("a temporary folder");
        Self {
            standing: standing.expect("it comes up"),
            compose: drill.request().compose.clone(),
            backups,
        }
    }

    /// Runs a script of the stack on the copy.
    pub(super) async fn script(&self, name: &str, args: &[&str]) -> Output {
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

    pub(super) async fn succeed(&self, name: &str, args: &[&str]) -> String {
        let output = self.script(name, args).await;
        assert!(output.succeeded(), "{name} {args:?}\n{}", output.stderr);
        output.text()
    }

    /// Demands that a restore is refused with a reason, and that the database is as it was.
    pub(super) async fn refused(&self, script: &str, args: &[&str], reason: &str) {
        let before = self.ask(MOMENTS).await;
        let args = [&["--replace", "--yes"], args].concat();
        let output = self.script(script, &args).await;
        assert_eq!(output.exit_code, Some(1), "{args:?}\n{}", output.stderr);
        assert!(output.stderr.contains(reason), "{args:?}\n{}", output.stderr);
        let after = self.ask(MOMENTS).await;
        assert_eq!(before, after, "{args:?} changed the database");
    }

    /// One value, once the server answers.
    pub(super) async fn ask(&self, query: &str) -> String {
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

    pub(super) async fn run(&self, statements: &'static str) {
        let sandbox = &self.standing.sandbox;
        let connection = sandbox.database.connection(&sandbox.stack).await.expect("an address");
        let ran = tokio::task::spawn_blocking(move || {
            connection.connect(NoTls).expect("it answers").batch_execute(statements)
        });
        ran.await.expect("no panic").expect("it runs");
    }

    pub(super) async fn remove(self) {
        let run = self.standing.run.to_string();
        self.standing.remove().await.expect("removed");
        assert_eq!(leftovers(&run).await, Vec::<String>::new());
    }

    pub(super) fn file(&self, suffix: &str) -> PathBuf {
        let files = fs::read_dir(self.backups.path()).expect("a folder").flatten();
        let mut files = files.map(|entry| entry.path());
        files.find(|path| path.to_string_lossy().ends_with(suffix)).expect("a file")
    }

    /// Changes a field of the set's description, whose own checksum is then right again.
    pub(super) fn set(&self, field: &str, value: &str) {
        let info = self.file("Z.info");
        let script = r#"
            sed -i "s|^$1: .*|$1: $2|; /^# sha256/d" "$0"
            printf '# sha256 of the lines above: %s\n' "$(sha256sum < "$0" | cut -d ' ' -f 1)" >> "$0""#;
        shell(script, &[&info.display().to_string(), field, value]);
    }
}

pub(super) fn shell(script: &str, args: &[&str]) -> String {
    let output = std::process::Command::new("bash").arg("-euc").arg(script).args(args).output();
    let output = output.expect("bash runs");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Leaves of a file what nobody can read without the key.
pub(super) fn encrypt(file: &str) {
    let script = r#"openssl enc -aes-256-cbc -pbkdf2 -pass pass:lost -in "$0" -out "$0.enc"; mv "$0.enc" "$0""#;
    shell(script, &[file]);
}
