//! `clean` and `down`: removing what runs left, by label.

use std::path::Path;

use harness::drill;
use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::engine::Engine;
use harness::stack::images::{self, Images};
use harness::stack::reap::{self, Leftover};
use harness::{Error, Result};

use super::interrupt;
use crate::flags::{CleanOptions, DownOptions};

/// Removes what runs left whose process is gone.
pub(crate) async fn run(options: CleanOptions) -> Result<u8> {
    let engine = Engine::find(&Runner::new(interrupt::token())).await?;
    for (run, leftover) in reap::find(&engine).await? {
        if leftover.alive {
            println!("run {run}: its process is alive, left alone");
        } else {
            remove(&engine, &run, &leftover, options.dry_run).await?;
        }
    }
    files(&options.report, options.dry_run)?;
    if options.images {
        for image in Images::new(&engine, &Events::ignored()).remove_all().await? {
            println!("removed image {image}");
        }
    }
    Ok(0)
}

/// Removes sandboxes that were left running on purpose.
pub(crate) async fn down(options: DownOptions) -> Result<u8> {
    let engine = Engine::find(&Runner::new(interrupt::token())).await?;
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
        remove(&engine, run, leftover, false).await?;
    }
    // Their compose files: `up` keeps them below the default folder.
    let gone = |work: &Path| runs.keys().any(|run| work.ends_with(Path::new(run).join("work")));
    for work in
        drill::abandoned(Path::new(harness::plan::DEFAULT_BASE)).iter().filter(|it| gone(it))
    {
        drill::remove_abandoned(work)?;
        // Their folders too, unless there is a report in them: this removes only what is empty.
        for folder in [work.with_file_name("evidence"), work.with_file_name("")] {
            let _ = std::fs::remove_dir(folder);
        }
    }
    Ok(0)
}

async fn remove(engine: &Engine, run: &str, leftover: &Leftover, dry_run: bool) -> Result<()> {
    let count = leftover.things.len();
    if dry_run {
        println!("run {run}: would remove {count} containers, networks and volumes");
        return Ok(());
    }
    reap::remove(engine, leftover).await?;
    println!("run {run}: removed {count} containers, networks and volumes");
    Ok(())
}

fn files(base: &Path, dry_run: bool) -> Result<()> {
    for work in drill::abandoned(base) {
        if dry_run {
            println!("would remove {}", work.display());
        } else {
            drill::remove_abandoned(&work)?;
            println!("removed {}", work.display());
        }
    }
    let (done, folders) = if dry_run {
        ("would remove", images::stale())
    } else {
        ("removed", images::remove_stale()?)
    };
    for folder in folders {
        println!("{done} {}", folder.display());
    }
    Ok(())
}
