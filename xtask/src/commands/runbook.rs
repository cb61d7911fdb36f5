//! `runbook check`: the operators' runbook, block by block, against a sealed copy of the stack.

use std::fs;

use harness::config::Config;
use harness::drill::{Drill, Standing};
use harness::model::event::Events;
use harness::model::record::Verdict;
use harness::runbook::{self, Broken, Place, Role, Runbook, Step, Walked};
use harness::{Error, Result};
use serde_json::json;

use super::interrupt;
use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::{Format, RunbookOptions};

/// Goes through the runbook.
pub(crate) async fn run(options: RunbookOptions, format: Format) -> Result<Ending> {
    let file = options.file.display();
    let text = fs::read_to_string(&options.file).map_err(|cause| {
        let error = Error::usage(format!("cannot read {file}")).because(cause);
        error.hint("--file names a text with marked blocks; docs/runbook.md has their grammar")
    })?;
    let runbook = Runbook::parse(&text).map_err(|fault| {
        Error::usage(format!("{file}:{fault}")).hint("docs/runbook.md has the grammar of markers")
    })?;
    if options.list {
        list(&runbook, format);
        return Ok(Ending::done().with("dry_run", true));
    }
    require_cargo(&runbook, &options)?;
    require_printed(&runbook, &options)?;
    let walked = rehearse(&runbook, &options, format).await?;
    if format == Format::Human {
        people(&runbook, &walked, &options);
    }
    Ok(ending(&runbook, &walked, &options))
}

/// Prints what there is, and what becomes of it.
fn list(runbook: &Runbook, format: Format) {
    for step in &runbook.steps {
        let (becomes, detail) = match &step.role {
            Role::Run { place: Place::Host, .. } => ("run", String::new()),
            Role::Run { place: Place::Container, .. } => ("run", "in a container".to_owned()),
            Role::Run { place: Place::Night(time), .. } => {
                ("run", format!("in a container, after a run of its cron, started at {time}"))
            }
            Role::File(path) => ("file", path.clone()),
            Role::NotRun(reason) => ("not run", reason.clone()),
        };
        match format {
            Format::Human => println!("{:>5}  {becomes:<8} {:<44} {detail}", step.line, step.name),
            Format::Json => display::json_line(&json!({
                "event": "step", "line": step.line, "name": step.name, "becomes": becomes, "detail": detail,
            })),
        }
    }
}

/// Blocks are run as printed: those that call cargo need the repository and Rust.
fn require_cargo(runbook: &Runbook, options: &RunbookOptions) -> Result<()> {
    let calls =
        |step: &&Step| matches!(step.role, Role::Run { .. }) && step.text.contains("cargo xtask");
    let Some(step) = runbook.steps.iter().find(calls).filter(|_| called::is_alone()) else {
        return Ok(());
    };
    let (file, line) = (options.file.display(), step.line);
    Err(Error::usage(format!("{file}:{line}: this block runs cargo, from the repository"))
        .hint("check it in the repository, with Rust; --list shows the blocks here"))
}

/// Every message that the runbook explains is one that the stack's programs can print.
fn require_printed(runbook: &Runbook, options: &RunbookOptions) -> Result<()> {
    let file = options.file.display();
    for claim in &runbook.claims {
        let sources = runbook::sources(&options.stack.stack, &claim.sources)?;
        if let [missing, ..] = runbook::unprinted(std::slice::from_ref(claim), &sources)[..] {
            let (line, message) = (missing.line, &missing.message);
            return Err(Error::usage(format!("{file}:{line}: no program prints {message:?}"))
                .hint(format!("looked in: {}", claim.sources.join(" "))));
        }
    }
    Ok(())
}

async fn rehearse(runbook: &Runbook, options: &RunbookOptions, format: Format) -> Result<Walked> {
    let config = Config::load(&options.stack.stack)?;
    let drill = Drill::new(options.stack.request(), config)?;
    display::shown(format, async |events| on_a_copy(runbook, &drill, events, format).await).await
}

/// Brings a copy up, goes through the runbook, and removes the copy whatever happened.
async fn on_a_copy(
    runbook: &Runbook,
    drill: &Drill,
    events: &Events,
    format: Format,
) -> Result<Walked> {
    let cancelled = interrupt::token(format);
    let standing: Standing = drill.stand(events, cancelled.clone()).await?;
    let walked = tokio::select! {
        walked = runbook::walk(runbook, &standing, drill, events) => walked,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    let removed = standing.remove().await;
    walked.and_then(|walked| removed.map(|()| walked))
}

fn ending(runbook: &Runbook, walked: &Walked, options: &RunbookOptions) -> Ending {
    let fault = walked.broken.as_ref().map(|broken| &broken.fault);
    let verdict = if fault.is_none() { Verdict::Passed } else { Verdict::Failed };
    Ending::of(verdict)
        .with("file", json!(options.file))
        .with("line", fault.map(|fault| fault.line))
        .with("what", fault.map(|fault| fault.what.as_str()))
        .with("printed", walked.broken.as_ref().map(|broken| broken.printed.clone()))
        .with("run", ran(walked))
        .with("not_run", not_run(runbook).count())
}

/// How many blocks were run.
fn ran(walked: &Walked) -> usize {
    walked.done.iter().filter(|done| done.seconds.is_some()).count()
}

fn not_run(runbook: &Runbook) -> impl Iterator<Item = (&Step, &str)> {
    runbook.steps.iter().filter_map(|step| match &step.role {
        Role::NotRun(reason) => Some((step, reason.as_str())),
        _ => None,
    })
}

fn people(runbook: &Runbook, walked: &Walked, options: &RunbookOptions) {
    if let Some(Broken { fault, printed }) = &walked.broken {
        eprintln!("{}:{fault}", options.file.display());
        for line in printed {
            eprintln!("  | {line}");
        }
    }
    for (step, reason) in not_run(runbook) {
        println!("{:>5}  not run: {} ({reason})", step.line, step.name);
    }
    let (run, messages) = (ran(walked), runbook.claims.len());
    let seconds = walked.done.iter().filter_map(|done| done.seconds).sum::<f64>();
    let verdict = if walked.broken.is_none() { Verdict::Passed } else { Verdict::Failed };
    println!(
        "{run} blocks run in {seconds:.0} s, {messages} messages found in the programs: {}",
        verdict.name()
    );
}
