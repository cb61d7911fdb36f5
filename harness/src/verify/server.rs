//! The server of PostgreSQL that a backup is restored into. This host reaches it through the engine,
//! by a socket that its owner alone may open.
//!
//! What was restored is never read as a superuser: an index or a table can hold functions of
//! whoever made the backup.

use std::ffi::OsString;
use std::time::Duration;

use postgres::Config;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::sandbox::{LIMIT, NOBODY, Sandbox};
use crate::error::{Attempt, Error, Result};
use crate::model::record::Removed;
use crate::process::Command;
use crate::stack::database::ask;
use crate::stack::engine::{Engine, ResourceKind};
use crate::stack::isolation::Limits;
use crate::stack::{LABEL_RUN, RunId};

/// Whoever made the server: it makes roles and databases, and reads nothing of them.
pub(super) const MAKER: &str = "dr_drill";
/// Whoever restores.
pub(super) const RESTORER: &str = "dr_drill_restore";
/// Whoever reads what was restored, all of it, and changes nothing.
pub(super) const READER: &str = "dr_drill_read";

/// How the server is set: nobody keeps what it holds, and nothing leaves it.
const SETTINGS: [&str; 18] = [
    "listen_addresses=",
    "unix_socket_directories=/tmp",
    "max_connections=40",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_wal_size=4GB",
    "checkpoint_timeout=1h",
    "maintenance_work_mem=256MB",
    "shared_buffers=256MB",
    "autovacuum=off",
    "archive_mode=off",
    "max_wal_senders=0",
    "max_worker_processes=16",
    "logging_collector=off",
    "log_destination=stderr",
    "ssl=off",
    "jit=off",
];

/// A server of this run.
pub(super) struct SealedServer {
    sandbox: Sandbox,
    /// Who signs in to make things: `dr_drill`, or the superuser of a restored cluster.
    pub(super) maker: String,
    password: String,
    door: TempDir,
    _open: DropGuard,
}

impl SealedServer {
    /// Starts the container, in which no server runs yet.
    pub(super) async fn start(
        engine: &Engine,
        run: &RunId,
        image: &str,
        limits: &Limits,
    ) -> Result<Self> {
        let password = uuid::Uuid::new_v4().simple().to_string();
        engine.runner().keep_secret("SANDBOX_PASSWORD", &password);
        let sandbox = Sandbox::start(engine, run, image, limits).await?;
        let door = tempfile::tempdir().attempt(|| "cannot make a temporary folder")?;
        let open = CancellationToken::new();
        let server = Self {
            sandbox,
            maker: MAKER.to_owned(),
            password,
            door,
            _open: open.clone().drop_guard(),
        };
        server.open(open)?;
        Ok(server)
    }

    /// Carries whoever connects to the socket of this host to that of the server.
    fn open(&self, open: CancellationToken) -> Result<()> {
        let socket = self.door.path().join(".s.PGSQL.5432");
        let listener = UnixListener::bind(&socket).attempt(|| "cannot open a socket")?;
        let sandbox = self.sandbox.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = open.cancelled() => return,
                };
                let Ok((stream, _)) = accepted else { return };
                let Ok(stream) = stream.into_std() else { continue };
                let words = ["socat", "-", "UNIX-CONNECT:/tmp/.s.PGSQL.5432"];
                let exec = sandbox.exec(&[], words).timeout(Duration::from_secs(24 * 3600));
                tokio::spawn(exec.connected_to(stream.into()));
            }
        });
        Ok(())
    }

    /// A command inside, as the server's own user.
    pub(super) fn exec<A: Into<OsString>>(&self, words: impl IntoIterator<Item = A>) -> Command {
        self.sandbox.exec(&[], words).timeout(LIMIT)
    }

    /// A command inside that signs in to the server, as somebody who owns no file there.
    pub(super) fn signed_in<A: Into<OsString>>(
        &self,
        words: impl IntoIterator<Item = A>,
    ) -> Command {
        let exec = self.sandbox.exec(&[NOBODY, "--env=PGPASSWORD", "--env=HOME=/tmp"], words);
        exec.env("PGPASSWORD", &self.password)
    }

    /// The same as root, for what only the image's owner may do.
    pub(super) fn as_root<A: Into<OsString>>(&self, words: impl IntoIterator<Item = A>) -> Command {
        self.sandbox.exec(&["--user=0"], words).timeout(LIMIT)
    }

    /// Makes an empty cluster, and starts it.
    pub(super) async fn make_cluster(&self) -> Result<()> {
        let script = "umask 077; printf %s \"$PW\" > /dev/shm/pw && \
                      initdb --pgdata=/data/pg --username=\"$1\" --auth=scram-sha-256 \
                          --pwfile=/dev/shm/pw --encoding=UTF8 --locale=C.UTF-8 --no-sync >&2; \
                      code=$?; rm -f /dev/shm/pw; exit $code";
        let exec = self.sandbox.exec(&["--env=PW"], ["sh", "-c", script, "sh", MAKER]);
        let made = exec.env("PW", &self.password);
        made.timeout(LIMIT).run().await?.require(|| "cannot make a cluster")?;
        let started = self.start_server(&[]).await?;
        started
            .map_err(|log| Error::undecided("the sandbox's server does not start").details(log))?;
        self.make_roles().await?;
        ask(self.connection("postgres"), |client| {
            let own = format!("ALTER DATABASE postgres OWNER TO {RESTORER}");
            client.batch_execute(&own).attempt(|| "cannot open the database postgres")
        })
        .await
    }

    /// Starts the server. Gives back the end of its log where it does not start.
    pub(super) async fn start_server(
        &self,
        settings: &[String],
    ) -> Result<Result<(), Vec<String>>> {
        let settings = SETTINGS.iter().map(|it| (*it).to_owned()).chain(settings.iter().cloned());
        let options = settings.map(|it| format!("-c '{it}'")).collect::<Vec<_>>().join(" ");
        let words = ["pg_ctl", "start", "--wait", "--timeout=3600", "--silent"];
        let exec = self.exec(words).args(["--pgdata=/data/pg", "--log=/data/server.log"]);
        let started = exec.arg("--options").arg(options).timeout(Duration::from_secs(3700));
        if started.run().await?.succeeded() {
            return Ok(Ok(()));
        }
        Ok(Err(self.log().await?))
    }

    /// The end of the server's log.
    pub(super) async fn log(&self) -> Result<Vec<String>> {
        let log = self.exec(["tail", "--lines=40", "/data/server.log"]).run().await?;
        Ok(self.sandbox.engine().runner().redact(&log.text()).lines().map(str::to_owned).collect())
    }

    /// Makes those who restore and who read.
    pub(super) async fn make_roles(&self) -> Result<()> {
        let (password, maker) = (self.password.clone(), self.maker.clone());
        ask(self.connection("postgres"), move |client| {
            let version =
                client.query_one("select current_setting('server_version_num')::int4", &[]);
            let version =
                version.attempt(|| "cannot ask for the server's version")?.get::<_, i32>(0);
            // Older servers have no role that may read everything.
            let reads = if version >= 140_000 { "pg_read_all_data" } else { "pg_monitor" };
            let make = format!(
                "CREATE ROLE {RESTORER} LOGIN CREATEDB PASSWORD '{password}';\n\
                 CREATE ROLE {READER} LOGIN BYPASSRLS PASSWORD '{password}';\n\
                 GRANT {reads}, pg_read_all_settings, pg_read_all_stats TO {READER};\n\
                 ALTER ROLE {READER} SET default_transaction_read_only = on;\n"
            );
            let done = client.batch_execute(&make);
            done.attempt(|| format!("role {maker:?} cannot make roles on the sandbox's server"))
        })
        .await
    }

    /// Where and how this host signs in to a database as its maker.
    pub(super) fn connection(&self, database: &str) -> Config {
        let maker = self.maker.clone();
        let mut config = self.connection_of(&maker, database);
        // Whatever the database says of its sessions.
        config.options("-c default_transaction_read_only=off");
        config
    }

    /// The same as somebody else.
    pub(super) fn connection_of(&self, role: &str, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.door.path())
            .user(role)
            .password(&self.password)
            .dbname(database)
            .application_name("dr-drill")
            .connect_timeout(Duration::from_secs(30));
        config
    }
}

/// Removes what the engine has of a run.
pub(super) async fn remove(engine: &Engine, run: &RunId) -> Result<Removed> {
    let label = format!("{LABEL_RUN}={run}");
    let mut removed = Removed::default();
    for kind in ResourceKind::ALL {
        let names = engine.list(kind, &label).await?;
        engine.remove(kind, &names).await?;
        let all = match kind {
            ResourceKind::Container => &mut removed.containers,
            ResourceKind::Network => &mut removed.networks,
            ResourceKind::Volume => &mut removed.volumes,
        };
        all.extend(names);
    }
    Ok(removed)
}
