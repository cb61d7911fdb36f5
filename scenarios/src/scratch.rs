//! A scratch PostgreSQL server in one container: databases to fingerprint, to dump, to
//! restore and to damage. Gone when dropped. Needs an engine; makes the Debian base that it
//! builds on where the engine has none.

use std::time::Duration;

use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::engine::Engine;
use harness::stack::images::Images;
use postgres::{Client, Config, NoTls};
use testcontainers::core::{BuildImageOptions, CmdWaitFor, ExecCommand, WaitFor};
use testcontainers::runners::{SyncBuilder, SyncRunner};
use testcontainers::{Container, GenericBuildableImage, GenericImage, ImageExt};
use tokio_util::sync::CancellationToken;

/// A major version of PostgreSQL, with the Debian suite that packages it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Major {
    /// Such as 15.
    pub number: u32,
    /// Such as `bookworm`.
    pub suite: &'static str,
}

/// The oldest major that a fingerprint is taken of.
pub const THIRTEEN: Major = Major { number: 13, suite: "bullseye" };
/// The major of the reference stack.
pub const FIFTEEN: Major = Major { number: 15, suite: "bookworm" };
/// The newest major that a stable Debian packages.
pub const SEVENTEEN: Major = Major { number: 17, suite: "trixie" };
/// The newest that the harness reads.
pub const EIGHTEEN: Major = Major { number: 18, suite: "forky" };

/// The superuser.
const USER: &str = "postgres";

/// A running server.
pub struct Postgres {
    container: Container<GenericImage>,
    host: String,
}

impl Postgres {
    /// Starts a server whose cluster holds nothing but what `initdb` makes.
    ///
    /// # Panics
    /// When the image cannot be built or the server does not come up.
    #[must_use]
    pub fn start(major: Major) -> Self {
        let container = image(major)
            .with_wait_for(WaitFor::message_on_stderr(
                "database system is ready to accept connections",
            ))
            .with_startup_timeout(Duration::from_secs(60))
            // By name, because engines before 26 report it as "default", which no network is called.
            .with_network("bridge")
            .with_label("restore-drill.scenario", "postgres")
            .start()
            .expect("the scratch server starts");
        let host = container
            .get_bridge_ip_address()
            .expect("the scratch server has an address")
            .to_string();
        Self { container, host }
    }

    /// How to reach one of its databases.
    #[must_use]
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .user(USER)
            .dbname(database)
            .connect_timeout(Duration::from_secs(10));
        config
    }

    /// The same as `postgres://…`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@{}:5432/{database}", self.host)
    }

    /// Connects to one of its databases.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn connect(&self, database: &str) -> Client {
        self.config(database).connect(NoTls).expect("the scratch server accepts connections")
    }

    /// Creates an empty database.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create(&self, database: &str) {
        self.execute("postgres", &format!("CREATE DATABASE \"{database}\""));
    }

    /// Creates a database as an exact copy of another, which nobody may be connected to.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn copy(&self, from: &str, to: &str) {
        self.execute("postgres", &format!("CREATE DATABASE \"{to}\" TEMPLATE \"{from}\""));
    }

    /// Drops a database, and whoever is connected to it.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn drop(&self, database: &str) {
        self.execute("postgres", &format!("DROP DATABASE \"{database}\" WITH (FORCE)"));
    }

    /// Runs statements in a database.
    ///
    /// # Panics
    /// When one of them fails.
    pub fn execute(&self, database: &str, statements: &str) {
        if let Err(cause) = self.connect(database).batch_execute(statements) {
            panic!("{statements}\nin {database}: {cause:?}");
        }
    }

    /// Dumps a database and restores the dump into a new one, as an operator would.
    ///
    /// # Panics
    /// When either tool complains about anything.
    pub fn dump_and_restore(&self, from: &str, to: &str) {
        self.create(to);
        let _ = self.shell(&format!(
            "pg_dump -U {USER} -Fc -d {from} -f /tmp/{from}.dump && \
             pg_restore -U {USER} --exit-on-error -d {to} /tmp/{from}.dump"
        ));
    }

    /// Runs a shell command in the container and returns what it printed.
    ///
    /// # Panics
    /// When it exits other than 0.
    #[must_use]
    pub fn shell(&self, command: &str) -> String {
        let mut run = self
            .container
            .exec(
                ExecCommand::new(["sh", "-c", command])
                    .with_cmd_ready_condition(CmdWaitFor::exit()),
            )
            .expect("the container runs a command");
        let read = |bytes: Result<Vec<u8>, _>| {
            String::from_utf8_lossy(&bytes.expect("the output can be read")).into_owned()
        };
        let (stdout, stderr) = (read(run.stdout_to_vec()), read(run.stderr_to_vec()));
        let code = run.exit_code().expect("the exit code can be read");
        assert_eq!(code, Some(0), "{command}\n{stdout}{stderr}");
        stdout
    }
}

/// Debian's own package on the drill's base, with a cluster that trusts whoever reaches it. A mirror
/// may lag behind a suite that still moves.
fn image(major: Major) -> GenericImage {
    let Major { number, suite } = major;
    let base = base(suite).expect("the Debian base of the scratch server is there or made");
    GenericBuildableImage::new("dr-drill/scenario-postgres", number.to_string())
        .with_dockerfile_string(format!(
            "FROM {base}\n\
             RUN apt-get -o Acquire::Check-Valid-Until=false update \
              && apt-get install -y --no-install-recommends postgresql-{number} postgresql-contrib \
              && rm -rf /var/lib/apt/lists/*\n\
             ENV PATH=/usr/lib/postgresql/{number}/bin:$PATH\n\
             USER {USER}\n\
             RUN initdb -D /var/lib/postgresql/scratch -A trust -E UTF8 --locale=C.UTF-8 \
              && echo 'host all all all trust' >> /var/lib/postgresql/scratch/pg_hba.conf\n\
             CMD [\"postgres\", \"-D\", \"/var/lib/postgresql/scratch\", \"-c\", \
                  \"listen_addresses=*\", \"-c\", \"fsync=off\", \"-c\", \"wal_level=logical\"]\n"
        ))
        .build_image_with(BuildImageOptions::new().with_skip_if_exists(true))
        .expect("the image of the scratch server builds")
}

/// The plain Debian image of a suite, as the drill finds or makes it.
fn base(suite: &str) -> harness::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let engine = Engine::find(&Runner::new(CancellationToken::new())).await?;
        Images::new(&engine, &Events::ignored()).base(suite).await
    })
}
