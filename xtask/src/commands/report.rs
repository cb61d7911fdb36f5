//! `report`: a run once more, from its record alone. It ends as the run did.

use std::fs;

use harness::drill;
use harness::error::Attempt;
use harness::model::record::Record;
use harness::report::{junit, stored, terminal};
use harness::{Error, Result};
use serde_json::json;

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
    match format {
        Format::Human => display::text(&rendered(&record, options.rendering)?),
        Format::Json => display::json_line(&as_json(&record, options.rendering)?),
    }
    if (options.rendering, format) == (Rendering::Terminal, Format::Human) {
        summary::place(&path);
    }
    Ok(Ending::of(record.verdict).reasons(record.reasons).report(path))
}

fn rendered(record: &Record, rendering: Rendering) -> Result<String> {
    match rendering {
        Rendering::Terminal => Ok(terminal::summary(record)),
        Rendering::Junit => junit::drills([record]),
        Rendering::Json => {
            let text = serde_json::to_string_pretty(record);
            text.map(|text| text + "\n").attempt(|| "cannot write the record")
        }
    }
}

/// Programs get a record as it is, and any other rendering as a text.
fn as_json(record: &Record, rendering: Rendering) -> Result<serde_json::Value> {
    if rendering == Rendering::Json {
        return Ok(json!({ "event": "record", "record": record }));
    }
    let text = rendered(record, rendering)?;
    let text = anstream::adapter::strip_str(&text).to_string();
    Ok(json!({ "event": "rendered", "text": text }))
}
