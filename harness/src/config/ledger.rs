//! `[ledger]`: the acknowledged writes of a drill. Without a request, a heartbeat table of
//! the tool's own in the sandbox's database serves.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::probe::Probe;
use super::probe::{Expect, OneOrMany, Severity, Step};
use crate::error::{Error, Result};

/// Id of the journey that writes, as messages about its configuration have it.
pub const LEDGER_JOURNEY: &str = "ledger";

/// Name that the write's templates use for the key of each write.
pub const LEDGER_KEY: &str = "ledger.key";

/// More than this measures the service's throughput, not its backup.
const RATE_MAX_PER_S: u32 = 1000;

/// The acknowledged writes of a drill.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LedgerConfig {
    /// Whether a ledger is kept.
    pub enabled: bool,
    /// Writes a second, one at a time: a slow service is written to less often.
    pub rate_per_s: u32,
    /// Id of the probe whose steps sign in.
    pub begin_with: Option<String>,
    /// Method and path of the write. Absent: the heartbeat table.
    pub request: Option<String>,
    /// JSON to send.
    pub json: Option<Value>,
    /// Form fields to send.
    pub form: BTreeMap<String, String>,
    /// What acknowledges the write.
    pub expect: Expect,
    /// SQL that gives the keys that are there, as text in its first column.
    pub lookup: Option<String>,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            rate_per_s: 10,
            begin_with: None,
            request: None,
            json: None,
            form: BTreeMap::new(),
            expect: Expect::default(),
            lookup: None,
        }
    }
}

impl LedgerConfig {
    /// The write as a probe, if it goes through the application: signing in, then the write.
    #[must_use]
    pub fn journey(&self) -> Option<Probe> {
        let write = Step {
            request: Some(OneOrMany::One(self.request.clone()?)),
            json: self.json.clone(),
            form: self.form.clone(),
            expect: self.expect.clone(),
            ..Step::default()
        };
        Some(Probe {
            id: LEDGER_JOURNEY.to_owned(),
            requirement: "H-2".to_owned(),
            title: "a write is acknowledged".to_owned(),
            severity: Severity::default(),
            when: None,
            writes: true,
            beside: false,
            session: false,
            certificate: false,
            health: false,
            begin_with: self.begin_with.clone(),
            csrf: None,
            steps: vec![write],
        })
    }

    /// Refuses what makes no sense together.
    pub(crate) fn validate(&self) -> Result<()> {
        let wrong = |what: &str, hint: &str| Err(Error::usage(what).hint(hint));
        if !(1..=RATE_MAX_PER_S).contains(&self.rate_per_s) {
            let what = format!("[ledger] rate_per_s is {}", self.rate_per_s);
            return wrong(&what, &format!("it must be 1 to {RATE_MAX_PER_S} writes a second"));
        }
        match (&self.request, &self.lookup) {
            (Some(_), None) => wrong(
                "[ledger] has a request and no lookup",
                "add lookup, a SELECT that gives the keys that are there",
            ),
            (None, Some(_)) => wrong(
                "[ledger] has a lookup and no request",
                "add the request that writes, or leave both out for a heartbeat table",
            ),
            (None, None) if self.begin_with.is_some() => wrong(
                "[ledger] signs in and has no request",
                "add the request that writes, or leave begin_with out for a heartbeat table",
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_without_a_way_to_find_it_is_refused() {
        let ledger =
            LedgerConfig { request: Some("POST /notes/".to_owned()), ..LedgerConfig::default() };
        let error = ledger.validate().expect_err("no lookup");
        assert!(error.to_string().contains("no lookup"), "{error}");
        assert!(LedgerConfig::default().validate().is_ok());
        assert!(LedgerConfig { rate_per_s: 0, ..LedgerConfig::default() }.validate().is_err());
    }
}
