//! Files of a server: a base backup, or a copy of a data directory. They are laid into the volume of
//! the sandbox, and a server is started on them with settings of this tool's, whatever theirs say.

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::server::SealedServer;
use super::{Restored, pack, pass};
use crate::error::{Error, Result};
use crate::stack::database::ask;

/// Bounds unpacking.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// Pause between two questions whether the server accepts connections.
const POLL: Duration = Duration::from_millis(200);

/// A part of a base backup in tar.
pub(in crate::verify) struct Part {
    /// Where it belongs, below the data directory or beside it.
    pub(in crate::verify) place: Place,
    pub(in crate::verify) open: Box<dyn Fn() -> Result<Box<dyn Read + Send>> + Send + Sync>,
}

/// Where a part of a base backup belongs.
pub(in crate::verify) enum Place {
    /// The data directory.
    Base,
    /// Its log.
    Wal,
    /// A tablespace, by its object identifier.
    Tablespace(String),
}

/// What is laid into the sandbox.
pub(in crate::verify) enum Files {
    /// A folder of this host.
    Folder(PathBuf),
    /// A full backup and those that build on it, in their order.
    Chain(Vec<PathBuf>),
    /// Archives.
    Parts(Vec<Part>),
    /// A repository of pgBackRest, and the stanza of which the newest backup is restored.
    Repository(PathBuf, String),
}

/// How a server sees its files: no command of theirs is run, nothing of their own is preloaded.
const SETTINGS: [&str; 15] = [
    "zero_damaged_pages=off",
    "ignore_checksum_failure=off",
    "ignore_system_indexes=off",
    "config_file=/data/conf/postgresql.conf",
    "hba_file=/data/conf/pg_hba.conf",
    "ident_file=/data/conf/pg_ident.conf",
    "data_directory=/data/pg",
    "shared_preload_libraries=",
    "session_preload_libraries=",
    "local_preload_libraries=",
    "archive_command=",
    "restore_command=",
    "archive_cleanup_command=",
    "recovery_end_command=",
    "primary_conninfo=",
];

/// What is there before any file of the backup.
const PREPARE: &str = "set -eu; umask 077; mkdir -p /data/conf /data/pg; : > /data/conf/pg_ident.conf; \
    : > /data/conf/postgresql.conf; echo 'local all all trust' > /data/conf/pg_hba.conf";

/// What the backup may not keep. A tablespace is where this tool puts it.
const CLEAR: &str = "set -eu; cd /data/pg; chmod 700 .; \
    rm -f postmaster.pid postmaster.opts standby.signal recovery.signal recovery.conf; \
    mkdir -p pg_wal pg_tblspc; \
    for link in pg_tblspc/*; do [ -L \"$link\" ] && rm -f \"$link\"; done; \
    if [ -d /data/ts ]; then for place in /data/ts/*; do \
        ln -s \"$place\" \"pg_tblspc/${place##*/}\"; done; rm -f tablespace_map; fi; true";

/// Lays the files into the sandbox and starts a server on them. What the server says when it does
/// not start is a value: the backup may be no good.
pub(in crate::verify) async fn restore(
    server: &mut SealedServer,
    files: Files,
) -> Result<Result<Restored, Vec<String>>> {
    let prepared = server.exec(["bash", "-c", PREPARE]).run().await?;
    prepared.require(|| "cannot prepare the sandbox")?;
    let mut settings = SETTINGS.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    match files {
        Files::Repository(folder, stanza) => {
            if let Err(why) = pgbackrest(server, folder, &stanza).await? {
                return Ok(Err(why));
            }
            settings.extend(replaying(&stanza));
        }
        Files::Folder(folder) => lay(server, folder, "/data/pg").await?,
        Files::Chain(folders) => {
            if let Err(why) = combine(server, folders).await? {
                return Ok(Err(why));
            }
        }
        Files::Parts(parts) => {
            for part in parts {
                unpack(server, part).await?;
            }
        }
    }
    let cleared = server.exec(["bash", "-c", CLEAR]).run().await?;
    cleared.require(|| "cannot lay the backup into the sandbox")?;
    if settings.len() > SETTINGS.len() {
        let signal = server.exec(["touch", "/data/pg/recovery.signal"]).run().await?;
        signal.require(|| "cannot lay the backup into the sandbox")?;
    }
    // Preloaded code is the backup's own; so is whoever may sign in.
    if let Err(log) = server.start_server(&settings).await? {
        return Ok(Err(log));
    }
    if let Err(log) = accepting(server).await? {
        return Ok(Err(log));
    }
    if let Err(log) = clear_settings(server, &settings).await? {
        return Ok(Err(log));
    }
    server.maker = superuser(server).await?;
    server.make_roles().await?;
    let databases = ask(server.connection("postgres"), |client| {
        let list = "SELECT datname::text FROM pg_catalog.pg_database \
                    WHERE datallowconn AND NOT datistemplate";
        let rows = client.query(list, &[]);
        let rows =
            rows.map_err(|cause| Error::undecided("cannot list databases").because(cause))?;
        Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect())
    });
    Ok(Ok(Restored { databases: databases.await?, is_physical: true, ..Restored::default() }))
}

/// Takes back what databases and roles say of their sessions: it could load libraries, and have a
/// damaged page read as an empty one. Nobody has signed in so far; the server alone reads none of it.
async fn clear_settings(
    server: &SealedServer,
    settings: &[String],
) -> Result<Result<(), Vec<String>>> {
    let stop = ["pg_ctl", "stop", "--wait", "--mode=fast", "--timeout=3600", "--silent"];
    let stopped = server.exec(stop).arg("--pgdata=/data/pg").timeout(LIMIT).run().await?;
    stopped.require(|| "cannot stop the restored server")?;
    let script = "rm -f /data/pg/postgresql.auto.conf; : > /data/pg/postgresql.auto.conf; \
                  echo 'delete from pg_catalog.pg_db_role_setting' | \
                  postgres --single -D /data/pg -c config_file=/data/conf/postgresql.conf \
                      -c shared_preload_libraries= -c session_preload_libraries= \
                      -c local_preload_libraries= template1 > /dev/null";
    let cleared = server.exec(["sh", "-c", script]).run().await?;
    cleared.require(|| "cannot take back the settings of the restored databases")?;
    if let Err(log) = server.start_server(settings).await? {
        return Ok(Err(log));
    }
    accepting(server).await
}

/// Waits until the server accepts connections: one that still replays its log counts as started.
async fn accepting(server: &SealedServer) -> Result<Result<(), Vec<String>>> {
    let begun = Instant::now();
    loop {
        let asked = server.exec(["pg_isready", "--quiet", "--host=/tmp"]).run().await?;
        match asked.exit_code {
            Some(0) => return Ok(Ok(())),
            // It rejects connections as yet.
            Some(1) if begun.elapsed() < LIMIT => tokio::time::sleep(POLL).await,
            _ => return Ok(Err(server.log().await?)),
        }
    }
}

/// Whoever may make roles on a server that was restored: its first superuser, whatever the name.
async fn superuser(server: &SealedServer) -> Result<String> {
    let words = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--dbname=template1"];
    let query = "select rolname from pg_catalog.pg_authid where oid = 10";
    let mut complaint = String::new();
    // Everybody may sign in, but only by a name that is there.
    for name in ["postgres", "rdsadmin", "admin", "root", "dr_drill"] {
        let asked = server.signed_in(words).args(["--host=/tmp", "--command", query]);
        let asked = asked.args(["--username", name]).run().await?;
        if asked.succeeded() {
            return Ok(asked.text());
        }
        complaint = asked.complaint();
    }
    Err(Error::undecided("nobody is known who may sign in to the restored server")
        .because(complaint)
        .hint("the first superuser has a name of its own: restore it by hand, or back up with pg_dump"))
}

/// Where a repository is laid.
const REPOSITORY: &str = "/data/scratch/repository";

/// What pgBackRest is told, whatever it does.
fn told(stanza: &str) -> [String; 7] {
    [
        "pgbackrest".to_owned(),
        "--config=/dev/null".to_owned(),
        format!("--stanza={stanza}"),
        format!("--repo1-path={REPOSITORY}"),
        "--pg1-path=/data/pg".to_owned(),
        "--log-level-file=off".to_owned(),
        "--lock-path=/tmp".to_owned(),
    ]
}

/// Has pgBackRest restore the newest backup of a stanza, every file by its own sum.
async fn pgbackrest(
    server: &SealedServer,
    folder: PathBuf,
    stanza: &str,
) -> Result<Result<(), Vec<String>>> {
    let known = server.exec(["sh", "-c", "command -v pgbackrest"]).run().await?;
    if !known.succeeded() {
        return Err(Error::undecided("the image has no pgBackRest to read its repository with")
            .hint("--image names one that has it, or leave --image out"));
    }
    lay(server, folder, REPOSITORY).await?;
    let words = ["--log-level-console=warn", "--type=immediate", "restore"];
    let restore = server.exec(told(stanza)).args(words).timeout(LIMIT).run().await?;
    Ok(if restore.succeeded() {
        Ok(())
    } else {
        let said = [restore.text(), restore.stderr.clone()].join("\n");
        Err(said.lines().map(str::to_owned).collect())
    })
}

/// How the server comes to the end of a backup of pgBackRest: by its log, from its repository.
fn replaying(stanza: &str) -> [String; 4] {
    let get = told(stanza).join(" ");
    [
        format!("restore_command={get} archive-get %f \"%p\""),
        "recovery_target=immediate".to_owned(),
        "recovery_target_action=promote".to_owned(),
        // It is not there before it takes writes.
        "hot_standby=off".to_owned(),
    ]
}

async fn lay(server: &SealedServer, folder: PathBuf, to: &str) -> Result<()> {
    let script =
        "mkdir -p \"$1\" && exec tar --extract --no-same-owner --directory \"$1\" --file -";
    let command = server.exec(["sh", "-c", script, "sh", to]).timeout(LIMIT);
    let (output, packed) = command.written_by(move |pipe| pack(&folder, pipe)).await?;
    output.require(|| "cannot lay the backup into the sandbox")?;
    packed
}

/// Makes one backup of a full one and those that build on it.
async fn combine(server: &SealedServer, folders: Vec<PathBuf>) -> Result<Result<(), Vec<String>>> {
    let mut names = Vec::new();
    for (at, folder) in folders.into_iter().enumerate() {
        let name = format!("/data/scratch/chain-{at}");
        lay(server, folder, &name).await?;
        names.push(name);
    }
    let words = ["pg_combinebackup", "--output=/data/pg"];
    let removed = server.exec(["rmdir", "/data/pg"]).run().await?;
    removed.require(|| "cannot prepare the sandbox")?;
    let combined = server.exec(words).args(names).timeout(LIMIT).run().await?;
    let removed = server.exec(["sh", "-c", "rm -rf /data/scratch/chain-*"]).run().await?;
    removed.require(|| "cannot clear the sandbox")?;
    Ok(if combined.succeeded() {
        Ok(())
    } else {
        Err(combined.stderr.lines().map(str::to_owned).collect())
    })
}

async fn unpack(server: &SealedServer, part: Part) -> Result<()> {
    let to = match &part.place {
        Place::Base => "/data/pg".to_owned(),
        Place::Wal => "/data/pg/pg_wal".to_owned(),
        Place::Tablespace(oid) => format!("/data/ts/{oid}"),
    };
    let script =
        "mkdir -p \"$1\" && exec tar --extract --no-same-owner --directory \"$1\" --file -";
    let command = server.exec(["sh", "-c", script, "sh", &to]).timeout(LIMIT);
    let stream = (part.open)()?;
    let (output, passed) = command.written_by(move |pipe| pass(stream, pipe)).await?;
    output.require(|| "cannot unpack the backup into the sandbox")?;
    passed.map(drop)
}
