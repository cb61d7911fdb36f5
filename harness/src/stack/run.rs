//! The identity of a run. Everything a run creates in the engine carries its labels, and
//! nothing without them is ever stopped or deleted.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Label that names the run.
pub const LABEL_RUN: &str = "dr-drill.run";
/// Label that names the host on which the run's process lives.
pub(super) const LABEL_HOST: &str = "dr-drill.host";
/// Label that names the run's process: its id and start time.
pub(super) const LABEL_PROCESS: &str = "dr-drill.process";

/// Name of one run: `20261122t013000-4f9a2c`. Usable as a compose project name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(String);

impl RunId {
    /// A name that no other run has.
    #[must_use]
    pub fn new() -> Self {
        let clock = Timestamp::now().strftime("%Y%m%dt%H%M%S");
        let random = uuid::Uuid::new_v4().simple().to_string();
        Self(format!("{clock}-{}", &random[..6]))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The compose project of this run.
    #[must_use]
    pub fn project(&self) -> String {
        format!("dr-drill-{}", self.0)
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The labels of a run.
#[derive(Debug, Clone)]
pub struct RunLabels {
    run: RunId,
    host: String,
    process: String,
}

impl RunLabels {
    /// The labels of a run of this process.
    #[must_use]
    pub fn of(run: &RunId) -> Self {
        Self { run: run.clone(), host: host(), process: this_process() }
    }

    /// As pairs of name and value.
    #[must_use]
    pub fn pairs(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (LABEL_RUN.to_owned(), self.run.to_string()),
            (LABEL_HOST.to_owned(), self.host.clone()),
            (LABEL_PROCESS.to_owned(), self.process.clone()),
        ])
    }

    /// Host and process, a line each, as [`is_alive`] takes them.
    #[must_use]
    pub fn owner(&self) -> String {
        format!("{}\n{}", self.host, self.process)
    }

    /// As arguments of `docker run` and its like.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let pairs = self.pairs();
        pairs
            .iter()
            .flat_map(|(name, value)| ["--label".to_owned(), format!("{name}={value}")])
            .collect()
    }
}

/// Whether labels name a process of this host that is still alive. A run of another
/// host is taken to be alive: from here nobody can tell.
#[must_use]
pub fn is_alive(host_label: &str, process_label: &str) -> bool {
    host_label != host() || process_is_alive(process_label)
}

/// Whether a process of this host, as the label names it, is still alive.
pub(super) fn process_is_alive(process_label: &str) -> bool {
    let pid = process_label.split('-').next().unwrap_or_default();
    process(pid).is_some_and(|alive| alive == process_label)
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// `<pid>-<start time>` of this process, as the label has it.
pub(super) fn this_process() -> String {
    let pid = std::process::id().to_string();
    process(&pid).unwrap_or(pid)
}

/// `<pid>-<start time in clock ticks>`, since process ids are used again (proc(5), field 22).
fn process(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let started = after_name.split_whitespace().nth(19)?;
    Some(format!("{pid}-{started}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_process_is_alive_and_a_reused_id_is_not() {
        let me = this_process();
        assert!(is_alive(&host(), &me));
        let pid = std::process::id();
        assert!(!is_alive(&host(), &format!("{pid}-1")));
        assert!(!is_alive(&host(), "4194305-77"));
    }

    #[test]
    fn a_run_of_another_host_is_taken_to_be_alive() {
        assert!(is_alive("elsewhere.example", "1-1"));
    }

    #[test]
    fn run_ids_are_valid_project_names() {
        let project = RunId::new().project();
        assert!(project.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    }
}
