//! The two tables: what each of Django's own checks means (`checks.toml`), and the rules that are
//! ours (`rules.toml`). Data; the priority of a check depends on the mode.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::finding::Priority;
use crate::model::mode::Mode;

/// What is different over plain HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverHttp {
    /// How urgent it is there.
    pub priority: Priority,
    /// Why it may stay.
    pub accepted: Option<String>,
    /// The same in French.
    pub accepted_fr: Option<String>,
}

/// What some of Django's checks mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Their ids.
    pub ids: Vec<String>,
    /// The requirement they serve.
    pub requirement: String,
    /// How urgent it is if one of them complains.
    pub priority: Priority,
    /// Why.
    pub reason: String,
    /// Why, in French.
    pub fr: String,
    /// What to do.
    pub remedy: String,
    /// What to do, in French, in Markdown.
    pub remedy_fr: String,
    /// The setting that decides it.
    pub setting: Option<String>,
    /// What the wire can show that covers it.
    pub covered: Option<String>,
    /// What is different over plain HTTP.
    pub http: Option<OverHttp>,
}

impl Check {
    /// How urgent it is in a mode.
    #[must_use]
    pub fn priority(&self, mode: Mode) -> Priority {
        match (&self.http, mode) {
            (Some(http), Mode::Http) => http.priority,
            _ => self.priority,
        }
    }

    /// Why it may stay in a mode, if it may.
    #[must_use]
    pub fn accepted(&self, mode: Mode) -> Option<&str> {
        let http = self.http.as_ref().filter(|_| mode == Mode::Http)?;
        http.accepted.as_deref()
    }
}

/// A rule of ours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its id: `django.hosts.wildcard`.
    pub id: String,
    /// The requirement it serves.
    pub requirement: String,
    /// How urgent it is.
    pub priority: Priority,
    /// What it is about.
    pub title: String,
    /// What it is about, in French.
    pub fr: String,
    /// What to do.
    pub remedy: String,
    /// What to do, in French, in Markdown.
    pub remedy_fr: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checks {
    check: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<Rule>,
}

static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| {
    toml::from_str::<Checks>(include_str!("checks.toml")).expect("checks.toml is valid").check
});

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    toml::from_str::<Rules>(include_str!("rules.toml")).expect("rules.toml is valid").rule
});

/// What a check of Django's means; absent for an id that nobody has classified.
#[must_use]
pub fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.ids.iter().any(|known| known == id))
}

/// A rule of ours by its id.
///
/// # Panics
/// When the table lacks a rule that the code applies, which the tests rule out.
#[must_use]
pub fn rule(id: &str) -> &'static Rule {
    let found = RULES.iter().find(|rule| rule.id == id);
    found.unwrap_or_else(|| panic!("rules.toml has no rule {id:?}"))
}

/// What a check or a rule means and what to do about it, in French, by its id.
#[must_use]
pub fn in_french(id: &str) -> Option<(&'static str, &'static str)> {
    let own = RULES.iter().find(|rule| rule.id == id);
    let own = own.map(|rule| (rule.fr.as_str(), rule.remedy_fr.as_str()));
    let check = || check(id.strip_prefix("django.")?);
    own.or_else(|| check().map(|check| (check.fr.as_str(), check.remedy_fr.as_str())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KNOWN: &str = include_str!("../../../tests/vectors/django-check-ids.txt");

    #[test]
    fn every_id_of_django_4_2_and_5_2_is_classified() {
        let ids = KNOWN.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
        assert!(ids.len() >= 300, "{}", ids.len());
        let missing = ids.iter().filter(|id| check(id).is_none()).collect::<Vec<_>>();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(check("security.W026").is_none());
    }

    #[test]
    fn no_id_is_classified_twice() {
        let mut seen = BTreeSet::new();
        let twice = CHECKS.iter().flat_map(|check| &check.ids).filter(|id| !seen.insert(*id));
        assert_eq!(twice.collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn what_https_alone_can_remedy_is_accepted_over_http_with_a_reason() {
        for id in ["security.W004", "security.W008", "security.W012", "security.W016"] {
            let check = check(id).expect("classified");
            assert_eq!(check.priority(Mode::Tls), Priority::P1, "{id}");
            assert_eq!(check.accepted(Mode::Tls), None, "{id}");
            assert!(check.accepted(Mode::Http).is_some(), "{id}");
        }
        let debug = check("security.W018").expect("classified");
        assert_eq!(debug.priority(Mode::Http), Priority::P0);
    }
}
