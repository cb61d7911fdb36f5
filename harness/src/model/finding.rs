//! Findings: judged observations of an audit, each with its evidence, its place and its remedy.
//! What a probe expected and did not see is a [`Check`](super::check::Check), not a finding.

use serde::{Deserialize, Serialize};

/// How urgent a finding is (FR-1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// Critical: exploitable as it stands, or data are at risk. None may stay open.
    P0,
    /// High: a protection that the requirements demand is absent or contradicted.
    P1,
    /// Medium: a second line of defence is absent.
    P2,
    /// Low: untidy, or an information for the operator.
    P3,
}

/// What came of a finding (FR-1.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "status", content = "reason", rename_all = "lowercase")]
pub enum Status {
    /// It holds, and something must be done.
    Open,
    /// It holds on paper, and something else was seen to cover it: the text says what.
    Resolved(String),
    /// It holds, and is meant to: the text says why.
    Accepted(String),
}

/// A line of a file of the stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Path below the stack's folder, or inside the container where the stack has no such file.
    pub file: String,
    /// Line, counted from 1; absent where the whole file is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// An operator's decision that a finding may stay: an `[[accept]]` of `drill.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The last day on which it may: `2027-01-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A judged observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name of the rule, such as `headers.duplicate` or `django.security.W008`.
    pub id: String,
    /// The requirement it offends, such as `FR-2.2`.
    pub requirement: String,
    /// How urgent it is.
    pub priority: Priority,
    /// What came of it.
    #[serde(flatten)]
    pub status: Status,
    /// What the rule is about, in one line.
    pub title: String,
    /// What it was found on: a route with method and status, a cookie, a setting.
    pub subject: String,
    /// What was seen.
    pub detail: String,
    /// Where it is caused, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to do about it.
    pub remedy: String,
    /// The remedy as a unified diff against the stack's folder, where it is mechanical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// The operator's decision by which it is accepted, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Raw lines that show it. No secret is among them.
    pub evidence: Vec<String>,
}

impl Finding {
    /// Whether something must still be done about it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// How long an operator's decision holds, as part of a sentence; empty without an end.
    #[must_use]
    pub fn until(&self) -> String {
        let until = self.decision.as_ref().and_then(|decision| decision.until.as_ref());
        until.map(|until| format!(" until {until}")).unwrap_or_default()
    }
}
