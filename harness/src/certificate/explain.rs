//! From a table that differs to its rows and columns, by the lists kept beside both sides.

use std::path::Path;

use crate::compare::rows::{self, Listing};
use crate::error::Result;
use crate::fingerprint::database::Reader;
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::Certificate;
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
        let listed = self
            .certificate
            .database
            .as_ref()
            .and_then(|database| database.tables.get(table)?.listed_in.as_ref());
        listed.map(|file| Reader::open(&self.rows.join(file))).transpose()
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
        let lists = (before.list(&found.subject)?, after.list(&found.subject)?);
        let (Some(mut left), Some(mut right)) = lists else { continue };
        let (was, is) = (left.header.clone(), right.header.clone());
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
