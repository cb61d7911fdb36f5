//! Dumps in commands: what a pipe hides.

use std::sync::LazyLock;

use regex::Regex;

use super::Warning;
use crate::detect::facts::Facts;

/// A dump whose output goes into another command. `||` is no pipe.
static PIPED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(pg_dump|pg_dumpall|pg_basebackup|mysqldump|mariadb-dump|mongodump)\b[^|;&]*\|[^|]",
    )
    .expect("a pattern of ours")
});

/// Services whose command takes a dump through a pipe without `pipefail`.
pub(super) fn dumps(facts: &Facts<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for service in facts.services() {
        let name = service.name;
        let jobs = service.labels().into_iter().filter(|(label, _)| label.ends_with(".command"));
        let jobs = jobs.map(|(label, command)| (format!("labels.{label}"), command));
        let said = service.said_program().map(|program| ("command".to_owned(), program));
        for (key, program) in said.into_iter().chain(jobs) {
            let Some(found) = PIPED.captures(&program).filter(|_| !program.contains("pipefail"))
            else {
                continue;
            };
            let tool = &found[1];
            warnings.push(Warning::new(
                "dump-without-pipefail",
                name,
                format!(
                    "services.{name}.{key}: {tool} writes into a pipe, and the exit code is that of the last command: a dump that breaks off leaves a file that looks like a backup"
                ),
                format!("begin with `set -o pipefail` (bash), or let {tool} compress by itself"),
            ));
        }
    }
    warnings
}
