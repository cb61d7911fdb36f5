//! `clean` and `down`: removing what runs left, by label.

use std::path::Path;

use harness::drill;
use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::engine::Engine;
use harness::stack::images::{self, Images};
use harness::stack::reap::{self, Leftover};
use harness::{Error, ErrorKind, Result};
use serde_json::json;

use super::interrupt;
use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::{CleanOptions, DownOptions, Format};

/// Removes what runs left whose process is gone.
pub(crate) async fn run(options: CleanOptions, format: Format) -> Result<Ending> {
    let engine = Engine::find(&Runner::new(interrupt::token(format))).await?;
    let mut stuck = Vec::new();
    for (run, leftover) in reap::find(&engine).await? {
        if leftover.alive {
            show(
                format,
                "run",
                &run,
                "left alone",
                &format!("run {run}: its process is alive, left alone"),
            );
        } else {
            match remove(&engine, format, &run, &leftover, options.dry_run).await {
                // What the engine does not let go of must not keep what others left.
                Err(cause) if cause.kind() != ErrorKind::Interrupted => stuck.push((run, cause)),
                removed => removed?,
            }
        }
    }
    files(&options.report, options.dry_run, format)?;
    if options.images {
        for image in Images::new(&engine, &Events::ignored()).remove_all().await? {
            show(format, "image", &image, "removed", &format!("removed image {image}"));
        }
    }
    still_there(&stuck).map_or_else(|| Ok(Ending::done()), Err)
}

/// One error for every run of which something stays.
fn still_there(stuck: &[(String, Error)]) -> Option<Error> {
    let runs = stuck.iter().map(|(run, _)| run.as_str()).collect::<Vec<_>>().join(", ");
    let details = stuck.iter().map(|(run, cause)| format!("{run}: {}", cause.chain()));
    let details = details.collect::<Vec<_>>();
    (!stuck.is_empty()).then(|| {
        Error::undecided(format!("something stays of {runs}"))
            .details(details)
            .hint("restart the engine, which may have lost track of it, and clean again")
    })
}

/// Removes sandboxes that were left running on purpose.
pub(crate) async fn down(options: DownOptions, format: Format) -> Result<Ending> {
    let engine = Engine::find(&Runner::new(interrupt::token(format))).await?;
    let mut runs = reap::find(&engine).await?;
    runs.retain(|_, leftover| !leftover.alive);
    if let Some(run) = &options.run {
        runs.retain(|name, _| name == run);
        if runs.is_empty() {
            return Err(Error::usage(format!("no sandbox of a run {run:?} was left running"))
                .hint("`docker ps --filter label=dr-drill.run` lists those there are"));
        }
    }
    for (run, leftover) in &runs {
        remove(&engine, format, run, leftover, false).await?;
    }
    // Their compose files: `up` keeps them below the default folder.
    let gone = |work: &Path| runs.keys().any(|run| work.ends_with(Path::new(run).join("work")));
    for work in drill::abandoned(Path::new(called::runs())).iter().filter(|it| gone(it)) {
        drill::remove_abandoned(work)?;
        // Their folders too, unless there is a report in them: this removes only what is empty.
        for folder in [work.with_file_name("evidence"), work.with_file_name("")] {
            let _ = std::fs::remove_dir(folder);
        }
    }
    Ok(Ending::done())
}

async fn remove(
    engine: &Engine,
    format: Format,
    run: &str,
    leftover: &Leftover,
    dry_run: bool,
) -> Result<()> {
    if !dry_run {
        reap::remove(engine, leftover).await?;
    }
    let (count, becomes) = (leftover.things.len(), becomes(dry_run));
    let text = format!("run {run}: {becomes} {count} containers, networks and volumes");
    show(format, "run", run, becomes, &text);
    Ok(())
}

fn files(base: &Path, dry_run: bool, format: Format) -> Result<()> {
    let mut folders = drill::abandoned(base);
    if !dry_run {
        folders.iter().try_for_each(|work| drill::remove_abandoned(work))?;
    }
    folders.extend(if dry_run { images::stale() } else { images::remove_stale()? });
    let becomes = becomes(dry_run);
    for folder in folders {
        let folder = folder.display().to_string();
        show(format, "folder", &folder, becomes, &format!("{becomes} {folder}"));
    }
    Ok(())
}

fn becomes(dry_run: bool) -> &'static str {
    if dry_run { "would remove" } else { "removed" }
}

/// What was found, and what became of it: in words for people.
fn show(format: Format, kind: &str, name: &str, becomes: &str, words: &str) {
    match format {
        Format::Human => println!("{words}"),
        Format::Json => display::json_line(&json!({
            "event": "leftover", "kind": kind, "name": name, "becomes": becomes,
        })),
    }
}
