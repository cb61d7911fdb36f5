//! Policies: what headers must be like, as data. They disagree, so each run says which it follows.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::finding::Priority;

/// The policies there are, by name.
const POLICIES: [(&str, &str); 3] = [
    ("korrigo", include_str!("../policies/korrigo.toml")),
    ("owasp", include_str!("../policies/owasp.toml")),
    ("observatory", include_str!("../policies/observatory.toml")),
];

/// What headers must be like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// One a header, or one a header and mode.
    #[serde(rename = "header")]
    pub headers: Vec<HeaderRule>,
}

/// What a header must be like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderRule {
    /// The header.
    pub name: String,
    /// The requirement it serves.
    pub requirement: String,
    /// How urgent it is when it is not so.
    pub priority: Priority,
    /// Judged over such a connection only.
    #[serde(default)]
    pub when: Option<When>,
    /// It must not be there.
    #[serde(default)]
    pub absent: bool,
    /// It need not be there.
    #[serde(default)]
    pub optional: bool,
    /// One of these values, letter for letter.
    #[serde(default)]
    pub is: Vec<String>,
    /// What HSTS must say.
    #[serde(default)]
    pub hsts: Option<Hsts>,
    /// Directives of a content security policy that must be there, each with no source but these.
    #[serde(default)]
    pub csp: BTreeMap<String, Vec<String>>,
    /// Directives that must be there over TLS, and nowhere else.
    #[serde(default)]
    pub only_tls: Vec<String>,
    /// Features that must be off for everybody.
    #[serde(default)]
    pub off: Vec<String>,
}

/// A kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// TLS.
    Tls,
    /// No TLS.
    Plain,
}

/// What HSTS must say (RFC 6797).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hsts {
    /// The shortest time that will do, in seconds.
    pub max_age_s: u64,
    /// Whether subdomains must be covered.
    #[serde(default)]
    pub include_subdomains: bool,
    /// Whether it must ask to be preloaded.
    #[serde(default)]
    pub preload: bool,
}

impl Policy {
    /// A policy by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = POLICIES.iter().find(|(known, _)| *known == name)?;
        // Read by the tests of this module: it parses.
        toml::from_str(text).ok()
    }

    /// The names there are.
    pub fn names() -> impl Iterator<Item = &'static str> {
        POLICIES.iter().map(|(name, _)| *name)
    }

    /// The rules for a connection.
    pub fn rules(&self, over_tls: bool) -> impl Iterator<Item = &HeaderRule> {
        let here = if over_tls { When::Tls } else { When::Plain };
        self.headers.iter().filter(move |rule| rule.when.is_none_or(|when| when == here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_parses_and_bears_its_name() {
        for name in Policy::names() {
            assert_eq!(Policy::named(name).expect("parses").name, name);
        }
    }
}
