//! The end of a drill on a terminal: verdict, figures, reasons, where the rest is.

use std::io::{self, Write};

use anstyle::AnsiColor;
use harness::drill::Finished;
use harness::model::check::Outcome;
use harness::model::record::{LedgerRecord, Record, Verdict};

/// Divergences shown; the report has them all.
const DIVERGENCES_SHOWN: usize = 20;

/// Prints the summary on standard output. Whoever stopped reading is not served.
pub(crate) fn print(finished: &Finished) {
    let mut out = anstream::stdout().lock();
    let _ = write(&mut out, finished);
}

fn write(out: &mut impl Write, finished: &Finished) -> io::Result<()> {
    let record = &finished.record;
    phases(out, record)?;
    compared(out, record)?;
    verdict(out, record)?;
    writeln!(out, "report     {}", finished.report.display())?;
    if let Some(kept) = &finished.kept {
        let run = &record.run_id;
        writeln!(out, "kept       {}", kept.stack.services().join(", "))?;
        writeln!(out, "look       docker ps --filter label=dr-drill.run={run}")?;
        writeln!(out, "remove     cargo xtask down {run}")?;
    }
    Ok(())
}

fn phases(out: &mut impl Write, record: &Record) -> io::Result<()> {
    let phases = &record.timings.phases;
    let longest = phases.iter().map(|phase| phase.seconds).fold(0.1, f64::max);
    let total = phases.iter().map(|phase| phase.seconds).sum::<f64>();
    writeln!(out)?;
    for phase in phases {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 24")]
        let width = (phase.seconds / longest * 24.0).round() as usize;
        writeln!(out, "  {:<15} {:>7.2} s  {}", phase.name, phase.seconds, "▪".repeat(width))?;
    }
    writeln!(out, "  {:<15} {total:>7.2} s\n", "total")
}

fn compared(out: &mut impl Write, record: &Record) -> io::Result<()> {
    let integrity = &record.integrity;
    let megabytes = integrity.bytes_compared as f64 / 1e6;
    writeln!(
        out,
        "compared   {} tables, {} rows, {} catalogue facts, {} files ({megabytes:.1} MB), {} references",
        integrity.tables_compared,
        integrity.rows_compared,
        integrity.facts_compared,
        integrity.files_compared,
        integrity.references_checked,
    )?;
    for divergence in integrity.divergences.iter().take(DIVERGENCES_SHOWN) {
        writeln!(out, "  {:<7}  {}", divergence.severity.word(), divergence.line())?;
    }
    let more = integrity.divergences.len().saturating_sub(DIVERGENCES_SHOWN);
    if more > 0 {
        writeln!(out, "  … and {more} more in the report")?;
    }
    let count = |outcome| record.checks.iter().filter(|check| check.outcome == outcome).count();
    let skipped = match count(Outcome::Skipped) {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    let (passed, all) = (count(Outcome::Passed), record.checks.len());
    writeln!(out, "checks     {passed} of {all} passed{skipped}")
}

fn verdict(out: &mut impl Write, record: &Record) -> io::Result<()> {
    let colour = match record.verdict {
        Verdict::Passed => AnsiColor::Green,
        Verdict::Failed => AnsiColor::Red,
        Verdict::Undecided => AnsiColor::Yellow,
    };
    let style = colour.on_default().bold();
    let figure = |value: Option<f64>| match value {
        Some(seconds) => format!("{seconds:.1} s"),
        None => "unknown".to_owned(),
    };
    writeln!(out, "recovery   {}", figure(record.timings.recovery_time_s))?;
    let LedgerRecord { acknowledged, lost, .. } = record.ledger;
    let bound = if acknowledged == 0 { "at most " } else { "" };
    write!(out, "data loss  {bound}{}", figure(record.timings.data_loss_s))?;
    match acknowledged {
        0 => writeln!(out)?,
        _ => writeln!(out, ", {lost} of {acknowledged} acknowledged writes")?,
    }
    writeln!(out, "verdict    {style}{}{style:#}", record.verdict.name())?;
    for reason in &record.reasons {
        writeln!(out, "  because  {reason}")?;
    }
    Ok(())
}
