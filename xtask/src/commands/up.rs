//! `up`: a sealed copy of the stack, seeded, to be looked at by hand.

use harness::Result;
use harness::config::Config;
use harness::drill::Drill;
use harness::model::event::Events;

use super::interrupt;
use crate::display;
use crate::flags::{Format, StackOptions};

/// Starts a sealed copy and leaves it running.
pub(crate) async fn run(options: StackOptions) -> Result<u8> {
    let config = Config::load(&options.stack)?;
    let drill = Drill::new(options.request(), config)?;
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, Format::Human));
    let started = drill.stand(&events, interrupt::token()).await;
    drop(events);
    let _ = shown.await;
    let standing = started?;
    let (service, run, stack) = (&drill.config().service, &standing.run, &standing.sandbox.stack);
    let address = stack.address(&service.entry).await?;
    println!("up        http://{address}:{} with Host: {}", service.port, service.host);
    println!("compose   {}", stack.file().display());
    println!("project   {}", run.project());
    println!("look      docker ps --filter label=dr-drill.run={run}");
    println!("remove    cargo xtask down {run}");
    Ok(0)
}
