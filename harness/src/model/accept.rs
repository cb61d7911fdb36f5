//! A finding that the operator lives with, for a reason that is written down.

use glob::Pattern;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::finding::Place;

/// A decision of the operator's about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accept {
    /// Id of the finding: `headers.value`.
    pub id: String,
    /// What its subject must look like; `*` stands for any text. Default: any.
    #[serde(default)]
    pub subject: Option<String>,
    /// Why it may stay.
    pub reason: String,
    /// The last day on which it may.
    #[serde(default, deserialize_with = "day")]
    pub until: Option<Date>,
    /// Where this is written.
    #[serde(skip)]
    pub place: Option<Place>,
}

impl Accept {
    /// Whether a finding of this id and subject is meant.
    #[must_use]
    pub fn means(&self, id: &str, subject: &str) -> bool {
        let like = |pattern: &String| Pattern::new(pattern).is_ok_and(|it| it.matches(subject));
        self.id == id && self.subject.as_ref().is_none_or(like)
    }
}

/// A date of TOML's, or one in quotes.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Date>, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        other => other.to_string(),
    };
    let wrong = |_| serde::de::Error::custom(format!("{text:?} is no day: write 2027-01-31"));
    text.parse().map(Some).map_err(wrong)
}
