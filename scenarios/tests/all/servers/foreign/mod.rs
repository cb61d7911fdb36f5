//! Backups that this tool did not make, by the tools that do: each kind intact and passed, then
//! broken and named. Nothing of a hostile one acts.

mod faults;
mod hostile;
mod kinds;
mod repositories;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use scenarios::scratch::{FIFTEEN, Postgres};
use scenarios::xtask::{Answer, answer, xtask};
use tempfile::TempDir;

/// Roles, a database with all that is judged, and large objects.
const SCHEMA: &str = "\
    SET ROLE app; \
    CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL UNIQUE, \
                           created timestamptz NOT NULL DEFAULT now()); \
    CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                         customer_id int NOT NULL REFERENCES customer, \
                         total numeric(10, 2) CHECK (total >= 0), photo text, \
                         placed timestamptz NOT NULL DEFAULT now()); \
    CREATE TABLE part (at date NOT NULL, n int) PARTITION BY RANGE (at); \
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); \
    INSERT INTO part SELECT '2026-02-01', n FROM generate_series(1, 40) n; \
    INSERT INTO customer (name) SELECT 'c' || n FROM generate_series(1, 200) n; \
    INSERT INTO orders (customer_id, total, photo) \
        SELECT 1 + n % 200, n, 'photos/' || n % 20 || '.jpg' FROM generate_series(1, 1000) n; \
    CREATE VIEW totals AS SELECT customer_id, sum(total) FROM orders GROUP BY 1; \
    GRANT SELECT ON totals TO auditor; \
    RESET ROLE; \
    SELECT lo_from_bytea(0, 'large');";

/// A server with a database, and a folder for its backups.
struct Source {
    server: Postgres,
    folder: TempDir,
}

impl Source {
    fn new() -> Self {
        let server = Postgres::start(FIFTEEN);
        server.execute("postgres", "CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE ROLE auditor");
        server.execute("postgres", "CREATE DATABASE shop OWNER app");
        server.execute("shop", "CREATE EXTENSION pgcrypto");
        server.execute("shop", SCHEMA);
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { server, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has a command of the server write to `$OUT`, and brings that as `name`.
    fn take(&self, name: &str, command: &str) -> PathBuf {
        let out = format!("/tmp/{name}");
        let _ = self.server.shell(&format!("rm -rf {out}; OUT={out}; {command}"));
        self.server.fetch(&out, &self.path(name));
        self.path(name)
    }

    fn dump(&self, name: &str, database: &str) -> PathBuf {
        self.take(name, &format!("pg_dump -U postgres -Fc -f $OUT {database}"))
    }

    fn globals(&self) -> PathBuf {
        self.take("globals.sql", "pg_dumpall -U postgres --globals-only -f $OUT")
    }

    /// An archive of the files that rows name.
    fn media(&self) -> PathBuf {
        let photos = self.path("media/photos");
        fs::create_dir_all(&photos).expect("made");
        for number in 0..20 {
            fs::write(photos.join(format!("{number}.jpg")), [number; 900]).expect("written");
        }
        let archive = self.path("media.tar.gz");
        run("tar", &["-czf", text(&archive), "-C", text(&self.path("media")), "."]);
        archive
    }

    /// Judges a backup, and demands an exit code.
    #[track_caller]
    fn verify(&self, exit_code: i32, paths: &[&Path], options: &[&str]) -> Answer {
        let runs = self.path("runs");
        let paths = paths.iter().map(|path| text(path)).collect::<Vec<_>>();
        let common = ["--report", text(&runs), "--format", "json"];
        answer(xtask(&[&["verify"], &paths[..], options, &common].concat()), exit_code)
    }
}

/// Runs a command of this host.
#[track_caller]
fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).output();
    let done = done.unwrap_or_else(|cause| panic!("{program}: {cause}"));
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
