//! Looks at the stores of a sandbox: takes their fingerprint, resolves the references
//! between them. Reads the stores themselves, never the backup.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use postgres::{Client, IsolationLevel, Transaction};

use super::sandbox::{Sandbox, cores};
use crate::backup::media::archive_command;
use crate::config::Config;
use crate::error::{Attempt, Result};
use crate::fingerprint::database::{self, Keep, Snapshot, keep_rows};
use crate::fingerprint::{media, sqlite};
use crate::model::event::Events;
use crate::model::fingerprint::{
    CERTIFICATE_SCHEMA, Certificate, MediaFingerprint, SqliteFingerprint, Strength,
};
use crate::stack::database::blocking;
use crate::stack::{OwnedStack, OwnedVolume};

/// A fingerprint of both stores, and the snapshot under which the database was read.
pub(super) struct Observed {
    pub(super) certificate: Certificate,
    pub(super) snapshot: Option<Snapshot>,
}

/// Fingerprints database and media store side by side; what a stack does not have is left out.
pub(super) async fn stores(
    sandbox: &Sandbox,
    config: &Config,
    strength: Strength,
    snapshot: Option<Snapshot>,
    events: &Events,
) -> Result<Observed> {
    let rows = {
        let events = events.clone();
        blocking(move || {
            let Some(snapshot) = snapshot else { return Ok((None, None)) };
            let options = database::Options { strength, ..database::Options::default() };
            let taken = database::take(&snapshot, &options, &events)?;
            Ok((Some(taken), Some(snapshot)))
        })
    };
    let files = async {
        match &sandbox.media {
            Some(volume) => files(&sandbox.stack, config, volume, events).await.map(Some),
            None => Ok(None),
        }
    };
    let rows = async {
        match strength {
            // The server digests them.
            Strength::Exact => sandbox.stack.runner().waiting(rows).await,
            Strength::Cryptographic => rows.await,
        }
    };
    let ((database, snapshot), media) = tokio::try_join!(rows, files)?;
    let certificate = Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: Timestamp::now(),
        strength,
        database,
        media,
        volumes: BTreeMap::new(),
        sqlite: BTreeMap::new(),
    };
    Ok(Observed { certificate, snapshot })
}

/// Lists rows, of `tables` or of all, under the snapshot of their fingerprint: what a
/// divergence is explained with when the source is gone. The lists hold values.
pub(super) async fn list_rows(
    observed: Observed,
    keep: Keep,
    tables: Option<Vec<String>>,
    events: &Events,
) -> Result<Observed> {
    let events = events.clone();
    blocking(move || {
        let Observed { mut certificate, snapshot } = observed;
        if let (Some(database), Some(snapshot)) = (&mut certificate.database, &snapshot) {
            keep_rows(snapshot, database, &keep, tables.as_deref(), &events)?;
        }
        Ok(Observed { certificate, snapshot })
    })
    .await
}

/// Fingerprints a volume: directly where this host can read it, through a container elsewhere.
pub(super) async fn files(
    stack: &OwnedStack,
    config: &Config,
    volume: &OwnedVolume,
    events: &Events,
) -> Result<MediaFingerprint> {
    let sha256 = config.media.as_ref().is_some_and(|media| !media.references.is_empty());
    let options = media::Options { jobs: cores(), sha256 };
    let events = events.clone();
    if let Some(root) = stack.mountpoint(volume).await? {
        return blocking(move || media::take(&root, options, &events)).await;
    }
    let command = stack.beside(volume, true, archive_command());
    let (output, taken) =
        command.read_by(move |pipe| media::take_from_tar(pipe, options, &events)).await?;
    output.require(|| format!("cannot read volume {:?}", volume.name))?;
    taken
}

/// Reads the databases of SQLite in a volume that nothing runs on, of private copies in `scratch`.
pub(super) async fn sqlite(
    stack: &OwnedStack,
    volume: &OwnedVolume,
    scratch: &Path,
) -> Result<SqliteFingerprint> {
    let options = sqlite::Options { scratch: scratch.to_owned(), ..sqlite::Options::default() };
    if let Some(root) = stack.mountpoint(volume).await? {
        return blocking(move || sqlite::take(&root, &options)).await;
    }
    // This host cannot look into the volume: what may be a database is brought out of it.
    let copy = tempfile::tempdir_in(scratch).attempt(|| "cannot make a temporary folder")?;
    let command = stack.beside(volume, true, ["sh", "-c", CANDIDATES]);
    let into = copy.path().to_owned();
    let (output, unpacked) = command
        .read_by(move |pipe| {
            let attempt = || "cannot unpack what may be databases of SQLite";
            let mut archive = tar::Archive::new(pipe);
            archive.unpack(&into).attempt(attempt)?;
            // Blocks of zeros come after its end: who writes them must not find the pipe closed.
            io::copy(&mut archive.into_inner(), &mut io::sink()).attempt(attempt)
        })
        .await?;
    output.require(|| format!("cannot read volume {:?}", volume.name))?;
    unpacked?;
    blocking(move || sqlite::take(copy.path(), &options)).await
}

/// Writes the plain files that begin as a database of SQLite does, and what lies beside each, as a
/// tar archive.
const CANDIDATES: &str = r#"cd /store && find . -type f -size +99c -exec sh -c '
    for file; do
        [ "$(head -c 15 "$file" | tr -d "\000")" = "SQLite format 3" ] || continue
        for part in "$file" "$file-wal" "$file-shm" "$file-journal"; do
            [ -f "$part" ] && printf "%s\0" "$part"
        done
    done; true' sh {} + | tar --create --null --files-from=- --file=-"#;

/// Closes a snapshot's connection, which blocks.
pub(super) async fn close(snapshot: Option<Snapshot>) -> Result<()> {
    blocking(move || {
        drop(snapshot);
        Ok(())
    })
    .await
}

/// A read-only transaction that sees what a snapshot sees.
pub(super) fn under<'a>(client: &'a mut Client, snapshot: &str) -> Result<Transaction<'a>> {
    let transaction = client.build_transaction().read_only(true);
    let transaction = transaction.isolation_level(IsolationLevel::RepeatableRead).start();
    let mut transaction = transaction.attempt(|| "cannot begin a transaction")?;
    let import = format!("set transaction snapshot '{snapshot}'");
    transaction.batch_execute(&import).attempt(|| "cannot read under the shared snapshot")?;
    Ok(transaction)
}
