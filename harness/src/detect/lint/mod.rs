//! The static report: what of a stack loses data, told before anything runs. Rules over the same
//! facts as detection, a file per family; each finding says where, why, and what to do.

mod commands;
mod engine_socket;
mod mounts;
mod secrets;
mod tags;

use serde::Serialize;

use super::DatabaseFound;
use super::facts::Facts;
use super::volumes::VolumeFound;

/// Something of a stack that loses data, or that no drill can take along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// Stable name of the rule.
    pub id: &'static str,
    /// The service.
    pub service: String,
    /// The place in the configuration, and why it loses data.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

impl Warning {
    fn new(id: &'static str, service: &str, detail: String, remedy: String) -> Self {
        Self { id, service: service.to_owned(), detail, remedy }
    }
}

/// Every finding of every rule, by rule and service.
pub(super) fn all(
    facts: &Facts<'_>,
    databases: &[DatabaseFound],
    volumes: &[VolumeFound],
) -> Vec<Warning> {
    let mut warnings = mounts::of_databases(facts, databases);
    warnings.extend(mounts::shared(facts, databases));
    warnings.extend(mounts::of_others(facts, databases, volumes));
    warnings.extend(tags::floating(facts, databases, volumes));
    warnings.extend(engine_socket::held(facts));
    warnings.extend(commands::dumps(facts));
    warnings.extend(secrets::not_held(facts));
    warnings.sort();
    warnings.dedup();
    warnings
}

#[cfg(test)]
mod tests;
