//! `fingerprint`: a certificate of a database, of a directory, or of both. Exit code 0 if all
//! was read, 3 if anything could not be, or if there was nothing to read.

use std::io::Write;

use harness::Result;
use harness::certificate::{self, Taking};
use harness::fingerprint::database::Keep;
use harness::model::fingerprint::{Certificate, RowsDigest};
use harness::model::record::Verdict;

use super::interrupt;
use crate::display;
use crate::ending::Ending;
use crate::flags::{FingerprintOptions, Format};

/// Takes the certificate and writes it.
pub(crate) async fn run(options: FingerprintOptions, format: Format) -> Result<Ending> {
    let sources = options.sources.sources()?;
    let jobs = interrupt::jobs(options.jobs);
    let keep = options.out.as_deref().map(|path| Keep {
        rows: options.keep_rows,
        samples: options.keep_samples,
        jobs,
        ..Keep::new(certificate::rows_folder(path))
    });
    let taking = Taking { strength: options.strength, jobs, keep };
    let taken =
        interrupt::blocking(format, move |events| certificate::take(&sources, &taking, events))
            .await?;

    match &options.out {
        Some(path) => certificate::save(&taken, path)?,
        None => display::json_line(&taken),
    }
    let open = unread(&taken);
    if format == Format::Human {
        summary(&taken, &open);
    }
    let verdict = if open.is_empty() { Verdict::Passed } else { Verdict::Undecided };
    Ok(Ending::of(verdict).report(options.out).reasons(open))
}

/// What could not be read, by name.
fn unread(certificate: &Certificate) -> Vec<String> {
    let mut open = Vec::new();
    if let Some(database) = &certificate.database {
        for (name, table) in &database.tables {
            if let RowsDigest::Undecided { reason } = &table.rows {
                open.push(format!("{name}: {reason}"));
            }
        }
        if database.tables.is_empty() {
            open.push(format!("database {} has no tables", database.name));
        }
    }
    if let Some(media) = &certificate.media {
        open.extend(media.undecided.iter().map(|(path, reason)| format!("{path}: {reason}")));
        if media.entries.is_empty() {
            open.push("the directory is empty".to_owned());
        }
    }
    open
}

/// Says on standard error what the certificate covers: standard output may carry it.
fn summary(certificate: &Certificate, open: &[String]) {
    let mut err = anstream::stderr().lock();
    if let Some(database) = &certificate.database {
        let counts = database.tables.values().map(|table| match table.rows {
            RowsDigest::Read { count, .. } => count,
            RowsDigest::Unpopulated | RowsDigest::Undecided { .. } => 0,
        });
        let _ = writeln!(
            err,
            "database   {}: {} tables, {} rows, {} catalogue facts at {}",
            database.name,
            database.tables.len(),
            counts.sum::<u64>(),
            database.facts.len(),
            database.recovery_point.lsn,
        );
    }
    if let Some(media) = &certificate.media {
        let _ = writeln!(err, "directory  {} entries", media.entries.len());
    }
    let facts = certificate.database.iter().flat_map(|database| database.facts.keys());
    for name in facts.filter_map(|key| key.strip_prefix("foreign-table/")) {
        let _ = writeln!(err, "left out   foreign table {name}: another server's, and never read");
    }
    for reason in open {
        let _ = writeln!(err, "undecided  {reason}");
    }
}
