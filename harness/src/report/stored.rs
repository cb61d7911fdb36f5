//! A record that was written earlier: read again whole, or refused. What is shown of it later is
//! what the run found out, never what a missing key defaults to.

use serde::Deserialize;

use crate::error::{Attempt, Error, Result};
use crate::model::check::Outcome;
use crate::model::record::{RECORD_SCHEMA, Record, Verdict};

/// The version alone: of another format nothing else need be readable.
#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// The record in the text of a `report.json`.
///
/// # Errors
/// Undecided when it is damaged, of another format, of a run that did not begin, or claims more
/// than its checks do.
pub fn parse(text: &str) -> Result<Record> {
    let version = serde_json::from_str::<Version>(text).attempt(|| "it is no record of a run")?;
    let version = version.schema_version;
    if version != RECORD_SCHEMA {
        let age = if version < RECORD_SCHEMA { "older" } else { "newer" };
        return Err(Error::undecided(format!(
            "it has format {version}, this version reads {RECORD_SCHEMA}"
        ))
        .hint(format!("render it with the {age} version of this tool that wrote it")));
    }
    let record = serde_json::from_str::<Record>(text).attempt(|| "it is damaged")?;
    if record.timings.phases.is_empty() {
        return Err(Error::undecided("it has no phases: that run never began")
            .hint("cargo xtask dr-drill runs one"));
    }
    if record.verdict == Verdict::Passed && !is_proved(&record) {
        return Err(Error::undecided("it says passed, and its checks do not")
            .hint("it was changed after it was written: run the drill again"));
    }
    Ok(record)
}

fn is_proved(record: &Record) -> bool {
    let any = |outcome| record.checks.iter().any(|check| check.outcome == outcome);
    any(Outcome::Passed) && !any(Outcome::Failed) && !any(Outcome::Undecided)
}
