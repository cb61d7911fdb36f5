//! Restores a set into a sealed server, as somebody who is no superuser there, and gives back what
//! the server complained of.

pub(super) mod archive;
pub(super) mod globals;
pub(super) mod physical;
pub(super) mod script;
pub(super) mod sqlite;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;

use postgres::Client;

use super::causes::Complaint;
use super::server::{READER, RESTORER, SealedServer};
use crate::error::{Attempt, Error, Result};
use crate::stack::database::ask;

/// What came of a restore.
#[derive(Debug, Clone, Default)]
pub(super) struct Restored {
    /// The databases that are there now.
    pub(super) databases: BTreeSet<String>,
    /// What was complained of.
    pub(super) complaints: Vec<Complaint>,
    /// Roles that are named and that nothing makes; they were made for the restore.
    pub(super) absent_roles: BTreeSet<String>,
    /// Roles that are superusers where they come from, and are none here.
    pub(super) superusers: BTreeSet<String>,
    /// What of it was left out on purpose.
    pub(super) left_out: Vec<String>,
    /// Whether files of a server were restored, whose constraints and indexes nobody made anew.
    pub(super) is_physical: bool,
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes a database as the outline of its backup has it. Whoever restores owns it until it is handed
/// over.
pub(super) async fn make_database(
    server: &SealedServer,
    name: &str,
    outline: &script::Outline,
) -> Result<()> {
    let settings = outline.made.get(name).or_else(|| outline.made.values().next());
    let settings = settings.cloned().unwrap_or_default();
    for locale in settings.locales() {
        make_locale(server, locale).await?;
    }
    let statement = format!(
        "CREATE DATABASE {} OWNER {RESTORER} TEMPLATE template0{}",
        quoted(name),
        settings.clause()
    );
    let shown = name.to_owned();
    ask(server.connection("postgres"), move |client| {
        let made = client.batch_execute(&statement);
        made.attempt(|| format!("cannot make database {shown:?} as its backup has it"))
    })
    .await
    .map_err(|cause| cause.hint("its locale or encoding cannot be had: --image names an image"))
}

/// Hands a database and what is in it over to their owners, as only a superuser can. None of these
/// statements runs anything of the backup's own. Gives back what was refused.
pub(super) async fn hand_over(
    server: &SealedServer,
    name: &str,
    outline: &script::Outline,
    of: Option<&str>,
) -> Result<Vec<String>> {
    let owner = outline.owners.get(name).or_else(|| outline.owners.values().next());
    let database =
        owner.map(|owner| format!("ALTER DATABASE {} OWNER TO {}", quoted(name), quoted(owner)));
    let key = of.map(str::to_owned);
    let others = outline.owned.get(&key).cloned().unwrap_or_default();
    let statements = database.into_iter().chain(others).collect::<Vec<_>>();
    ask(server.connection(name), move |client| {
        let mut refused = Vec::new();
        for statement in statements {
            // Prepared: what holds a second statement is refused by the server.
            if let Err(cause) = client.execute(statement.as_str(), &[]) {
                let Some(why) = cause.as_db_error() else {
                    return Err(cause).attempt(|| "cannot hand over what was restored");
                };
                refused.push(format!("ERROR:  {}", why.message()));
            }
        }
        Ok(refused)
    })
    .await
}

/// Generates a locale that the image does not have. One that nobody knows stays unknown: making the
/// database says so.
async fn make_locale(server: &SealedServer, locale: &str) -> Result<()> {
    let is_plain = locale.chars().all(|it| it.is_ascii_alphanumeric() || "_.@-".contains(it));
    if !is_plain || ["C", "POSIX", "C.UTF-8", "C.utf8"].contains(&locale) {
        return Ok(());
    }
    let (name, charset) = locale.split_once('.').unwrap_or((locale, "UTF-8"));
    let words = ["localedef", "--inputfile", name, "--charmap", charset, locale];
    server.as_root(words).run().await.map(drop)
}

/// Gives whoever restores what it takes to hand things over to these roles.
pub(super) async fn grant_roles(server: &SealedServer, roles: BTreeSet<String>) -> Result<()> {
    ask(server.connection("postgres"), move |client| {
        for role in roles.iter().filter(|it| globals::is_anybodys(it)) {
            let grant = format!("GRANT {} TO {RESTORER}", quoted(role));
            // What is granted in a circle or is reserved is complained of when it is used.
            let _ = client.batch_execute(&grant);
        }
        Ok(())
    })
    .await
}

/// Makes a superuser of whoever restores: the operator trusts the backup.
pub(super) async fn trust(server: &SealedServer) -> Result<()> {
    ask(server.connection("postgres"), |client| {
        let trust = format!("ALTER ROLE {RESTORER} SUPERUSER");
        client.batch_execute(&trust).attempt(|| "cannot trust the restore")
    })
    .await
}

/// Lets the reader read a database that was restored, and nothing else.
pub(super) async fn open_to_reader(server: &SealedServer, database: &str) -> Result<()> {
    ask(server.connection(database), |client| {
        let open = format!(
            "GRANT SELECT ON pg_catalog.pg_largeobject, pg_catalog.pg_authid, \
                 pg_catalog.pg_subscription TO {READER}; \
             CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog"
        );
        client.batch_execute(&open).attempt(|| "cannot open what was restored to its reader")?;
        open_functions(client)?;
        let version = client.query_one("SELECT current_setting('server_version_num')::int4", &[]);
        let version = version.attempt(|| "cannot ask for the version")?.get::<_, i32>(0);
        if version < 140_000 { open_schemas(client) } else { Ok(()) }
    })
    .await
}

/// Takes back what the reader was given, before the database is handed over to somebody else.
pub(super) async fn close_to_reader(server: &SealedServer, database: &str) -> Result<()> {
    ask(server.connection(database), |client| {
        let close = format!(
            "DROP EXTENSION IF EXISTS amcheck; \
             REVOKE SELECT ON pg_catalog.pg_largeobject, pg_catalog.pg_authid, \
                 pg_catalog.pg_subscription FROM {READER}"
        );
        client.batch_execute(&close).attempt(|| "cannot take back what the reader was given")
    })
    .await
}

fn open_functions(client: &mut Client) -> Result<()> {
    let functions = "SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p \
        JOIN pg_catalog.pg_depend d ON d.objid = p.oid AND d.deptype = 'e' \
             AND d.classid = 'pg_catalog.pg_proc'::regclass \
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'amcheck'";
    let rows = client.query(functions, &[]).attempt(|| "cannot find amcheck")?;
    for row in rows {
        let grant = format!("GRANT EXECUTE ON FUNCTION {} TO {READER}", row.get::<_, String>(0));
        client.batch_execute(&grant).attempt(|| "cannot let the reader check indexes")?;
    }
    Ok(())
}

/// For servers that know no role that reads everything.
fn open_schemas(client: &mut Client) -> Result<()> {
    let schemas = "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'";
    let rows = client.query(schemas, &[]).attempt(|| "cannot list schemas")?;
    for row in rows {
        let schema = quoted(&row.get::<_, String>(0));
        let grant = format!(
            "GRANT USAGE ON SCHEMA {schema} TO {READER}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}; \
             GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {READER}"
        );
        client.batch_execute(&grant).attempt(|| "cannot let the reader read")?;
    }
    Ok(())
}

/// Passes a folder on as a tar stream: files and folders alone, whatever else lies there.
pub(super) fn pack(folder: &Path, into: impl Write) -> Result<()> {
    let mut archive = tar::Builder::new(into);
    archive.follow_symlinks(false);
    let entries =
        walkdir::WalkDir::new(folder).follow_links(false).min_depth(1).sort_by_file_name();
    for entry in entries {
        let entry = entry.attempt(|| format!("cannot read {}", folder.display()))?;
        let Ok(name) = entry.path().strip_prefix(folder) else { continue };
        let kind = entry.file_type();
        let packed = if kind.is_dir() {
            archive.append_dir(name, entry.path())
        } else if kind.is_file() {
            archive.append_path_with_name(entry.path(), name)
        } else {
            continue;
        };
        packed.attempt(|| format!("cannot read {}", entry.path().display()))?;
    }
    archive.finish().attempt(|| "cannot pass a folder on")
}

/// Passes a stream on. Whoever reads it may end first, and says why.
pub(super) fn pass(mut from: impl Read, mut into: impl Write) -> Result<u64> {
    let mut piece = vec![0; 1 << 18];
    let mut passed = 0;
    loop {
        let read = from.read(&mut piece);
        let count = read.attempt(|| "cannot read the backup to its end")?;
        if count == 0 {
            return Ok(passed);
        }
        match into.write_all(&piece[..count]) {
            Ok(()) => passed += count as u64,
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => return Ok(passed),
            Err(cause) => return Err(Error::undecided("cannot pass the backup on").because(cause)),
        }
    }
}
