//! Certificates as files: `NAME.json`, and beside it `NAME.rows/` with lists of rows, from
//! which a divergence is explained down to rows and columns when the source is gone.

mod explain;
mod judge;
mod lists;
mod take;

use std::fs::OpenOptions;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use self::explain::{Side, explain, note_unexplained, tables_to_list};
pub use self::judge::{each_other, with_live};
pub use self::lists::{LISTS_BYTES_MAX, LISTS_FILE, Lists, pack, unpack};
pub use self::take::{Sources, Taking, take};

use crate::error::{Attempt, Error, Result};
use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate};

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
    let certificate: Certificate =
        serde_json::from_reader(BufReader::new(file)).map_err(|cause| {
            Error::undecided(format!("{} is no certificate, or it is damaged", path.display()))
                .because(cause)
                .hint(
                    "copy it again from where it was taken; fingerprint --out FILE takes a new one",
                )
        })?;
    if certificate.schema_version == CERTIFICATE_SCHEMA {
        return Ok(certificate);
    }
    Err(Error::undecided(format!(
        "certificate {} has format {}, this version reads {CERTIFICATE_SCHEMA}",
        path.display(),
        certificate.schema_version
    ))
    .hint("use the version of this tool that took it, or take it again"))
}

/// The folder beside a certificate that holds its lists of rows.
#[must_use]
pub fn rows_folder(path: &Path) -> PathBuf {
    path.with_extension("rows")
}
