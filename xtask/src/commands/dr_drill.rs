//! `dr-drill`: the rehearsal.

use harness::config::Config;
use harness::drill::{Drill, Finished};
use harness::model::event::Events;
use harness::plan::Request;
use harness::{Error, ErrorKind, Result};
use serde_json::json;

use super::interrupt;
use crate::display::{self, summary};
use crate::flags::{DrillOptions, Format};

/// Runs a drill; gives back the exit code.
pub(crate) async fn run(options: DrillOptions) -> Result<u8> {
    let format = options.format;
    let finished = rehearse(options).await;
    match (&finished, format) {
        (Ok(Some(finished)), Format::Json) => display::json_line(&json!({
            "event": "verdict",
            "verdict": finished.record.verdict,
            "exit_code": finished.exit_code,
            "report": finished.report,
        })),
        (Err(error), Format::Json) => display::json_line(&json!({
            "event": "verdict",
            "verdict": "undecided",
            "exit_code": error.kind().exit_code(),
            "report": null,
            "error": error.chain(),
        })),
        (Ok(Some(finished)), Format::Human) => summary::print(finished),
        (Ok(None) | Err(_), _) => {}
    }
    let Some(finished) = finished? else { return Ok(0) };
    let interrupted = |error: &Error| error.kind() == ErrorKind::Interrupted;
    if let Some(stopped) = finished.stopped.filter(|error| !interrupted(error)) {
        display::error(&stopped);
    }
    Ok(finished.exit_code)
}

/// Plans and runs; nothing comes back from a dry run.
async fn rehearse(options: DrillOptions) -> Result<Option<Finished>> {
    let config = Config::load(&options.stack.stack)?;
    let request = Request {
        stack_dir: options.stack.stack,
        method: options.method,
        disaster: options.disaster,
        scale: options.stack.scale,
        seed: options.stack.seed,
    };
    let mut drill = Drill::new(request, config)?;
    drill.compose = options.stack.compose;
    drill.report_base = options.report;
    drill.keep = options.keep;
    if options.dry_run {
        display::plan(&drill.plan, options.format);
        return Ok(None);
    }
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, options.format));
    let finished = drill.run(&events, interrupt::token()).await;
    // The display ends with the last sender.
    drop(events);
    let _ = shown.await;
    finished.map(Some)
}
