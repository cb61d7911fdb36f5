//! A finding or a divergence that the operator lives with, for a reason that is written down.

use std::fmt;

use glob::Pattern;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::divergence::{Divergence, DivergenceKind};
use super::finding::Place;

/// A decision of the operator's about findings, or about divergences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Accept {
    /// Id of the finding: `headers.value`. Empty where divergences are meant.
    #[serde(default)]
    pub id: String,
    /// Kind of the divergence: `table`. Absent where findings are meant.
    #[serde(default)]
    pub kind: Option<DivergenceKind>,
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
        self.kind.is_none() && self.id == id && self.is_like(subject)
    }

    /// Whether a divergence is meant.
    #[must_use]
    pub fn means_divergence(&self, found: &Divergence) -> bool {
        self.kind == Some(found.kind) && self.is_like(&found.subject)
    }

    fn is_like(&self, subject: &str) -> bool {
        let like = |pattern: &String| Pattern::new(pattern).is_ok_and(|it| it.matches(subject));
        self.subject.as_ref().is_none_or(like)
    }
}

/// `the acceptance of "headers.value"`, with its subject and its place where it has them.
impl fmt::Display for Accept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) => write!(formatter, "the acceptance of kind {}", kind.name())?,
            None => write!(formatter, "the acceptance of {:?}", self.id)?,
        }
        if let Some(subject) = &self.subject {
            write!(formatter, ", subject {subject:?}")?;
        }
        match &self.place {
            Some(Place { file, line: Some(line) }) => write!(formatter, " ({file}:{line})"),
            _ => Ok(()),
        }
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
