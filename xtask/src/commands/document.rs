//! `audit --document` and `--check`: the operators' document, written or held against a fresh run.

use std::fs;
use std::path::PathBuf;

use harness::dataset::capacity;
use harness::model::audit::{AuditRecord, StoresRecord};
use harness::report::audit_fr;
use harness::survey::Surveyed;
use harness::{Error, Result};

use super::audit::write;
use crate::called;
use crate::flags::AuditOptions;

/// The document to check, read before anything is brought up.
pub(super) fn committed(options: &AuditOptions) -> Result<Option<String>> {
    let read = |file: &PathBuf| {
        fs::read_to_string(file).map_err(|cause| {
            Error::usage(format!("cannot read {}", file.display()))
                .because(cause)
                .hint("write it first: cargo xtask audit --document docs/audit.md")
        })
    };
    options.check.as_ref().map(read).transpose()
}

/// Writes the document that was asked for, and says if the one to check is true no more.
pub(super) fn settle(
    options: &AuditOptions,
    committed: Option<&str>,
    surveyed: &[Surveyed],
) -> Result<Option<String>> {
    if options.document.is_none() && options.check.is_none() {
        return Ok(None);
    }
    let fresh = audit_fr::render(&record(options, surveyed));
    let checked = options.check.as_ref().zip(committed);
    let difference = checked.and_then(|(file, committed)| {
        audit_fr::difference(committed, &fresh).map(|found| (file, found))
    });
    if let Some(file) = &options.document {
        write(file, &fresh)?;
    }
    let Some((file, found)) = difference else { return Ok(None) };
    anstream::eprintln!("{}:{}: differs from a fresh run", file.display(), found.line);
    anstream::eprintln!("  committed  {}", found.committed);
    anstream::eprintln!("  fresh      {}", found.fresh);
    let again = format!("cargo xtask audit --document {}", file.display());
    anstream::eprintln!("  write it again: {}", called::said(&again));
    Ok(Some(format!("{} differs from a fresh run", file.display())))
}

fn record(options: &AuditOptions, surveyed: &[Surveyed]) -> AuditRecord {
    AuditRecord {
        made_at: instant(),
        runs: surveyed.iter().map(|mode| mode.run.clone()).collect(),
        stack: options.stack.dir().display().to_string(),
        policy: options.policy.clone(),
        modes: surveyed.iter().map(|mode| mode.record.clone()).collect(),
        stores: StoresRecord {
            volumes: surveyed.first().map(|mode| mode.volumes.clone()).unwrap_or_default(),
            sizes: capacity::sizes(),
        },
    }
}

/// Now, in UTC, to the minute.
fn instant() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
}
