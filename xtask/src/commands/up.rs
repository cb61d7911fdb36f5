//! `up`: a sealed copy of the stack, seeded, to be looked at by hand.

use harness::Result;
use harness::config::Config;
use harness::drill::Drill;
use harness::model::event::Events;
use harness::plan::Request;

use super::interrupt;
use crate::display;
use crate::flags::{Format, StackOptions};

/// Starts a sealed copy and leaves it running.
pub(crate) async fn run(options: StackOptions) -> Result<u8> {
    let config = Config::load(&options.stack)?;
    let request = Request {
        stack_dir: options.stack,
        method: harness::backup::pg_dump::NAME.to_owned(),
        disaster: harness::disaster::VOLUMES.to_owned(),
        scale: options.scale,
        seed: options.seed,
    };
    let mut drill = Drill::new(request, config)?;
    drill.compose = options.compose;
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, Format::Human));
    let started = drill.up(&events, interrupt::token()).await;
    drop(events);
    let _ = shown.await;
    let (run, entry) = started?;
    println!("up        {entry}");
    println!("look      docker ps --filter label=dr-drill.run={run}");
    println!("remove    cargo xtask down {run}");
    Ok(0)
}
