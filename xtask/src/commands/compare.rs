//! `compare`: a certificate against another, or against a live database and directory. Exit
//! code 0 equal, 1 different, 3 undecided.

use std::io::{self, Write};
use std::path::Path;

use anstyle::AnsiColor;
use harness::Result;
use harness::certificate::{self, Lists, Side, Sources};
use harness::compare;
use harness::model::divergence::Divergence;
use harness::model::event::Events;
use harness::model::fingerprint::Certificate;
use harness::model::record::{Integrity, Verdict};
use serde_json::json;

use super::interrupt;
use crate::display;
use crate::ending::Ending;
use crate::flags::{CompareOptions, Format};

/// Compares, and says what differs.
pub(crate) async fn run(options: CompareOptions, format: Format) -> Result<Ending> {
    let before = certificate::load(&options.before)?;
    let (asked, baseline) = (options.after.clone(), options.before.clone());
    let (jobs, show_values) = (interrupt::jobs(options.jobs), options.show_values);
    let (before, integrity) = interrupt::blocking(format, move |events| {
        let rows = Lists::beside(&baseline)?;
        let side = Side { certificate: &before, rows: rows.path() };
        let integrity = integrity(side, &asked, jobs, show_values, events)?;
        Ok((before, integrity))
    })
    .await?;

    let (verdict, open) = compare::verdict(&before, &integrity);
    match format {
        Format::Human => {
            // Whoever stopped reading is not served.
            let _ = people(&mut anstream::stdout().lock(), &before, &integrity, verdict, &open);
        }
        Format::Json => {
            for found in &integrity.divergences {
                display::json_line(&json!({ "event": "divergence", "divergence": found }));
            }
        }
    }
    Ok(Ending::of(verdict).reasons(open).with("integrity", json!(integrity)))
}

fn integrity(
    before: Side<'_>,
    after: &[String],
    jobs: usize,
    show_values: bool,
    events: &Events,
) -> Result<Integrity> {
    if let [only] = after
        && Path::new(only).is_file()
    {
        let path = Path::new(only);
        let (certificate, rows) = (certificate::load(path)?, Lists::beside(path)?);
        let after = Side { certificate: &certificate, rows: rows.path() };
        return Ok(certificate::each_other(before, after, show_values));
    }
    let mut sources = Sources::default();
    for source in after {
        sources.add(source)?;
    }
    certificate::with_live(before, &sources, jobs, show_values, events)
}

fn people(
    out: &mut impl Write,
    before: &Certificate,
    integrity: &Integrity,
    verdict: Verdict,
    open: &[String],
) -> io::Result<()> {
    for found in &integrity.divergences {
        divergence(out, found)?;
    }
    for reason in open {
        writeln!(out, "undecided  {reason}")?;
    }
    if before.database.is_some() {
        let Integrity { tables_compared, rows_compared, facts_compared, .. } = integrity;
        writeln!(
            out,
            "compared   {tables_compared} tables, {rows_compared} rows, {facts_compared} catalogue facts"
        )?;
    }
    if before.media.is_some() {
        let megabytes = integrity.bytes_compared as f64 / 1e6;
        writeln!(out, "compared   {} files ({megabytes:.1} MB)", integrity.files_compared)?;
    }
    let (word, colour) = match verdict {
        Verdict::Passed => ("equal", AnsiColor::Green),
        Verdict::Failed => ("different", AnsiColor::Red),
        Verdict::Undecided => ("undecided", AnsiColor::Yellow),
    };
    let style = colour.on_default().bold();
    writeln!(out, "verdict    {style}{word}{style:#}")
}

fn divergence(out: &mut impl Write, found: &Divergence) -> io::Result<()> {
    writeln!(out, "{:<9}  {}", found.severity.word(), found.line())?;
    let Some(rows) = &found.rows else { return Ok(()) };
    for sample in &rows.samples {
        writeln!(out, "             {sample}")?;
    }
    for change in &rows.values {
        let (key, column) = (&change.key, &change.column);
        writeln!(out, "             {key} {column}: {} → {}", change.before, change.after)?;
    }
    Ok(())
}
