//! The record of a drill: phases, what was compared, what differs, figures, and the verdict last.

use std::fmt::{self, Write};

use anstyle::AnsiColor;

use super::{KEEP, wrapped};
use crate::model::check::Outcome;
use crate::model::egress::When;
use crate::model::not_proved::Gap;
use crate::model::origin::Origin;
use crate::model::record::{LedgerRecord, Record, Verdict};

/// Columns of the word that a line begins with.
const INDENT: usize = 11;

/// Columns of the longest bar of a phase.
const BAR: f64 = 24.0;

/// Divergences shown; the record has them all.
const DIVERGENCES_SHOWN: usize = 20;

/// Attempts to reach outside that are shown; the record has them all.
const ATTEMPTS_SHOWN: usize = 20;

/// The summary of a run.
#[must_use]
pub fn summary(record: &Record) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, record);
    out
}

fn write(out: &mut String, record: &Record) -> fmt::Result {
    phases(out, record)?;
    about(out, record)?;
    compared(out, record)?;
    checks(out, record)?;
    figures(out, record)?;
    sent(out, record)?;
    removed(out, record)?;
    not_proved(out, record)?;
    verdict(out, record)
}

fn phases(out: &mut String, record: &Record) -> fmt::Result {
    let phases = &record.timings.phases;
    let longest = phases.iter().map(|phase| phase.seconds).fold(0.1, f64::max);
    let total = phases.iter().map(|phase| phase.seconds).sum::<f64>();
    writeln!(out)?;
    for phase in phases {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to BAR")]
        let width = (phase.seconds / longest * BAR).round() as usize;
        let line = format!("  {:<15} {:>7.2} s  {}", phase.name, phase.seconds, "▪".repeat(width));
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out, "  {:<15} {total:>7.2} s\n", "total")
}

/// Which run it is, and of what.
fn about(out: &mut String, record: &Record) -> fmt::Result {
    let Record { run_id, started_at, stack, method, disaster, profile, seed, .. } = record;
    line(out, "run", &format!("{run_id}, {started_at:.0}"))?;
    let (name, scale) = (&stack.name, &stack.scale);
    if record.existing.is_some() {
        return line(out, "backup", &format!("{name}: {method}"));
    }
    line(out, "drill", &format!("{name}: {method}, {disaster}, {profile}"))?;
    let origin = record.origin.name();
    let data = match record.origin {
        Origin::Sample => format!("{origin}: generated, scale {scale}, seed {seed}"),
        Origin::Empty => format!("{origin}: what images and applications make of empty volumes"),
        Origin::Live | Origin::Artefact => format!("{origin}: {}", record.origin.describe()),
    };
    line(out, "data", &data)
}

fn compared(out: &mut String, record: &Record) -> fmt::Result {
    let integrity = &record.integrity;
    let size = size(integrity.bytes_compared);
    let counts = [
        (integrity.tables_compared, ("table", "tables"), ""),
        (integrity.rows_compared, ("row", "rows"), ""),
        (integrity.sqlite_compared, ("SQLite database", "SQLite databases"), ""),
        (integrity.facts_compared, ("catalogue fact", "catalogue facts"), ""),
        (integrity.volumes_compared, ("volume", "volumes"), ""),
        (integrity.files_compared, ("file", "files"), size.as_str()),
        (integrity.references_checked, ("reference", "references"), ""),
    ];
    let counts = counts.map(|(count, (one, many), size)| {
        let what = if count == 1 { one } else { many };
        (count, format!("{what}{size}"))
    });
    // Without the source there is nothing to compare it with.
    let word = if record.existing.is_some() { "read" } else { "compared" };
    // A run that ended before it compared has no figures, and no zeros that look like some.
    let mut counts = counts.into_iter().filter(|(count, _)| *count > 0).peekable();
    if counts.peek().is_none() {
        line(out, word, "nothing")?;
    } else {
        // A number stays beside what it counts.
        let counts = counts.map(|(count, what)| format!("{count} {what}").replace(' ', KEEP));
        line(out, word, &counts.collect::<Vec<_>>().join(", "))?;
    }
    for divergence in integrity.divergences.iter().take(DIVERGENCES_SHOWN) {
        let word = format!("  {}", divergence.severity.word());
        line(out, &word, &divergence.line())?;
    }
    let more = integrity.divergences.len().saturating_sub(DIVERGENCES_SHOWN);
    if more > 0 {
        line(out, "  more", &format!("{more} in the report"))?;
    }
    Ok(())
}

/// Bytes beside what they are of.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e5 => format!(" ({:.1} kB)", bytes / 1e3),
        bytes => format!(" ({:.1} MB)", bytes / 1e6),
    }
}

fn checks(out: &mut String, record: &Record) -> fmt::Result {
    let count = |outcome| record.checks.iter().filter(|check| check.outcome == outcome).count();
    let mut text = format!("{} of {} passed", count(Outcome::Passed), record.checks.len());
    for outcome in [Outcome::Failed, Outcome::Undecided, Outcome::Warned, Outcome::Skipped] {
        match count(outcome) {
            0 => {}
            found => write!(text, ", {found} {}", outcome.name())?,
        }
    }
    line(out, "checks", &text)
}

fn figures(out: &mut String, record: &Record) -> fmt::Result {
    let figure = |value: Option<f64>| match value {
        Some(seconds) => format!("{seconds:.1} s"),
        None => "unknown".to_owned(),
    };
    if record.existing.is_some() {
        let Some(seconds) = record.timings.recovery_time_s else { return Ok(()) };
        let what = if record.stack.services.is_empty() { "" } else { ", and what uses it green" };
        return line(out, "restored", &format!("in {seconds:.1} s{what}"));
    }
    line(out, "recovery", &figure(record.timings.recovery_time_s))?;
    let LedgerRecord { acknowledged, lost, .. } = record.ledger;
    let lost_s = figure(record.timings.data_loss_s);
    let text = match (record.timings.data_loss_s, acknowledged) {
        (None, 0) => lost_s,
        (Some(_), 0) => format!("at most {lost_s}"),
        _ => format!("{lost_s}, {lost} of {acknowledged} acknowledged writes"),
    };
    line(out, "data loss", &text)
}

/// What became of the copy: somebody's own data was in it.
fn removed(out: &mut String, record: &Record) -> fmt::Result {
    match &record.removed {
        Some(removed) => line(out, "removed", &removed.line()),
        None => Ok(()),
    }
}

/// What the restored stack tried to send; nothing where nothing was seen of it.
fn sent(out: &mut String, record: &Record) -> fmt::Result {
    let Some(egress) = &record.egress else { return Ok(()) };
    let after = egress.attempts.iter().filter(|it| it.when == When::After);
    let mut word = "tried";
    let mut unshown = egress.dropped;
    for (at, attempt) in after.enumerate() {
        if at >= ATTEMPTS_SHOWN {
            unshown += 1;
            continue;
        }
        let expected = if attempt.expected { "; expected" } else { "" };
        line(out, word, &format!("{attempt}{expected}"))?;
        word = "";
    }
    if unshown > 0 { line(out, word, &format!("{unshown} more")) } else { Ok(()) }
}

fn not_proved(out: &mut String, record: &Record) -> fmt::Result {
    let mut word = "not proved";
    for gap in &record.not_proved {
        line(out, word, &gap.line())?;
        word = "";
    }
    Ok(())
}

fn verdict(out: &mut String, record: &Record) -> fmt::Result {
    let colour = match record.verdict {
        Verdict::Passed => AnsiColor::Green,
        Verdict::Failed => AnsiColor::Red,
        Verdict::Undecided => AnsiColor::Yellow,
    };
    let style = colour.on_default().bold();
    let (name, on) = (record.verdict.name(), record.origin.describe());
    // A backup that a drill took is no more than the data that it was taken of.
    let unreal = record.not_proved.iter().any(|it| it.gap == Gap::RealData);
    let of = if record.origin == Origin::Artefact && unreal { ", not of real data" } else { "" };
    writeln!(out, "{:<INDENT$}{style}{name}{style:#}, {on}{of}", "verdict")?;
    for reason in &record.reasons {
        line(out, "  because", reason)?;
    }
    Ok(())
}

fn line(out: &mut String, word: &str, text: &str) -> fmt::Result {
    wrapped(out, word, INDENT, text)
}
