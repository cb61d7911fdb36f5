//! `doctor`: the machine, prerequisite by prerequisite. Exit code 0 if a drill can run, else 3.

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use harness::doctor::{self, Finding, Level, Subject};
use harness::model::record::Verdict;
use harness::process::Runner;
use harness::{Error, Result};

use super::interrupt;
use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::{DoctorOptions, Format};

/// Looks at the machine; with `--fix` also installs what is missing, and looks again.
pub(crate) async fn run(options: DoctorOptions, format: Format) -> Result<Ending> {
    let runner = Runner::new(interrupt::token(format));
    let stack = options.stack.clone();
    let subject = Subject {
        stack_dir: options.stack,
        compose: options.compose,
        report_base: options.report,
        builds: !called::is_alone(),
    };
    let mut findings = examine(&runner, &subject).await?;
    if options.fix {
        display::shown(format, async |events| doctor::fix(&runner, events, &findings).await)
            .await?;
        findings = examine(&runner, &subject).await?;
    }
    match format {
        Format::Json => {
            for finding in &findings {
                display::json_line(&serde_json::json!({ "event": "finding", "finding": finding }));
            }
        }
        Format::Human => {
            // Whoever stopped reading is not served.
            let _ = table(&mut anstream::stdout().lock(), &findings, &stack);
        }
    }
    // Without a prerequisite, a drill would be undecided.
    let missing = findings.iter().filter(|finding| finding.level == Level::Missing);
    let missing = missing.map(|it| format!("{}: {}", it.name, it.found)).collect::<Vec<_>>();
    let verdict = if missing.is_empty() { Verdict::Passed } else { Verdict::Undecided };
    Ok(Ending::of(verdict).reasons(missing))
}

async fn examine(runner: &Runner, subject: &Subject) -> Result<Vec<Finding>> {
    let mut findings = doctor::examine(runner, subject).await;
    for remedy in findings.iter_mut().filter_map(|finding| finding.remedy.as_mut()) {
        *remedy = called::said(remedy).into_owned();
    }
    // What was interrupted looks like what is missing.
    if runner.cancellation().is_cancelled() { Err(Error::interrupted()) } else { Ok(findings) }
}

fn table(out: &mut impl Write, findings: &[Finding], stack: &Path) -> io::Result<()> {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or_default();
    for finding in findings {
        let (word, color) = match finding.level {
            Level::Ok => ("ok", AnsiColor::Green),
            Level::Warn => ("warn", AnsiColor::Yellow),
            Level::Missing => ("missing", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(color.into())).bold();
        writeln!(out, "{style}{word:<7}{style:#}  {:<width$}  {}", finding.name, finding.found)?;
        if let Some(remedy) = &finding.remedy {
            writeln!(out, "{:<7}  {:<width$}  → {remedy}", "", "")?;
        }
    }
    let missing = findings.iter().filter(|finding| finding.level == Level::Missing).count();
    if missing == 0 {
        let stack = (stack != Path::new(called::reference()))
            .then(|| format!(" --stack {}", stack.display()));
        let stack = stack.unwrap_or_default();
        let drill = format!("cargo xtask dr-drill{stack}");
        return writeln!(out, "\na drill can run: {}", called::said(&drill));
    }
    writeln!(out, "\n{missing} missing: a drill cannot run")?;
    if findings.iter().any(|finding| finding.fix.is_some()) {
        let fix = called::said("cargo xtask doctor --fix");
        writeln!(out, "as root on Debian or Ubuntu: {fix}")?;
    }
    Ok(())
}
