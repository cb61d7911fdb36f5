//! `audit`: what is wrong with how a stack or a service answers, with evidence, place and remedy.
//! Exit code 0 nothing urgent, 1 an open P0 or P1, 3 undecided.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use harness::audit::headers::Policy;
use harness::audit::patch;
use harness::backup::Method;
use harness::config::{self, Config};
use harness::drill::Drill;
use harness::model::check::{Check, Outcome};
use harness::model::finding::{Finding, Priority, Status};
use harness::model::record::Verdict;
use harness::nearest;
use harness::plan::Request;
use harness::probe::Target;
use harness::report::{junit, sarif};
use harness::survey::{self, Surveyed};
use harness::{Error, Result};

use super::{document, interrupt, service, settings};
use crate::display;
use crate::ending::Ending;
use crate::flags::{AuditOptions, Format, ModeFlag};

/// Looks, and shows what was found.
pub(crate) async fn run(options: AuditOptions, format: Format) -> Result<Ending> {
    let policy = policy(&options.policy)?;
    let committed = document::committed(&options)?;
    let without_result = |why: &str| match &options.junit {
        Some(file) => write(file, &junit::undecided("audit", why)?),
        None => Ok(()),
    };
    // What is there may be the pass of an earlier audit.
    without_result("the audit has yet to end, or was killed")?;
    let surveyed = match &options.url {
        Some(url) => there(url, &options, &policy).await.map(|seen| vec![seen]),
        None => Box::pin(copies(&options, &policy, format)).await,
    };
    if let Err(cause) = &surveyed {
        without_result(&cause.chain())?;
    }
    let surveyed = surveyed?;
    write_all(&options, &surveyed)?;
    let urgent = surveyed.iter().flat_map(Surveyed::urgent);
    let mut reasons = urgent.map(|it| format!("{}: {}", it.id, it.subject)).collect::<Vec<_>>();
    let open = surveyed.iter().flat_map(|mode| &mode.checks);
    let open = open.filter(|check| check.outcome == Outcome::Undecided);
    reasons.extend(open.map(|check| format!("{}: {}", check.id, check.detail)));
    let mut verdict = survey::verdict(&surveyed);
    if let Some(stale) = document::settle(&options, committed.as_deref(), &surveyed)? {
        reasons.push(stale);
        if verdict == Verdict::Passed {
            verdict = Verdict::Failed;
        }
    }
    match format {
        Format::Human => {
            // Whoever stopped reading is not served.
            let _ = people(&mut anstream::stdout().lock(), &surveyed, verdict);
        }
        Format::Json => lines(&surveyed),
    }
    Ok(Ending::of(verdict).reasons(reasons))
}

/// Looks at a service that is there.
async fn there(url: &str, options: &AuditOptions, policy: &Policy) -> Result<Surveyed> {
    // With its last slash, where it has one: it is a page, not the beginning of others.
    let base_url = url.to_owned();
    let target = Target { base_url, ..service::target(url, &options.reach)? };
    let accepts = options.accept.as_deref().map(config::acceptances).transpose()?;
    survey::service(&target, policy, &accepts.unwrap_or_default()).await
}

/// Looks at a copy of the stack in each mode, or at one if nobody wrote down what to ask.
async fn copies(options: &AuditOptions, policy: &Policy, format: Format) -> Result<Vec<Surveyed>> {
    let cancelled = interrupt::token(format);
    let (selection, compose) = (options.stack.selection(), options.stack.whole.compose.as_ref());
    let dir = options.stack.dir();
    let config = settings::of(dir, &selection, compose, format, &cancelled).await?.config;
    if config.routes.is_empty() {
        let drill = stranger(options, config)?;
        let looking = async |events: &_| survey::stranger(&drill, policy, events, cancelled).await;
        return Ok(vec![display::shown(format, looking).await?]);
    }
    let copies = service::copies(&options.stack, &options.report, options.mode)?;
    let surveyed = display::shown(format, async |events| {
        let mut surveyed = Vec::new();
        for copy in &copies {
            let cancelled = cancelled.clone();
            surveyed
                .push(survey::copy(copy, policy, events, cancelled, !options.no_browser).await?);
        }
        Ok::<_, Error>(surveyed)
    });
    let mut surveyed = surveyed.await?;
    // What was not looked at cannot show that an acceptance is idle.
    let all_modes = options.mode.is_none();
    survey::settle(&mut surveyed, &config.accepts, |accept| {
        all_modes && !(options.no_browser && accept.id.starts_with("browser."))
    });
    Ok(surveyed)
}

/// The copy of a stack of which no route is known, unless more is asked for than that can show.
fn stranger(options: &AuditOptions, config: Config) -> Result<Drill> {
    let more = options.document.is_some() || options.check.is_some();
    if more || options.mode == Some(ModeFlag::Tls) {
        return Err(Error::usage("a stack without [[route]] is looked at over plain HTTP alone")
            .hint("leave out --mode, --document and --check; docs/hardening.md has [[route]]"));
    }
    config.service.entry()?;
    // Nothing is backed up: the method that asks for the least.
    let (method, report_base) = (Method::Cold, options.report.clone());
    let request = Request { method, report_base, ..options.stack.request() };
    Ok(Drill::new(request, config)?.looked_at())
}

fn policy(name: &str) -> Result<Policy> {
    let known = || Policy::names().collect::<Vec<_>>();
    Policy::named(name).ok_or_else(|| nearest::unknown("policy", name, &known()))
}

/// The files that were asked for, each with what all modes showed.
fn write_all(options: &AuditOptions, surveyed: &[Surveyed]) -> Result<()> {
    if let Some(file) = &options.sarif {
        let all = surveyed.iter().flat_map(|mode| mode.findings.clone()).collect::<Vec<_>>();
        let folder = options.stack.dir().display().to_string();
        let log = sarif::render(&all, options.url.as_deref().unwrap_or(&folder));
        write(file, &format!("{log:#}\n"))?;
    }
    if let Some(file) = &options.junit {
        let names =
            surveyed.iter().map(|mode| format!("audit {}", mode.target)).collect::<Vec<_>>();
        let suites = names.iter().zip(surveyed);
        let suites = suites.map(|(name, Surveyed { checks, findings, .. })| junit::Suite {
            name,
            checks,
            findings,
        });
        write(file, &junit::render(&suites.collect::<Vec<_>>())?)?;
    }
    if let Some(file) = &options.patch {
        let findings = surveyed.iter().flat_map(|mode| &mode.findings);
        let findings = findings.filter(|finding| finding.is_open());
        let patch = patch::combine(findings, &survey::files(options.stack.dir())?);
        // An empty file: nothing to apply, and nothing of an earlier run.
        write(file, patch.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

pub(super) fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)
        .map_err(|cause| Error::usage(format!("cannot write {}", file.display())).because(cause))
}

fn lines(surveyed: &[Surveyed]) {
    for mode in surveyed {
        for finding in &mode.findings {
            display::json_line(&serde_json::json!({
                "event": "finding",
                "target": mode.target,
                "finding": finding,
            }));
        }
        for check in &mode.checks {
            display::json_line(&serde_json::json!({
                "event": "check",
                "target": mode.target,
                "check": check,
            }));
        }
        display::json_line(&serde_json::json!({
            "event": "surveyed",
            "target": mode.target,
            "answers": mode.answers,
            "unseen": mode.unseen,
            "grade": mode.grade,
            "django_s": mode.django_s,
            "matrix_s": mode.matrix_s,
            "browser_s": mode.browser_s,
            "without_s": mode.without_s,
        }));
    }
}

fn people(out: &mut impl Write, surveyed: &[Surveyed], verdict: Verdict) -> io::Result<()> {
    for mode in surveyed {
        writeln!(out, "\n{}", mode.target)?;
        for finding in &mode.findings {
            row(out, finding)?;
        }
        for Check { id, outcome, detail, .. } in &mode.checks {
            writeln!(out, "  {} {id}: {detail}", outcome.name())?;
        }
        let Surveyed { answers, findings, django_s, matrix_s, without_s, .. } = mode;
        write!(out, "{answers} answers in {matrix_s:.1} s")?;
        if *without_s > 0.0 {
            write!(out, ", and {without_s:.1} s with services gone")?;
        }
        if mode.record.django.is_some() {
            write!(out, "; Django asked in {django_s:.1} s")?;
        }
        write!(out, "; ")?;
        let open = findings.iter().filter(|finding| finding.is_open()).count();
        write!(out, "{open} findings open, {} urgent, ", mode.urgent().count())?;
        write!(out, "{} accepted or covered", findings.len() - open)?;
        if let Some(grade) = &mode.grade {
            write!(out, "; Observatory {} ({} points)", grade.grade, grade.score)?;
        }
        let unseen = mode.unseen.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        match unseen.as_str() {
            "" => writeln!(out)?,
            unseen => writeln!(out, "; no route gave {unseen}")?,
        }
    }
    writeln!(out, "\nverdict    {}", verdict.name())
}

fn row(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let color = match finding.priority {
        Priority::P0 | Priority::P1 => AnsiColor::Red,
        Priority::P2 => AnsiColor::Yellow,
        Priority::P3 => AnsiColor::BrightBlack,
    };
    let style = Style::new().fg_color(Some(color.into())).bold();
    let Finding { id, requirement, priority, subject, detail, place, remedy, .. } = finding;
    writeln!(out, "  {style}{priority:?}{style:#}  {id}  {requirement}  {subject}")?;
    writeln!(out, "      {detail}")?;
    match &finding.status {
        Status::Open => {}
        Status::Resolved(reason) => writeln!(out, "      resolved: {reason}")?,
        Status::Accepted(reason) => {
            writeln!(out, "      accepted{}: {reason}", finding.until())?;
        }
    }
    if let Some(place) = place {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        writeln!(out, "      at {}{line}", place.file)?;
    }
    let patched =
        if finding.patch.is_some() && finding.is_open() { " (--patch writes it)" } else { "" };
    writeln!(out, "      → {remedy}{patched}")
}
