//! From a table that differs to its rows and columns, by the lists kept beside both sides.

use std::path::{Path, PathBuf};

use super::lists::is_list;
use crate::compare::rows::{self, Listing};
use crate::error::{Error, Result};
use crate::fingerprint::database::{HashKey, Header, Reader};
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{Certificate, TableFingerprint};
use crate::model::record::Integrity;

/// A certificate, with the folder of its lists of rows.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The folder.
    pub rows: &'a Path,
}

impl Side<'_> {
    fn list(&self, table: &str) -> Result<Option<Reader>> {
        let listed = self.table(table).and_then(|table| table.listed_in.as_ref());
        let Some(file) = listed else { return Ok(None) };
        let list = Reader::open(&self.place(file)?)?;
        if list.header.table == table {
            return Ok(Some(list));
        }
        let other = &list.header.table;
        Err(Error::undecided(format!("{file} lists the rows of {other}, not of {table}")))
    }

    /// Whether it lists the rows of a table: without, the other side's list is of no use.
    #[must_use]
    pub fn lists(&self, table: &str) -> bool {
        self.table(table).is_some_and(|table| table.listed_in.is_some())
    }

    fn table(&self, name: &str) -> Option<&TableFingerprint> {
        self.certificate.database.as_ref()?.tables.get(name)
    }

    /// A certificate may be anybody's: it names no file elsewhere.
    fn place(&self, file: &str) -> Result<PathBuf> {
        if is_list(file) {
            return Ok(self.rows.join(file));
        }
        Err(Error::undecided(format!("the certificate names {file:?}, which is no list of rows")))
    }

    /// What its lists were hashed under: whoever takes the other side's needs the same key.
    ///
    /// # Errors
    /// Undecided when a list cannot be read.
    pub fn key(&self) -> Result<HashKey> {
        let mut tables = self.certificate.database.iter().flat_map(|it| it.tables.values());
        let Some(file) = tables.find_map(|table| table.listed_in.as_ref()) else {
            return Ok(HashKey::NONE);
        };
        Ok(Header::open(&self.place(file)?)?.key)
    }
}

/// The tables whose rows differ. Lists of these are what [`explain`] needs.
#[must_use]
pub fn tables_that_differ(integrity: &Integrity) -> Vec<String> {
    let tables = integrity.divergences.iter().filter(|found| is_of_rows(found));
    tables.map(|found| found.subject.clone()).collect()
}

fn is_of_rows(found: &Divergence) -> bool {
    found.kind == DivergenceKind::Table && found.rows.is_some()
}

/// Names rows and columns in the divergences of tables that both sides have lists of. Values
/// are shown as they are only with `show_values`.
///
/// # Errors
/// Undecided when a list is damaged. The divergences stand as they were.
pub fn explain(
    integrity: &mut Integrity,
    before: Side<'_>,
    after: Side<'_>,
    show_values: bool,
) -> Result<()> {
    for found in integrity.divergences.iter_mut().filter(|found| is_of_rows(found)) {
        if before.table(&found.subject).is_none() || after.table(&found.subject).is_none() {
            continue;
        }
        let lists = (before.list(&found.subject)?, after.list(&found.subject)?);
        let (Some(mut left), Some(mut right)) = lists else {
            found.detail.push_str("; which rows: undecided, no list of them was kept");
            continue;
        };
        let (was, is) = (left.header.clone(), right.header.clone());
        if was.key != is.key {
            let table = &found.subject;
            return Err(Error::undecided(format!("the lists of {table} have different keys")));
        }
        let difference = rows::compare(
            Listing {
                columns: &was.columns,
                keyed: was.keyed,
                rows: &mut left,
                sample: &was.sample,
            },
            Listing { columns: &is.columns, keyed: is.keyed, rows: &mut right, sample: &is.sample },
            show_values,
        )?;
        difference.tell(found);
    }
    Ok(())
}

/// A difference stands, explained or not: only the explanation is open.
pub fn note_unexplained(integrity: &mut Integrity, cause: Option<Error>) {
    if let Some(cause) = cause {
        integrity.undecided.push(format!("which rows differ: {}", cause.chain()));
    }
}
