//! The end of a drill on a terminal: what its record shows, where the rest is, and what was left
//! running.

use std::path::Path;

use harness::drill::Finished;
use harness::report::terminal;

use crate::called;

/// Prints the summary on standard output.
pub(crate) fn print(finished: &Finished) {
    super::text(&terminal::summary(&finished.record));
    place(&finished.report);
    if let Some(kept) = &finished.kept {
        let (run, services) = (&finished.record.run_id, kept.stack.services().join(", "));
        super::text(&called::said(&format!(
            "kept       {services}\n\
             look       docker ps --filter label=dr-drill.run={run}\n\
             remove     cargo xtask down {run}\n"
        )));
    }
}

/// Says where the record is.
pub(crate) fn place(report: &Path) {
    super::text(&format!("report     {}\n", report.display()));
}
