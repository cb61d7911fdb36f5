//! `compare`: a certificate against another, or against a live database and directory. Exit
//! code 0 equal, 1 different, 3 undecided. What is warned of or noted is shown, and is no 1.

use std::io::{self, Write};
use std::path::Path;

use anstyle::AnsiColor;
use harness::certificate::{self, Lists, Side};
use harness::compare::{self, Accepting};
use harness::config;
use harness::model::divergence::{Divergence, Severity};
use harness::model::event::Events;
use harness::model::fingerprint::Certificate;
use harness::model::record::{Integrity, Verdict};
use harness::{Error, Result};
use jiff::Zoned;
use serde_json::json;

use super::interrupt;
use crate::display;
use crate::ending::Ending;
use crate::flags::{CompareOptions, Format};
use crate::sources::SourceOptions;

/// Compares, and says what differs.
pub(crate) async fn run(options: CompareOptions, format: Format) -> Result<Ending> {
    let before = certificate::load(&options.before)?;
    let accepts = options.accept.as_deref().map(config::acceptances).transpose()?;
    let (after, baseline) = (options.after, options.before.clone());
    let (jobs, show_values) = (interrupt::jobs(options.jobs), options.show_values);
    let (before, mut integrity) = interrupt::blocking(format, move |events| {
        let side = Side { certificate: &before, rows: &Lists::beside(&baseline) };
        let integrity = integrity(side, &after, jobs, show_values, events)?;
        Ok((before, integrity))
    })
    .await?;

    let accepts = accepts.unwrap_or_default();
    let mut accepting = Accepting::new(&accepts, Zoned::now().date());
    accepting.apply(&mut integrity.divergences);
    compare::rank(&mut integrity.divergences);
    let (verdict, open) = compare::verdict(&before, &integrity);
    let said = accepting.said();
    match format {
        Format::Human => {
            let compared = Compared { before: &before, integrity: &integrity, verdict };
            // Whoever stopped reading is not served.
            let _ = compared.people(&mut anstream::stdout().lock(), &open, &said);
        }
        Format::Json => {
            for found in &integrity.divergences {
                display::json_line(&json!({ "event": "divergence", "divergence": found }));
            }
        }
    }
    let ending = Ending::of(verdict).reasons(open);
    Ok(ending.with("acceptances", json!(said)).with("integrity", json!(integrity)))
}

fn integrity(
    before: Side<'_>,
    after: &SourceOptions,
    jobs: usize,
    show_values: bool,
    events: &Events,
) -> Result<Integrity> {
    if let [only] = &after.sources[..]
        && Path::new(only).is_file()
    {
        if after.database.is_some() || after.media.is_some() {
            return Err(Error::usage(format!("{only} is a certificate, and compared alone")));
        }
        let path = Path::new(only);
        let after = Side { certificate: &certificate::load(path)?, rows: &Lists::beside(path) };
        return Ok(certificate::each_other(before, after, show_values));
    }
    certificate::with_live(before, &after.sources()?, jobs, show_values, events)
}

/// What came of it.
struct Compared<'a> {
    before: &'a Certificate,
    integrity: &'a Integrity,
    verdict: Verdict,
}

impl Compared<'_> {
    fn people(&self, out: &mut impl Write, open: &[String], accepted: &[String]) -> io::Result<()> {
        for found in &self.integrity.divergences {
            divergence(out, found)?;
        }
        for said in accepted {
            writeln!(out, "warned     {said}")?;
        }
        for reason in open {
            writeln!(out, "undecided  {reason}")?;
        }
        for what in &self.integrity.not_compared {
            writeln!(out, "left out   {what}")?;
        }
        if self.before.database.is_some() {
            let Integrity { tables_compared, rows_compared, facts_compared, .. } = self.integrity;
            writeln!(
                out,
                "compared   {tables_compared} tables, {rows_compared} rows, {facts_compared} catalogue facts"
            )?;
        }
        if self.before.media.is_some() {
            let megabytes = self.integrity.bytes_compared as f64 / 1e6;
            writeln!(
                out,
                "compared   {} files ({megabytes:.1} MB)",
                self.integrity.files_compared
            )?;
        }
        let (word, colour) = match self.verdict {
            Verdict::Passed => ("equal", AnsiColor::Green),
            Verdict::Failed => ("different", AnsiColor::Red),
            Verdict::Undecided => ("undecided", AnsiColor::Yellow),
        };
        let style = colour.on_default().bold();
        writeln!(out, "verdict    {style}{word}{style:#}{}", self.but_for())
    }

    /// How many are warned of, where nothing is worse.
    fn but_for(&self) -> String {
        match compare::count(&self.integrity.divergences, Severity::Warned) {
            warned @ 1.. if self.verdict == Verdict::Passed => {
                format!(", but for {warned} that somebody should look at")
            }
            _ => String::new(),
        }
    }
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
