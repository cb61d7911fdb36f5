//! `retention`: what of a folder of artefacts a policy lets go. Deletes nothing unless told to.

use std::io::Write;

use harness::Result;
use harness::backup::retention::Reason;
use harness::backup::shelf::{self, Shelved};
use jiff::Timestamp;
use serde_json::json;

use super::interrupt;
use crate::display;
use crate::ending::Ending;
use crate::flags::{Format, RetentionOptions};

/// Evaluates the policy, and with `--delete` applies it.
pub(crate) async fn run(options: RetentionOptions, format: Format) -> Result<Ending> {
    let found = interrupt::blocking(format, move |_| {
        let found = shelf::examine(&options.dir, &options.policy, Timestamp::now())?;
        if options.delete {
            found.iter().filter(|it| it.stays.is_none()).try_for_each(shelf::delete)?;
        }
        Ok((found, options.delete))
    });
    let (found, deleted) = found.await?;
    match format {
        Format::Json => found.iter().for_each(|it| display::json_line(&as_json(it, deleted))),
        // Whoever stopped reading is not served.
        Format::Human => drop(print(&found, deleted)),
    }
    Ok(Ending::done())
}

fn as_json(it: &Shelved, deleted: bool) -> serde_json::Value {
    json!({
        "event": "artefact",
        "name": it.candidate.name,
        "method": it.method,
        "taken_at": it.candidate.taken_at,
        "bytes": it.size,
        "damage": it.damage,
        "stays": it.stays.map(Reason::words),
        "deleted": deleted && it.stays.is_none(),
    })
}

fn print(found: &[Shelved], deleted: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    let goes = if deleted { "deleted" } else { "may go" };
    for it in found {
        let (what, why) = match it.stays {
            Some(reason) => ("stays", reason.words()),
            None => (goes, ""),
        };
        let damage =
            it.damage.first().map_or_else(String::new, |first| format!("; DAMAGED: {first}"));
        let (name, taken_at) = (&it.candidate.name, it.candidate.taken_at);
        writeln!(out, "{what:<8} {taken_at:.0} {:<12} {name}  {why}{damage}", it.method)?;
    }
    let going = found.iter().filter(|it| it.stays.is_none());
    let (count, bytes) = going.fold((0, 0), |(count, bytes), it| (count + 1, bytes + it.size));
    writeln!(out, "{count} of {} artefacts, {bytes} bytes: {goes}", found.len())?;
    if count > 0 && !deleted {
        writeln!(out, "nothing was deleted; --delete does")?;
    }
    Ok(())
}
