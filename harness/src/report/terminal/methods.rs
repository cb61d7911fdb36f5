//! Several drills in one table: what each method costs and what it brings back.

use crate::model::artefact::Manifest;
use crate::model::phase::Phase;
use crate::model::record::Record;

/// A line for each record. Times are seconds, the artefact's size megabytes: units would cost the
/// columns that the figures need.
#[must_use]
pub fn methods(records: &[&Record]) -> String {
    let head = ["", "verdict", "backup", "artefact", "restore", "boot", "recovery", "loss"];
    let several = records.iter().any(|record| record.profile != records[0].profile);
    let rows = records.iter().map(|record| cells(record, several));
    let rows = std::iter::once(head.map(str::to_owned)).chain(rows).collect::<Vec<_>>();
    let widths = (0..head.len()).map(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let widths = widths.collect::<Vec<_>>();
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            // Words begin where figures end.
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join(" ") + "\n"
    };
    let table = rows.iter().map(line).collect::<String>();
    format!("\n{table}seconds; the artefact in MB\n")
}

fn cells(record: &Record, with_profile: bool) -> [String; 8] {
    let size = record.artefact.as_ref().map(Manifest::size);
    let profile = if with_profile { format!(" {}", record.profile) } else { String::new() };
    [
        format!("{}{profile}", record.method),
        record.verdict.name().to_owned(),
        figure(spent(record, &[Phase::Backup])),
        figure(size.map(|bytes| bytes as f64 / 1e6)),
        figure(spent(record, &[Phase::Restore])),
        figure(spent(record, &[Phase::Boot, Phase::Green])),
        figure(record.timings.recovery_time_s),
        figure(record.timings.data_loss_s),
    ]
}

/// The time of some phases together; nothing if none of them ran.
fn spent(record: &Record, phases: &[Phase]) -> Option<f64> {
    let timings = record.timings.phases.iter().filter(|timing| phases.contains(&timing.name));
    let spent = timings.map(|timing| timing.seconds).collect::<Vec<_>>();
    (!spent.is_empty()).then(|| spent.iter().sum())
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_owned(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The record of a real run, without the commands that it ran.
    const PASSED: &str = include_str!("../../../tests/records/passed.json");

    #[test]
    fn the_longest_method_under_both_profiles_fits_80_columns() {
        let record = |name: &str, profile: &str| {
            let mut record = serde_json::from_str::<Record>(PASSED).expect("a record");
            name.clone_into(&mut record.method);
            record.profile = serde_json::from_value(profile.into()).expect("a profile");
            record
        };
        let records = [record("pg-dump-parallel", "production"), record("shell", "tuned")];
        let table = methods(&records.iter().collect::<Vec<_>>());
        let lines = table.lines().collect::<Vec<_>>();
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{table}");
        assert!(lines[2].starts_with("pg-dump-parallel production passed "), "{table}");
        // The times of a run are its own, and the size that its manifest has.
        assert!(lines[3].starts_with("shell tuned") && lines[3].contains(" 21.8 "), "{table}");
        let alike = methods(&records[..1].iter().collect::<Vec<_>>());
        assert!(!alike.contains("production"), "{alike}");
    }
}
