//! Certificates as files: `NAME.json`, and beside it `NAME.rows/` with lists of rows, from
//! which a divergence is explained down to rows and columns when the source is gone.

use std::fs::OpenOptions;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::compare::rows::{self, Listing};
use crate::error::{Attempt, Error, Result};
use crate::fingerprint::database::Reader;
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate};
use crate::model::record::Integrity;

/// Writes a certificate that only its owner may read.
///
/// # Errors
/// Undecided when the file cannot be written.
pub fn save(certificate: &Certificate, path: &Path) -> Result<()> {
    let unwritten = || format!("cannot write certificate {}", path.display());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .attempt(unwritten)?;
    let mut output = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut output, certificate).attempt(unwritten)?;
    output.write_all(b"\n").and_then(|()| output.flush()).attempt(unwritten)
}

/// Reads a certificate.
///
/// # Errors
/// Usage when there is none, undecided when it cannot be understood.
pub fn load(path: &Path) -> Result<Certificate> {
    let file = std::fs::File::open(path).map_err(|cause| {
        Error::usage(format!("cannot read certificate {}", path.display()))
            .because(cause)
            .hint("cargo xtask fingerprint --out FILE takes one")
    })?;
    let certificate: Certificate = serde_json::from_reader(BufReader::new(file))
        .attempt(|| format!("{} is no certificate, or it is damaged", path.display()))?;
    if certificate.schema_version == CERTIFICATE_SCHEMA {
        return Ok(certificate);
    }
    Err(Error::undecided(format!(
        "certificate {} has format {}, this version reads {CERTIFICATE_SCHEMA}",
        path.display(),
        certificate.schema_version
    )))
}

/// The folder beside a certificate that holds its lists of rows.
#[must_use]
pub fn rows_folder(path: &Path) -> PathBuf {
    path.with_extension("rows")
}

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
