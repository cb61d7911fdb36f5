//! `smoke`: the probes alone. Exit code 0 passed, 1 failed, 3 undecided.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use harness::Result;
use harness::config::Config;
use harness::model::check::{Check, Outcome};
use harness::model::record::Verdict;
use harness::smoke::{self, Smoked};

use super::{interrupt, service};
use crate::display;
use crate::ending::Ending;
use crate::flags::{Format, SmokeOptions};

/// Asks, and shows what was seen.
pub(crate) async fn run(options: SmokeOptions, format: Format) -> Result<Ending> {
    let rounds = ask(options, format).await?;
    let verdict = smoke::verdict(&rounds);
    match format {
        Format::Human => {
            // Whoever stopped reading is not served.
            let _ = table(&mut anstream::stdout().lock(), &rounds, verdict);
        }
        Format::Json => lines(&rounds),
    }
    let checks = rounds.iter().flat_map(|round| &round.checks);
    let open = checks.filter(|it| matches!(it.outcome, Outcome::Failed | Outcome::Undecided));
    let reasons = open.map(|check| format!("{}: {}", check.id, check.detail));
    Ok(Ending::of(verdict).reasons(reasons))
}

async fn ask(options: SmokeOptions, format: Format) -> Result<Vec<Smoked>> {
    if let Some(url) = &options.service.url {
        let target = service::target(url, &options.service.reach)?;
        let config = Config::load_selected(options.stack.dir(), &options.stack.selection())?;
        return Ok(vec![smoke::service(&config, &target, &service::variables()).await?]);
    }
    let cancelled = interrupt::token(format);
    let copies = service::copies(&options.stack, &options.report, options.mode)?;
    let rounds = display::shown(format, async |events| {
        let mut rounds = Vec::new();
        for copy in &copies {
            rounds.push(smoke::copy(copy, events, cancelled.clone()).await?);
        }
        Ok(rounds)
    });
    rounds.await
}

fn lines(rounds: &[Smoked]) {
    for round in rounds {
        for check in &round.checks {
            display::json_line(&serde_json::json!({
                "event": "check",
                "target": round.target,
                "check": check,
            }));
        }
    }
}

fn table(out: &mut impl Write, rounds: &[Smoked], verdict: Verdict) -> io::Result<()> {
    for round in rounds {
        writeln!(out, "\n{}", round.target)?;
        for check in &round.checks {
            row(out, check)?;
        }
        let counts = [
            (Outcome::Passed, "passed"),
            (Outcome::Warned, "warned"),
            (Outcome::Failed, "failed"),
            (Outcome::Skipped, "skipped"),
            (Outcome::Undecided, "undecided"),
        ];
        let counts = counts.map(|(outcome, word)| format!("{} {word}", round.count(outcome)));
        writeln!(out, "{}, {:.1} s", counts.join(", "), round.seconds)?;
    }
    writeln!(out, "\nverdict    {}", verdict.name())
}

fn row(out: &mut impl Write, check: &Check) -> io::Result<()> {
    let (word, color) = match check.outcome {
        Outcome::Passed => ("pass", AnsiColor::Green),
        Outcome::Warned => ("warn", AnsiColor::Yellow),
        Outcome::Failed => ("fail", AnsiColor::Red),
        Outcome::Skipped => ("skip", AnsiColor::BrightBlack),
        Outcome::Undecided => ("open", AnsiColor::Yellow),
    };
    let style = Style::new().fg_color(Some(color.into())).bold();
    let Check { id, requirement, detail, .. } = check;
    let id = id.strip_prefix("probe.").unwrap_or(id);
    writeln!(out, "  {style}{word}{style:#}  {id:<30} {requirement:<7} {detail}")
}
