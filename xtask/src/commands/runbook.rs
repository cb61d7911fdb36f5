//! `runbook check`: the operators' runbook, block by block, against a sealed copy of the stack.

use std::fs;

use harness::config::Config;
use harness::drill::{Drill, Standing};
use harness::model::event::Events;
use harness::runbook::{self, Broken, Place, Role, Runbook, Walked};
use harness::{Error, Result};
use serde_json::json;

use super::interrupt;
use crate::display;
use crate::flags::{Format, RunbookOptions};

/// Exit code when a block does not do what the text says.
const FAILED: u8 = 1;

/// Goes through the runbook; gives back the exit code.
pub(crate) async fn run(options: RunbookOptions) -> Result<u8> {
    let checked = Box::pin(check(&options)).await;
    checked.inspect_err(|error| {
        if options.format == Format::Json {
            display::undecided(error);
        }
    })
}

async fn check(options: &RunbookOptions) -> Result<u8> {
    let file = options.file.display();
    let text = fs::read_to_string(&options.file)
        .map_err(|cause| Error::usage(format!("cannot read {file}")).because(cause))?;
    let runbook = Runbook::parse(&text).map_err(|fault| {
        Error::usage(format!("{file}:{fault}")).hint("docs/runbook.md has the grammar of markers")
    })?;
    if options.list {
        list(&runbook, options);
        return Ok(0);
    }
    require_printed(&runbook, options)?;
    let walked = rehearse(&runbook, options).await?;
    Ok(report(&runbook, &walked, options))
}

/// Prints what there is, and what becomes of it.
fn list(runbook: &Runbook, options: &RunbookOptions) {
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
        match options.format {
            Format::Human => println!("{:>5}  {becomes:<8} {:<44} {detail}", step.line, step.name),
            Format::Json => display::json_line(&json!({
                "event": "step", "line": step.line, "name": step.name, "becomes": becomes, "detail": detail,
            })),
        }
    }
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

async fn rehearse(runbook: &Runbook, options: &RunbookOptions) -> Result<Walked> {
    let config = Config::load(&options.stack.stack)?;
    let drill = Drill::new(options.stack.request(), config)?;
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, options.format));
    let walked = on_a_copy(runbook, &drill, &events).await;
    drop(events);
    let _ = shown.await;
    walked
}

/// Brings a copy up, goes through the runbook, and removes the copy whatever happened.
async fn on_a_copy(runbook: &Runbook, drill: &Drill, events: &Events) -> Result<Walked> {
    let cancelled = interrupt::token();
    let standing: Standing = drill.stand(events, cancelled.clone()).await?;
    let walked = tokio::select! {
        walked = runbook::walk(runbook, &standing, drill, events) => walked,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    let removed = standing.remove().await;
    walked.and_then(|walked| removed.map(|()| walked))
}

fn report(runbook: &Runbook, walked: &Walked, options: &RunbookOptions) -> u8 {
    let file = options.file.display();
    let run = walked.done.iter().filter(|done| done.seconds.is_some()).count();
    let seconds = walked.done.iter().filter_map(|done| done.seconds).sum::<f64>();
    let not_run = runbook.steps.iter().filter(|step| matches!(step.role, Role::NotRun(_)));
    let broken = walked.broken.as_ref();
    let exit_code = if broken.is_some() { FAILED } else { 0 };
    if options.format == Format::Json {
        let fault = broken.map(|broken| &broken.fault);
        display::json_line(&json!({
            "event": "verdict",
            "verdict": if exit_code == 0 { "passed" } else { "failed" },
            "exit_code": exit_code,
            "report": null,
            "file": options.file,
            "line": fault.map(|fault| fault.line),
            "what": fault.map(|fault| &fault.what),
            "printed": broken.map(|broken| &broken.printed),
            "run": run,
            "not_run": not_run.count(),
        }));
        return exit_code;
    }
    if let Some(Broken { fault, printed }) = broken {
        eprintln!("{file}:{fault}");
        for line in printed {
            eprintln!("  | {line}");
        }
    }
    for step in not_run {
        if let Role::NotRun(reason) = &step.role {
            println!("{:>5}  not run: {} ({reason})", step.line, step.name);
        }
    }
    let messages = runbook.claims.len();
    let verdict = if exit_code == 0 { "passed" } else { "failed" };
    println!(
        "{run} blocks run in {seconds:.0} s, {messages} messages found in the programs: {verdict}"
    );
    exit_code
}
