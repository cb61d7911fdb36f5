//! Several drills in one table: what each method costs and what it brings back.

use std::io::{self, Write};

use harness::drill::Finished;
use harness::model::artefact::Manifest;
use harness::model::phase::Phase;
use harness::model::record::Record;

/// Prints a line for each drill on standard output. Whoever stopped reading is not served.
pub(crate) fn print(ended: &[Finished]) {
    let mut out = anstream::stdout().lock();
    let _ = write(&mut out, ended);
}

fn write(out: &mut impl Write, ended: &[Finished]) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<18} {:<11} {:<10} {:>9} {:>12} {:>9} {:>9} {:>9}  data loss",
        "method", "profile", "verdict", "backup", "artefact", "restore", "boot", "recovery"
    )?;
    for Finished { record, .. } in ended {
        let size = record.artefact.as_ref().map(Manifest::size);
        let size = size.map_or_else(String::new, |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
        writeln!(
            out,
            "{:<18} {:<11} {:<10} {:>9} {size:>12} {:>9} {:>9} {:>9}  {}",
            record.method,
            record.profile,
            record.verdict.name(),
            spent(record, &[Phase::Backup]),
            spent(record, &[Phase::Restore]),
            spent(record, &[Phase::Boot, Phase::Green]),
            seconds(record.timings.recovery_time_s),
            seconds(record.timings.data_loss_s),
        )?;
    }
    Ok(())
}

/// The time of some phases together; nothing if none of them ran.
fn spent(record: &Record, phases: &[Phase]) -> String {
    let timings = record.timings.phases.iter().filter(|timing| phases.contains(&timing.name));
    let spent = timings.map(|timing| timing.seconds).collect::<Vec<_>>();
    seconds((!spent.is_empty()).then(|| spent.iter().sum()))
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_owned(), |value| format!("{value:.1} s"))
}
