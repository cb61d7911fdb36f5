//! A copy of the stack on which an operator's scripts run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::backup::Method;
use harness::config::Generator;
use harness::drill::{Sandbox, Standing};
use harness::model::event::Events;
use harness::plan::Request;
use harness::process::Output;
use postgres::NoTls;
use scenarios::rehearsal::{config, leftovers, planned, reference_stack, request};
use scenarios::turn::{self, Fixture, Turn};
use tokio_util::sync::CancellationToken;

/// What the table of these tests has.
pub(super) const MOMENTS: &str = "select string_agg(n::text, ' ' order by n) from moments";

/// A copy of the stack with a method's compose files, and a folder for its backups.
pub(super) struct Bench {
    pub(super) standing: Standing,
    compose: Option<String>,
    backups: tempfile::TempDir,
    _turn: Turn,
}

impl Bench {
    pub(super) async fn up(base: &Path, method: &str) -> Self {
        let turn = turn::take(Fixture::Sweep);
        let mut config = config();
        // The scripts back up and restore a cluster, whatever is in it.
        config.dataset.generator = Generator::None;
        // The others ask for what is in it, and so does the ledger.
        config.probes.retain(|probe| probe.health);
        config.ledger.enabled = false;
        let method = Method::of(method, &config).expect("the stack has it");
        let drill = planned(Request { method, ..request(base) }, config);
        let standing =
            drill.stand_with(&["db"], &Events::ignored(), CancellationToken::new()).await;
        let backups = tempfile::tempdir_in(base).expect("a temporary folder");
        let standing = standing.expect("it comes up");
        let compose = drill.request().compose.clone();
        Self { standing, compose, backups, _turn: turn }
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
        if let Some(answer) = self.answer(query).await {
            return answer;
        }
        let Sandbox { stack, database, .. } = &self.standing.sandbox;
        let database = database.as_ref().expect("a database");
        let up = stack.up(&[&database.service], Duration::from_secs(120)).await.expect("compose");
        assert!(up.is_none(), "{up:?}");
        self.answer(query).await.unwrap_or_else(|| panic!("no answer to {query}"))
    }

    /// One value, if the server answers now.
    async fn answer(&self, query: &str) -> Option<String> {
        let connection = self.standing.sandbox.connection().await.ok()?;
        let query = query.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let row = connection.connect(NoTls).ok()?.query_opt(&query, &[]).ok()?;
            Some(row.and_then(|row| row.get::<_, Option<String>>(0)).unwrap_or_default())
        });
        asked.await.expect("no panic")
    }

    pub(super) async fn run(&self, statements: &'static str) {
        let sandbox = &self.standing.sandbox;
        let connection = sandbox.connection().await.expect("an address");
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
