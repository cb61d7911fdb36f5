//! `report`: a run once more, from its record alone. It ends as the run did.

use std::fs;

use harness::drill;
use harness::error::Attempt;
use harness::report::{junit, stored, terminal};
use harness::{Error, Result};
use serde_json::{Value, json};

use crate::display::{self, summary};
use crate::ending::Ending;
use crate::flags::{Format, Rendering, ReportOptions};

/// Renders the record of a run.
pub(crate) fn run(options: &ReportOptions, format: Format) -> Result<Ending> {
    let path = drill::report_of(&options.report, options.run.as_deref())?;
    let name = || format!("cannot render {}", path.display());
    let text = fs::read_to_string(&path).attempt(name)?;
    let record = stored::parse(&text).map_err(|cause| {
        let hint = cause.next_step().unwrap_or(
            "its evidence/ may still tell what it found; cargo xtask dr-drill runs another",
        );
        Error::undecided(name()).hint(hint.to_owned()).because(cause)
    })?;
    // As it was written: keys that are younger than it have no value that could be shown.
    let written = serde_json::from_str::<Value>(&text).attempt(name)?;
    match (options.rendering, format) {
        (Rendering::Json, Format::Human) => display::text(&format!("{written:#}\n")),
        (Rendering::Json, Format::Json) => {
            display::json_line(&json!({ "event": "record", "record": written }));
        }
        (Rendering::Terminal, _) => shown(&terminal::summary(&record), format),
        (Rendering::Junit, _) => shown(&junit::drills([&record])?, format),
    }
    if (options.rendering, format) == (Rendering::Terminal, Format::Human) {
        summary::place(&path);
    }
    Ok(Ending::of(record.verdict).reasons(record.reasons).report(path))
}

/// Programs get a text without its colours.
fn shown(text: &str, format: Format) {
    match format {
        Format::Human => display::text(text),
        Format::Json => {
            let text = anstream::adapter::strip_str(text).to_string();
            display::json_line(&json!({ "event": "rendered", "text": text }));
        }
    }
}
