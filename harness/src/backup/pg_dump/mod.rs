//! Method `pg-dump`: `pg_dump` in its custom format under an exported snapshot, roles and
//! grants from `pg_dumpall`, both run by the database's own service.

mod script;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::time::Duration;

pub use self::script::DumpReport;

use super::artefact::Artefact;
use crate::config::{BUILT_IN, Config};
use crate::error::{Attempt, Result};
use crate::model::artefact::{Part, PartKind};
use crate::model::fingerprint::RowHash;
use crate::process::Command;
use crate::stack::OwnedStack;
use crate::stack::database::{Database, ask};

/// Name of the method.
pub const NAME: &str = BUILT_IN[0];

const DUMP_FILE: &str = "database.dump";
const GLOBALS_FILE: &str = "globals.sql";

/// Dumps and restores run as long as they must; this bounds a hanging one.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// What taking the backup does, in one line.
#[must_use]
pub fn describe(config: &Config) -> String {
    let service = config.database.as_ref().map_or("?", |database| database.service.as_str());
    let media =
        config.media.as_ref().map(|media| format!("; tar + zstd of volume {}", media.volume));
    let media = media.unwrap_or_default();
    format!("pg_dump and pg_dumpall in service {service} under the same snapshot{media}")
}

/// Dumps the database as `snapshot` sees it, and the cluster's roles, into the artefact.
pub async fn take(
    stack: &OwnedStack,
    database: &Database,
    snapshot: &str,
    artefact: &Artefact,
) -> Result<Vec<Part>> {
    let snapshot = format!("--snapshot={snapshot}");
    let dump = ["--format=custom", &snapshot, "--dbname", &database.name];
    let globals = ["--globals-only", "--database", &database.name];
    let taken = |program, args, part| stream(stack, database, program, args, artefact, part);
    let (dump, globals) = tokio::try_join!(
        taken("pg_dump", &dump, (PartKind::Database, DUMP_FILE)),
        taken("pg_dumpall", &globals, (PartKind::Globals, GLOBALS_FILE)),
    )?;
    Ok(vec![dump, globals])
}

async fn stream(
    stack: &OwnedStack,
    database: &Database,
    program: &str,
    args: &[&str],
    artefact: &Artefact,
    (kind, file): (PartKind, &'static str),
) -> Result<Part> {
    let mut writer = artefact.begin(kind, file)?;
    let command = database.tool(stack, program, args.iter().copied()).await?.timeout(LIMIT);
    let (output, part) = command
        .read_by(move |mut pipe| {
            io::copy(&mut pipe, &mut writer).attempt(|| format!("cannot write {file}"))?;
            writer.finish()
        })
        .await?;
    output.require(|| format!("{program} failed"))?;
    part
}

/// Version lines of the tools that take the backup.
pub async fn tools(stack: &OwnedStack, database: &Database) -> Result<BTreeMap<String, String>> {
    let programs = ["pg_dump", "pg_dumpall", "pg_restore"];
    let words = ["sh", "-c", "for tool; do \"$tool\" --version || exit; done", "sh"];
    let command = stack.exec(&database.service, None, words.into_iter().chain(programs)).await?;
    let output = command.run().await?.require(|| "cannot ask the tools for their versions")?;
    let versions = output.text();
    Ok(programs.into_iter().map(str::to_owned).zip(versions.lines().map(str::to_owned)).collect())
}

/// Has `pg_restore` read the whole dump, counts the rows that it would restore, and digests the
/// large objects as `row_hash` does.
pub async fn examine(
    stack: &OwnedStack,
    database: &Database,
    artefact: &Artefact,
    part: &Part,
    row_hash: RowHash,
) -> Result<DumpReport> {
    let path = artefact.path(part)?;
    let words = ["pg_restore", "--list"];
    let list = stack.exec(&database.service, None, words).await?.timeout(LIMIT);
    let read_lines = |pipe| BufReader::new(pipe).lines().collect::<Result<Vec<_>, _>>();
    let (_, contents) = list
        .fed_from(path.clone(), move |pipe| read_lines(pipe).attempt(|| "cannot read pg_restore"))
        .await?;
    // Data alone: a function's body could hold lines that look like rows.
    let words = ["pg_restore", "--data-only", "--file=-"];
    let command = stack.exec(&database.service, None, words).await?.timeout(LIMIT);
    let (output, report) =
        command.fed_from(path, move |pipe| script::read(BufReader::new(pipe), row_hash)).await?;
    let mut report = report?;
    report.contents = contents?;
    if !output.succeeded() {
        let complaint = output.complaint();
        report.damage = Some(format!("pg_restore cannot read it to its end: {complaint}"));
    }
    Ok(report)
}

/// Restores roles and their settings. Roles that a fresh cluster has already are altered
/// rather than created; anything else that goes wrong ends the restore.
pub async fn restore_globals(
    stack: &OwnedStack,
    database: &Database,
    artefact: &Artefact,
    part: &Part,
) -> Result<()> {
    let path = artefact.path(part)?;
    let script = fs::read_to_string(&path).attempt(|| format!("cannot read {}", path.display()))?;
    apply_globals(stack, database, &script).await
}

/// The same, of a script of `pg_dumpall`.
pub(crate) async fn apply_globals(
    stack: &OwnedStack,
    database: &Database,
    script: &str,
) -> Result<()> {
    let existing = ask(database.connection(stack).await?, |client| {
        let rows = client.query("select quote_ident(rolname) from pg_roles", &[]);
        let rows = rows.attempt(|| "cannot list the roles of the fresh cluster")?;
        Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>())
    })
    .await?;
    let creates_existing =
        |line: &str| existing.iter().any(|role| line == format!("CREATE ROLE {role};"));
    let lines = script.lines().filter(|line| !creates_existing(line)).collect::<Vec<_>>();
    let args = ["--set=ON_ERROR_STOP=1", "--quiet", "--no-psqlrc", "--dbname=postgres"];
    let psql = database.tool(stack, "psql", args).await?;
    let output = psql.run_with(lines.join("\n").into_bytes()).await?;
    output.require(|| "cannot restore the roles").map(drop)
}

/// Tables that a database which should be empty already has.
pub async fn foreign_tables(stack: &OwnedStack, database: &Database) -> Result<Vec<String>> {
    ask(database.connection(stack).await?, |client| {
        let rows = client.query(
            "select format('%s.%s', schemaname, tablename) from pg_tables \
             where schemaname not in ('pg_catalog', 'information_schema') order by 1",
            &[],
        );
        let rows = rows.attempt(|| "cannot look into the fresh database")?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    })
    .await
}

/// Restores the dump, database properties included. The target must be empty:
/// [`foreign_tables`] says whether it is.
pub async fn restore(
    stack: &OwnedStack,
    database: &Database,
    artefact: &Artefact,
    part: &Part,
) -> Result<()> {
    let path = artefact.path(part)?;
    let command = restoring(stack, database).await?;
    let (output, said) = command
        .fed_from(path, |mut pipe| io::copy(&mut pipe, &mut io::sink()).attempt(|| "pg_restore"))
        .await?;
    output.require(|| "pg_restore failed")?;
    said.map(drop)
}

/// The command that restores a dump from standard input.
pub(crate) async fn restoring(stack: &OwnedStack, database: &Database) -> Result<Command> {
    // A database that one is connected to cannot be dropped, and `postgres` is a name of one.
    // `--create` restores what belongs to the database itself: owner, grants, settings, comment.
    let args = ["--exit-on-error", "--clean", "--if-exists", "--create", "--dbname=template1"];
    Ok(database.tool(stack, "pg_restore", args).await?.timeout(LIMIT))
}
