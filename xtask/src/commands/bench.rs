//! `bench`: backup and restore timings of several methods, from drills that passed.

use std::path::PathBuf;

use harness::backup::Method;
use harness::bench::{self, Figure, Row, Turn};
use harness::config::Config;
use harness::drill::{Drill, Finished};
use harness::model::event::Events;
use harness::plan::Request;
use harness::{Error, Result};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use crate::display;
use crate::flags::{ALL_METHODS, BenchOptions, Format};

/// Runs the drills in turn and prints the figures; gives back the exit code.
pub(crate) async fn run(options: BenchOptions) -> Result<u8> {
    let measured = Box::pin(measure(&options)).await;
    measured.inspect_err(|error| {
        if options.format == Format::Json {
            display::undecided(error);
        }
    })
}

async fn measure(options: &BenchOptions) -> Result<u8> {
    let config = Config::load(&options.stack)?;
    let methods = match options.method.as_slice() {
        [all] if all == ALL_METHODS => {
            Method::names(&config).into_iter().map(str::to_owned).collect()
        }
        named => named.to_vec(),
    };
    let turns = bench::schedule(&methods, &options.profile, &options.scale, options.runs.get());
    let drills = turns.iter().map(|turn| planned(options, &config, turn));
    let drills = drills.collect::<Result<Vec<_>>>()?;
    let cancelled = interrupt::token();
    let (mut samples, mut exit_code, mut reports) = (Vec::new(), 0, Vec::<PathBuf>::new());
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
        if finished.exit_code != 0 && exit_code != 1 {
            exit_code = finished.exit_code;
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
    match options.format {
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
    if options.format == Format::Json {
        let verdict = match exit_code {
            0 => "passed",
            1 => "failed",
            _ => "undecided",
        };
        display::json_line(&json!({
            "event": "verdict", "verdict": verdict, "exit_code": exit_code,
            "report": reports.last(), "reports": reports,
        }));
    }
    Ok(exit_code)
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
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, Format::Human));
    let finished = Box::pin(drill.run(&events, cancelled)).await;
    drop(events);
    let _ = shown.await;
    finished
}

/// A line for each figure: its median, its spread, and its multiple of a plain copy.
fn print(rows: &[Row]) {
    use std::io::Write;
    let mut out = anstream::stdout().lock();
    if rows.is_empty() {
        let _ = writeln!(out, "\nno drill passed: there is no figure");
        return;
    }
    let _ = writeln!(
        out,
        "\n{:<8} {:<18} {:<11} {:<28} {:>11} {:>11} {:>11} {:>5} {:>8}",
        "scale", "method", "profile", "figure", "median", "least", "most", "runs", "÷ copy"
    );
    for Row { scale, method, profile, figure, spread, per_copy } in rows {
        let shown = |value| shown(figure, value);
        let per_copy = per_copy.map(|multiple| format!("{multiple:.2}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "{:<8} {method:<18} {profile:<11} {figure:<28} {:>11} {:>11} {:>11} {:>5} {per_copy:>8}",
            scale.to_string(),
            shown(spread.median),
            shown(spread.min),
            shown(spread.max),
            spread.count
        );
    }
}

fn shown(figure: &Figure, value: f64) -> String {
    if figure.is_time() { format!("{value:.2} s") } else { format!("{:.1} MB", value / 1e6) }
}
