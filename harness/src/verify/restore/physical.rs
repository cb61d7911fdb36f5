//! Files of a server: a base backup, or a copy of a data directory. They are laid into the volume of
//! the sandbox, and a server is started on them with settings of this tool's, whatever theirs say.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use super::super::server::SealedServer;
use super::{Restored, pack, pass};
use crate::error::{Error, Result};
use crate::stack::database::ask;

/// Bounds unpacking.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

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
}

/// How a server sees its files: no command of theirs is run, nothing of their own is preloaded.
const SETTINGS: [&str; 12] = [
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
    match files {
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
    // Preloaded code is the backup's own; so is whoever may sign in.
    let settings = SETTINGS.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    if let Err(log) = server.start_server(&settings).await? {
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
