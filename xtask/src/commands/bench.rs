//! `bench`: backup and restore timings of several methods, from drills that passed.

use std::path::PathBuf;

use harness::backup::Method;
use harness::bench::{self, Figure, Row, Turn};
use harness::config::Config;
use harness::drill::{Drill, Finished};
use harness::model::record::Verdict;
use harness::plan::Request;
use harness::{Error, Result};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use crate::display;
use crate::ending::Ending;
use crate::flags::{ALL_METHODS, BenchOptions, Format};

/// Runs the drills in turn and prints the figures.
pub(crate) async fn run(options: BenchOptions, format: Format) -> Result<Ending> {
    let config = Config::load(&options.stack)?;
    let methods = match options.method.as_slice() {
        [all] if all == ALL_METHODS => {
            Method::names(&config).into_iter().map(str::to_owned).collect()
        }
        named => named.to_vec(),
    };
    let turns = bench::schedule(&methods, &options.profile, &options.scale, options.runs.get());
    let drills = turns.iter().map(|turn| planned(&options, &config, turn));
    let drills = drills.collect::<Result<Vec<_>>>()?;
    let cancelled = interrupt::token(format);
    let (mut samples, mut reports) = (Vec::new(), Vec::<PathBuf>::new());
    let mut verdict = Verdict::Passed;
    let mut cut_off = None;
    for (place, (turn, drill)) in turns.iter().zip(&drills).enumerate() {
        let Turn { method, profile, scale, run } = turn;
        eprintln!(
            "drill {} of {}: {method}, {profile}, at {scale}, run {run}",
            place + 1,
            turns.len()
        );
        // What was measured until then is worth its time.
        let finished = match one(drill, cancelled.clone()).await {
            Ok(finished) if !cancelled.is_cancelled() => finished,
            ended => {
                cut_off = Some(ended.err().unwrap_or_else(Error::interrupted));
                break;
            }
        };
        // Only what was proved to come back has a figure.
        if verdict != Verdict::Failed && finished.record.verdict != Verdict::Passed {
            verdict = finished.record.verdict;
        }
        for reason in &finished.record.reasons {
            eprintln!("  {}: {reason}", finished.record.verdict.name());
        }
        samples.push((turn.clone(), bench::figures(&finished.record)));
        reports.push(finished.report);
    }
    let rows = bench::summarise(&samples);
    if let Some(file) = &options.out {
        let text = serde_json::to_vec_pretty(&rows)
            .map_err(|cause| Error::undecided("cannot write the figures").because(cause))?;
        std::fs::write(file, text).map_err(|cause| {
            Error::undecided(format!("cannot write {}", file.display())).because(cause)
        })?;
    }
    match format {
        Format::Human => print(&rows),
        Format::Json => {
            for row in &rows {
                display::json_line(&json!({ "event": "figure", "row": row }));
            }
        }
    }
    if let Some(error) = cut_off {
        return Err(error);
    }
    Ok(Ending::of(verdict).report(reports.last().cloned()).with("reports", json!(reports)))
}

fn planned(options: &BenchOptions, config: &Config, turn: &Turn) -> Result<Drill> {
    let request = Request {
        method: Method::of(&turn.method, config)?,
        scale: turn.scale,
        seed: options.seed,
        compose: options.compose.clone(),
        report_base: options.report.clone(),
        profile: turn.profile,
        copies: true,
        ..Request::of(&options.stack)
    };
    Drill::new(request, config.clone())
}

async fn one(drill: &Drill, cancelled: CancellationToken) -> Result<Finished> {
    display::shown(Format::Human, async |events| Box::pin(drill.run(events, cancelled)).await).await
}

/// A table for each method at a scale under a profile, a line for each figure: its median, its
/// spread, and its multiple of a plain copy.
fn print(rows: &[Row]) {
    use std::io::Write;
    let mut out = anstream::stdout().lock();
    if rows.is_empty() {
        let _ = writeln!(out, "\nno drill passed: there is no figure");
        return;
    }
    let same = |one: &Row, other: &Row| {
        (&one.scale, &one.method, one.profile) == (&other.scale, &other.method, other.profile)
    };
    for rows in rows.chunk_by(same) {
        let Row { scale, method, profile, .. } = &rows[0];
        let _ = writeln!(
            out,
            "\n{:<28} {:>11} {:>11} {:>11} {:>4} {:>8}",
            format!("{method}, {profile}, {scale}"),
            "median",
            "least",
            "most",
            "runs",
            "÷ copy"
        );
        for Row { figure, spread, per_copy, .. } in rows {
            let shown = |value| shown(figure, value);
            let per_copy = per_copy.map(|multiple| format!("{multiple:.2}")).unwrap_or_default();
            let _ = writeln!(
                out,
                "  {:<26} {:>11} {:>11} {:>11} {:>4} {per_copy:>8}",
                figure.to_string(),
                shown(spread.median),
                shown(spread.min),
                shown(spread.max),
                spread.count
            );
        }
    }
}

fn shown(figure: &Figure, value: f64) -> String {
    if figure.is_time() { format!("{value:.2} s") } else { format!("{:.1} MB", value / 1e6) }
}
