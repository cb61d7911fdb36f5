//! `up`: a sealed copy of the stack, seeded, to be looked at by hand.

use harness::Result;
use harness::drill::Drill;
use serde_json::json;

use super::{interrupt, settings};
use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::Format;
use crate::selection::StackOptions;

/// Starts a sealed copy and leaves it running.
pub(crate) async fn run(options: StackOptions, format: Format) -> Result<Ending> {
    let (selection, compose) = (options.selection(), options.whole.compose.as_ref());
    let cancelled = interrupt::token(format);
    let settings = settings::of(options.dir(), &selection, compose, format, &cancelled).await?;
    let config = settings.config;
    let drill = Drill::new(options.request(), config)?;
    let standing =
        display::shown(format, async |events| drill.stand(events, cancelled).await).await?;
    let (service, run, stack) = (&drill.config().service, &standing.run, &standing.sandbox.stack);
    let url = format!("http://{}:{}", stack.address(service.entry()?).await?, service.port);
    match format {
        Format::Human => {
            println!("up        {url} with Host: {}", service.host);
            println!("compose   {}", stack.file().display());
            println!("project   {}", run.project());
            println!("look      docker ps --filter label=dr-drill.run={run}");
            println!("{}", called::said(&format!("remove    cargo xtask down {run}")));
        }
        Format::Json => display::json_line(&json!({
            "event": "up",
            "run_id": run.to_string(),
            "url": url,
            "host": service.host,
            "compose": stack.file(),
            "project": run.project(),
        })),
    }
    Ok(Ending::done())
}
