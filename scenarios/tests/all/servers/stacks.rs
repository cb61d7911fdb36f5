//! Projects without a configuration, run as their owners do: what their pages and their SQLite
//! say, before and after their content was lost.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use harness::compare;
use harness::fingerprint::sqlite;
use harness::model::divergence::Divergence;
use harness::visit::{self, Answering, Round, Target, Walked};
use scenarios::stacks::{self, Project};
use scenarios::turn::{self, Fixture, Turn};

/// A project that is up, and gone when dropped.
struct Up {
    name: String,
    project: Project,
    _turn: Turn,
}

impl Up {
    fn start(project: &str) -> Self {
        let turn = turn::take(Fixture::Server);
        let project = stacks::project(project);
        // Its ports on the host may be taken, and nobody needs them.
        let file = project.folder.join("docker-compose.yml");
        let text = std::fs::read_to_string(&file).expect("a compose file");
        let text = text.replace("- 8000:8000", "- 8000").replace("container_name: small-shop", "");
        std::fs::write(&file, text).expect("a compose file");
        let name = format!("dr-drill-test-{}", std::process::id());
        let up = Self { name, project, _turn: turn };
        up.compose(&["up", "--detach"]);
        up
    }

    fn compose(&self, words: &[&str]) -> Output {
        let mut command = Command::new("docker");
        command.args(["compose", "--project-name", &self.name]).args(words);
        succeed(command.current_dir(&self.project.folder))
    }

    fn container(&self, service: &str) -> String {
        let answer = self.compose(&["ps", "--quiet", service]);
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    fn target(&self, service: &str) -> Target {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let mut inspect = Command::new("docker");
        inspect.args(["inspect", "--format", format, &self.container(service)]);
        let address = String::from_utf8_lossy(&succeed(&mut inspect).stdout).trim().to_owned();
        let address = format!("{address}:8000").parse().expect("an address");
        Target { address, host: "localhost:8000".to_owned(), tls: false }
    }

    /// Copies what a service has in a folder.
    fn copy_out(&self, service: &str, path: &str, to: &Path) {
        let from = format!("{}:{path}", self.container(service));
        succeed(Command::new("docker").arg("cp").arg(from).arg(to));
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["compose", "--project-name", &self.name, "down", "--volumes", "--timeout", "2"])
            .current_dir(&self.project.folder)
            .output();
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("a command");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn round(walked: harness::Result<Walked>) -> Round {
    match walked.expect("an answer") {
        Walked::Round(round) => round,
        Walked::NotHttp(seen) => panic!("not HTTP: {seen}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_files_and_sqlite_is_told_from_an_empty_one_and_from_another() {
    let up = tokio::task::block_in_place(|| Up::start("files-sqlite"));
    let target = up.target("app");
    let limit = Duration::from_secs(60);
    let answers = visit::until_answering(&target, limit).await.expect("an answer");
    assert_eq!(answers, Answering::Http(200));
    let first = round(visit::walk(&target, visit::LIMIT).await);
    let before = Round::settled(&first, &round(visit::again(&target, &first).await));
    assert!(before.not_demanded.is_empty(), "{:?}", before.not_demanded);
    assert!(before.pages.len() >= 14 && !before.pages.contains_key("/logout"), "{before:?}");
    assert_eq!((before.proves(), visit::looks_empty(&before)), (Ok(()), None));
    let after = round(visit::again(&target, &before).await);
    assert_eq!(visit::compare(&before, &after), []);
    assert_eq!(visit::emptied(&before, &after), None);

    let kept = tempfile::tempdir().expect("a folder");
    up.copy_out("app", "/data/.", kept.path());
    let options = sqlite::Options::default();
    let baseline = sqlite::take(kept.path(), &options).expect("a fingerprint");
    assert!(baseline.databases["shop.db"].tables.contains_key("item"), "{baseline:?}");
    let compared = compare::sqlite::compare(&baseline, &baseline);
    assert!(compared.divergences.is_empty() && compared.undecided.is_empty(), "{compared:?}");

    // Its volumes are lost, and it seeds itself again.
    up.compose(&["down", "--volumes", "--timeout", "2"]);
    up.compose(&["up", "--detach"]);
    let target = up.target("app");
    visit::until_answering(&target, limit).await.expect("an answer");
    let after = round(visit::again(&target, &before).await);
    let named = visit::compare(&before, &after);
    let title = |found: &visit::Difference| found.aspect == visit::Aspect::Title;
    assert!(named.iter().any(title), "{named:?}");
    let again = tempfile::tempdir().expect("a folder");
    up.copy_out("app", "/data/.", again.path());
    let restored = sqlite::take(again.path(), &options).expect("a fingerprint");
    let compared = compare::sqlite::compare(&baseline, &restored);
    let lines: Vec<_> = compared.divergences.iter().map(Divergence::line).collect();
    assert!(lines.contains(&"shop.db: table item: rows changed".to_owned()), "{lines:?}");

    // It comes back empty, and answers all the same.
    up.compose(&["exec", "app", "python3", "-c", EMPTY]);
    let after = round(visit::again(&target, &before).await);
    let said = visit::emptied(&before, &after).expect("a sign");
    assert!(said.starts_with("GET /: a service that was never set up"), "{said}");
}

/// Takes the rows out of the shop.
const EMPTY: &str = "import sqlite3
shop = sqlite3.connect('/data/shop.db')
shop.execute('DELETE FROM upload')
shop.execute('DELETE FROM item')
shop.commit()";

#[test]
fn what_stands_in_for_public_images_carries_their_configuration() {
    stacks::images();
    let config = |image: &str| {
        let mut inspect = Command::new("docker");
        inspect.args(["image", "inspect", "--format", "{{json .Config}}", image]);
        let text = succeed(&mut inspect).stdout;
        serde_json::from_slice::<serde_json::Value>(&text).expect("JSON")
    };
    let postgres = config("dr-drill-test/postgres:15");
    let variables = postgres["Env"].as_array().expect("variables");
    for variable in ["PG_MAJOR=15", "PGDATA=/var/lib/postgresql/data"] {
        assert!(variables.iter().any(|known| known == variable), "{variables:?}");
    }
    assert!(postgres["Volumes"]["/var/lib/postgresql/data"].is_object(), "{postgres}");
    assert!(postgres["ExposedPorts"]["5432/tcp"].is_object(), "{postgres}");
    assert!(config("dr-drill-test/redis:7")["Volumes"]["/data"].is_object());
}

#[test]
fn every_project_has_compose_files_and_no_configuration() {
    let names = stacks::names();
    assert_eq!(names.len(), 10, "{names:?}");
    for name in names {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks").join(&name);
        let files = ["docker-compose.yml", "compose.yaml"];
        assert!(files.iter().any(|file| folder.join(file).is_file()), "{name}");
        assert!(!folder.join("drill.toml").exists(), "{name}");
    }
}
