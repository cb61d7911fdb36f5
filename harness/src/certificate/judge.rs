//! Holds a certificate against another, or against a live database and directory, and
//! explains what differs as far as lists of rows allow.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::explain::{Side, explain, note_unexplained, tables_to_list};
use super::lists::Lists;
use super::take::{self, Sources};
use crate::compare;
use crate::error::{Attempt, Result};
use crate::fingerprint::database::{Effort, Keep, Snapshot, hold_to_definitions, keep_rows};
use crate::model::event::Events;
use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate};
use crate::model::record::Integrity;

/// Compares two certificates.
#[must_use]
pub fn each_other(before: Side<'_>, after: Side<'_>, show_values: bool) -> Integrity {
    let mut integrity = compare::certificates(before.certificate, after.certificate);
    let explained = explain(&mut integrity, before, after, show_values);
    note_unexplained(&mut integrity, explained.err());
    integrity
}

/// Compares a certificate with what its sources hold now. Rows are listed only of tables that
/// turn out to differ, under the same snapshot. Blocks.
///
/// # Errors
/// Undecided when a source cannot be read at all.
pub fn with_live(
    before: Side<'_>,
    sources: &Sources,
    jobs: usize,
    show_values: bool,
    events: &Events,
) -> Result<Integrity> {
    let snapshot = sources.database.as_ref().map(Snapshot::open).transpose()?;
    let taking = take::Taking { strength: before.certificate.strength, jobs, keep: None };
    let mut after = Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: Timestamp::now(),
        strength: taking.strength,
        database: None,
        media: take::media(sources, &taking, events)?,
        volumes: BTreeMap::new(),
        sqlite: BTreeMap::new(),
    };
    if let Some(snapshot) = &snapshot {
        let mut taken = take::database(snapshot, &taking, events)?;
        if let Some(before) = &before.certificate.database {
            let doubtful = compare::views_in_doubt(before, &taken);
            hold_to_definitions(snapshot, &mut taken, Some(&doubtful), Effort::Refresh)?;
        }
        after.database = Some(taken);
    }
    let mut integrity = compare::certificates(before.certificate, &after);
    let folder = tempfile::tempdir().attempt(|| "cannot create a folder for lists of rows")?;
    let keep = Keep { rows: u64::MAX, ..Keep::new(folder.path().to_owned()) };
    let differing = tables_to_list(&integrity, before, &after);
    let listed = if differing.is_empty() {
        Ok(())
    } else {
        let key = before.key();
        key.and_then(|key| {
            list_rows(&differing, snapshot, &mut after, &Keep { key, ..keep }, events)
        })
    };
    let lists = Lists::at(folder.path().to_owned());
    let after = Side { certificate: &after, rows: &lists };
    let explained = listed.and_then(|()| explain(&mut integrity, before, after, show_values));
    note_unexplained(&mut integrity, explained.err());
    Ok(integrity)
}

fn list_rows(
    tables: &[String],
    snapshot: Option<Snapshot>,
    after: &mut Certificate,
    keep: &Keep,
    events: &Events,
) -> Result<()> {
    let (Some(snapshot), Some(database)) = (snapshot, &mut after.database) else {
        return Ok(());
    };
    keep_rows(&snapshot, database, keep, Some(tables), events)
}
