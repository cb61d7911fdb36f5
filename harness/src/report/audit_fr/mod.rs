//! `docs/audit.md`: the operators' document, in French, from one record. Pure. Nothing in it
//! changes from one run to the next but the line that says when and by which runs it was made.

mod actions;
mod browser;
mod checks;
mod data;
mod overview;
mod texts;
mod wire;

use std::fmt::Write as _;

pub use self::texts::untranslated;
use crate::model::audit::AuditRecord;
use crate::model::finding::{Finding, Place, Status};

/// How the only line begins that may differ between two runs.
const MADE: &str = "> Établi le ";

/// The document.
#[must_use]
pub fn render(record: &AuditRecord) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# Audit de déploiement de Korrigo\n");
    let _ = writeln!(out, "{MADE}{} (exécutions {}).", record.made_at, record.runs.join(", "));
    let _ = writeln!(
        out,
        ">\n> Ce document est écrit par `cargo xtask audit --document docs/audit.md` à partir de \
         copies scellées de la pile `{}` ;\n> ne le modifiez pas à la main : \
         `cargo xtask audit --check docs/audit.md` échouerait en nommant la ligne.\n",
        record.stack
    );
    overview::write(&mut out, record);
    checks::write(&mut out, record);
    wire::write(&mut out, record);
    browser::write(&mut out, record);
    data::write(&mut out, record);
    actions::write(&mut out, record);
    // One blank line at most, and none at the end.
    format!("{}\n", out.trim_end())
}

/// The first line in which a committed document differs from a fresh one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its number in the committed document, counted from 1.
    pub line: usize,
    /// What is committed there; empty past its end.
    pub committed: String,
    /// What a fresh run says.
    pub fresh: String,
}

/// Compares two documents, when they were made aside.
#[must_use]
pub fn difference(committed: &str, fresh: &str) -> Option<Difference> {
    let (mut left, mut right) = (committed.lines(), fresh.lines());
    let mut line = 0;
    loop {
        line += 1;
        let pair = (left.next(), right.next());
        let alike = |one: &str, other: &str| {
            one == other || (one.starts_with(MADE) && other.starts_with(MADE))
        };
        match pair {
            (None, None) => return None,
            (Some(one), Some(other)) if alike(one, other) => {}
            (one, other) => {
                return Some(Difference {
                    line,
                    committed: one.unwrap_or_default().to_owned(),
                    fresh: other.unwrap_or_default().to_owned(),
                });
            }
        }
    }
}

/// A table of Markdown. Bars in cells are escaped; an empty table says so.
fn table(out: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let rows = rows.into_iter().collect::<Vec<_>>();
    if rows.is_empty() {
        let _ = writeln!(out, "Aucun.\n");
        return;
    }
    let line = |cells: Vec<String>| {
        let cells = cells.into_iter().map(|cell| cell.replace('|', "\\|"));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let _ = writeln!(out, "{}", line(head.iter().map(|cell| (*cell).to_owned()).collect()));
    let _ = writeln!(out, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(out, "{}", line(row));
    }
    out.push('\n');
}

/// Something literal.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

fn yes(holds: bool) -> &'static str {
    if holds { "oui" } else { "**non**" }
}

/// A place as a link from `docs/`, and as it is where it lies in a container.
fn place(record: &AuditRecord, place: Option<&Place>) -> String {
    let Some(Place { file, line }) = place else { return "—".to_owned() };
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    if file.starts_with('/') {
        return code(&format!("{file}{line}"));
    }
    format!("[`{file}{line}`](../{}/{file})", record.stack.trim_end_matches('/'))
}

/// What came of a finding, with what shows it.
fn outcome(finding: &Finding) -> String {
    match &finding.status {
        Status::Open => "**ouvert**".to_owned(),
        Status::Accepted(_) => {
            let until = finding.decision.as_ref().and_then(|decision| decision.until.as_ref());
            let until = until.map(|until| format!(" jusqu'au {until}")).unwrap_or_default();
            format!("accepté{until} : {}", texts::accepted(finding))
        }
        Status::Resolved(_) => {
            let shown = finding.evidence.iter().rev().take(1).map(|line| code(line));
            let shown = shown.collect::<Vec<_>>().join(", ");
            format!("résolu : le réseau le montre ({shown})")
        }
    }
}

#[cfg(test)]
mod tests;
