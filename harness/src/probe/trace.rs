//! What a probe did, step by step: evidence without secrets, cookies or bodies.

use serde::{Deserialize, Serialize};

use crate::model::check::Outcome;

/// The steps of one probe, as far as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeTrace {
    /// The check's id, `probe.<id>`.
    pub id: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Duration of the journey, in milliseconds.
    pub millis: u64,
    /// The steps that ran.
    pub steps: Vec<StepTrace>,
}

/// One step, and its last attempt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTrace {
    /// `GET /api/health/` or `exec backend: python manage.py …`, secrets replaced by names.
    pub action: String,
    /// Status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Exit code of the command.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    /// How often it was tried.
    pub attempts: u32,
    /// Duration of all attempts, in milliseconds.
    pub millis: u64,
    /// The expectation that did not hold, or why it could not be found out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
}
