//! Shows what happens: a live line on a terminal, plain lines elsewhere, JSON lines for
//! programs. Standard output belongs to the result, standard error to people.

mod people;
pub(crate) mod summary;

use std::io::Write;

use harness::Error;
use harness::model::event::{Event, Events};
use harness::plan::Plan;
use harness::report::terminal;
use harness::stack::isolation::Change;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::called;
use crate::flags::Format;

/// Does some work and shows its events. The last is shown before the work counts as done.
pub(crate) async fn shown<T>(format: Format, work: impl AsyncFnOnce(&Events) -> T) -> T {
    let (events, received) = Events::channel();
    let display = tokio::spawn(follow(received, format));
    let ended = work(&events).await;
    // The display ends with the last sender.
    drop(events);
    let _ = display.await;
    ended
}

/// Shows events until there are no more.
pub(crate) async fn follow(mut events: UnboundedReceiver<Event>, format: Format) {
    let mut people = people::Display::new();
    while let Some(event) = events.recv().await {
        match format {
            Format::Human => people.show(&event),
            Format::Json => json_line(&event),
        }
    }
    people.finish();
}

/// Prints a text on standard output, in colour on a terminal. Whoever stopped reading is not
/// served.
pub(crate) fn text(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a value as one line on standard output. Whoever stopped reading is not served.
pub(crate) fn json_line(value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}

/// Prints remarks for people, beside what the command is about.
pub(crate) fn aside(lines: &[String]) {
    let mut err = anstream::stderr().lock();
    for line in lines {
        let line = format!("  {}", harness::printable::printable(&called::said(line)));
        let _ = err.write_all(terminal::folded(&line).as_bytes());
    }
}

/// Prints an error as people read it: what, why, raw lines, what next.
pub(crate) fn error(error: &Error) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{red}error{red:#}: {}", error.chain());
    for line in error.detail_lines() {
        let _ = writeln!(err, "  | {line}");
    }
    if let Some(hint) = error.next_step() {
        let _ = writeln!(err, "{cyan}hint{cyan:#}: {}", called::said(hint));
    }
}

/// Prints what a drill would do and find out, and what its copy would not have.
pub(crate) fn plan(plan: &Plan, sealing: &[Change], format: Format) {
    if format == Format::Json {
        let line = serde_json::json!({ "event": "plan", "plan": plan, "sealing": sealing });
        return json_line(&line);
    }
    text(&terminal::plan(plan, sealing));
}
