//! A project that runs beside the drills, as production does: under load, and called what a drill's
//! own copies are called. What it is like is taken down before and after.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::stacks;

/// A shop whose names are all fixed, so that a copy which kept one of them would meet it. `{}` is
/// what they begin with.
const FILE: &str = r#"
name: {}
x-labels: &labels
  dr-drill.database: postgresql
  dr-drill.run: "{}"
  org.example.production: "yes"
services:
  postgres:
    image: dr-drill-test/postgres:15
    container_name: {}-postgres-1
    labels: { dr-drill.database: postgresql, org.example.production: "yes" }
    environment: { POSTGRES_USER: app, POSTGRES_PASSWORD: s3cret-of-live, POSTGRES_DB: app }
    volumes: ["pg:/var/lib/postgresql/data", "./initdb:/docker-entrypoint-initdb.d:ro"]
    networks: [back]
    healthcheck: { test: [CMD-SHELL, "pg_isready -h 127.0.0.1 -U app"], interval: 1s, retries: 60 }
  app:
    image: dr-drill-test/app:1
    container_name: {}-app-1
    environment: { DATABASE_URL: "postgresql://app:s3cret-of-live@postgres:5432/app" }
    volumes: ["uploads:/app/media"]
    ports: ["8000"]
    healthcheck:
      test: [CMD, python3, -c, "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/')"]
      interval: 1s
      retries: 60
    networks: [back]
    depends_on: { postgres: { condition: service_healthy } }
volumes:
  pg: { name: {}_pg, labels: *labels }
  uploads: { name: {}_uploads, labels: *labels }
networks:
  back: { name: {}_back, labels: *labels }
"#;

/// A role that may not read everything. What is on a command line, everybody sees.
const READER: &str = "psql --quiet --user app app <<SQL
create role reader login password '$POSTGRES_PASSWORD';
SQL
";

/// What a drill's own process list, logs and records must never show.
pub const SECRET: &str = "s3cret-of-live";

/// A project that runs. It goes when this is dropped.
#[derive(Debug)]
pub struct Victim {
    /// The folder of its compose file.
    pub folder: PathBuf,
    name: String,
    load: Option<Load>,
    _copy: TempDir,
}

#[derive(Debug)]
struct Load {
    ends: Arc<AtomicBool>,
    rows: Arc<AtomicI64>,
    thread: JoinHandle<()>,
}

impl Victim {
    /// Starts a project whose names begin as those of a drill's copies do.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn up() -> Self {
        stacks::images();
        let copy = tempfile::tempdir().expect("a folder");
        let random = copy.path().file_name().expect("a name").to_string_lossy().to_lowercase();
        let random = random.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let name = format!("dr-drill-20261129t000000-{random}");
        let folder = copy.path().join("shop");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::create_dir(folder.join("initdb")).expect("a folder");
        std::fs::write(folder.join("initdb/reader.sh"), READER).expect("written");
        std::fs::write(folder.join("compose.yaml"), FILE.replace("{}", &name)).expect("written");
        let victim = Self { folder, name, load: None, _copy: copy };
        victim.compose(&["up", "--detach", "--wait"]);
        // Its statistics are rows of the catalogue, which would be counted.
        victim.sql("alter system set autovacuum = off");
        victim.sql("select pg_reload_conf()");
        victim.sql("create table load (id serial primary key, said text)");
        victim
    }

    /// The name of its project.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its compose, from its folder.
    ///
    /// # Panics
    /// When it fails.
    #[expect(clippy::must_use_candidate, reason = "most commands have no answer")]
    pub fn compose(&self, words: &[&str]) -> String {
        text(docker(&["compose"]).args(words).current_dir(&self.folder).output())
    }

    /// What its database answers, a row a line.
    ///
    /// # Panics
    /// When it refuses.
    #[expect(clippy::must_use_candidate, reason = "most statements have no answer")]
    pub fn sql(&self, sql: &str) -> String {
        let container = format!("{}-postgres-1", self.name);
        let psql = ["psql", "--no-align", "--tuples-only", "--user", "app", "--command", sql];
        text(docker(&["exec", &container]).args(psql).output())
    }

    /// Writes rows and files from now on.
    pub fn under_load(&mut self) {
        let (ends, rows) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let (stop, count, name) = (ends.clone(), rows.clone(), self.name.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let n = count.load(Ordering::Relaxed) + 1;
                let insert = format!("insert into load (said) values ('{n}')");
                let postgres = format!("{name}-postgres-1");
                let psql = ["psql", "--quiet", "--user", "app", "--command", &insert];
                text(docker(&["exec", &postgres]).args(psql).output());
                count.store(n, Ordering::Relaxed);
                let write = format!("date >> /app/media/log; echo {n} > /app/media/{}.txt", n % 20);
                text(docker(&["exec", &format!("{name}-app-1"), "sh", "-c", &write]).output());
            }
        });
        self.load = Some(Load { ends, rows, thread });
    }

    /// Ends the load; gives back how many rows it has written.
    ///
    /// # Panics
    /// When it failed on the way.
    pub fn at_rest(&mut self) -> i64 {
        let load = self.load.take().expect("it is under load");
        load.ends.store(true, Ordering::Relaxed);
        load.thread.join().expect("every write was taken");
        load.rows.load(Ordering::Relaxed)
    }

    /// Its containers with their start times and restarts, its volumes with their inodes, its
    /// networks with all who are on them: a line each.
    #[must_use]
    pub fn state(&self) -> Vec<String> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let of = |kind: &str, format: &str| {
            let all = if kind == "container" { ["--all", "--no-trunc"].as_slice() } else { &[] };
            let ids = docker(&[kind, "ls", "--quiet", "--filter", &label]).args(all).output();
            let ids = text(ids);
            let found = docker(&[kind, "inspect", "--format", format]).args(ids.lines()).output();
            text(found).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let mut state = of(
            "container",
            "{{.Id}} {{.Name}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Pid}} {{.Config.Labels}}",
        );
        state.extend(of("network", "{{.Id}} {{.Created}} {{.Containers}}"));
        for volume in of("volume", "{{.Mountpoint}} {{.Name}} {{.Labels}}") {
            let folder = volume.split(' ').next().unwrap_or_default();
            let inode = text(Command::new("stat").args(["--format", "%i", folder]).output());
            state.push(format!("{volume} {inode}"));
        }
        state.sort();
        state
    }

    /// What the server has counted of writes: rows inserted, updated and deleted, temporary files,
    /// conflicts and deadlocks; and all objects that there are.
    ///
    /// # Panics
    /// When it does not answer with numbers.
    #[must_use]
    pub fn counters(&self) -> Vec<i64> {
        let said = self.sql(
            "select pg_stat_force_next_flush(); \
             select tup_inserted, tup_updated, tup_deleted, temp_files, conflicts, deadlocks, \
             (select count(*) from pg_class), (select count(*) from pg_roles) \
             from pg_stat_database where datname = current_database()",
        );
        let last = said.lines().last().expect("a row").split('|');
        last.map(|number| number.parse().expect("a number")).collect()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if let Some(load) = self.load.take() {
            load.ends.store(true, Ordering::Relaxed);
            let _ = load.thread.join();
        }
        let down = ["down", "--volumes", "--timeout", "1"];
        let _ = docker(&["compose"]).args(down).current_dir(&self.folder).output();
    }
}

fn docker(words: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(words);
    command
}

fn text(output: std::io::Result<Output>) -> String {
    let output = output.expect("the command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
