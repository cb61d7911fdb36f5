//! The audit of Django's configuration (FR-1): what its own checks say, classified by a table,
//! held against what the wire shows; and rules of ours on what they do not see. Pure.

mod hosts;
mod middleware;
mod place;
mod settings;
pub mod table;
#[cfg(test)]
mod tests;
mod wire;

use crate::model::django::{Facts, KeyStrength, Message};
use crate::model::finding::{Finding, Priority, Status};
use crate::model::observed::Observed;

/// A finding of ours before its rule and its place are looked up.
#[derive(Debug, Clone)]
struct Draft {
    rule: &'static str,
    subject: String,
    detail: String,
    setting: Option<String>,
    entry: Option<String>,
    variable: Option<&'static str>,
    priority: Option<Priority>,
    status: Status,
    evidence: Vec<String>,
}

impl Draft {
    fn new(rule: &'static str, subject: &str, detail: String) -> Self {
        Self {
            rule,
            subject: subject.to_owned(),
            detail,
            setting: None,
            entry: None,
            variable: None,
            priority: None,
            status: Status::Open,
            evidence: Vec::new(),
        }
    }

    /// The setting that decides it, and the entry of its list.
    fn at(mut self, setting: &str, entry: Option<&str>) -> Self {
        self.setting = Some(setting.to_owned());
        self.entry = entry.map(str::to_owned);
        self
    }

    /// The variable of the environment that decides it.
    fn read_from(mut self, variable: &'static str) -> Self {
        self.variable = Some(variable);
        self
    }

    fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Something else was seen to cover it.
    fn covered(mut self, coverage: Option<wire::Coverage>) -> Self {
        if let Some(coverage) = coverage {
            self.status = Status::Resolved(coverage.text);
            self.priority = Some(Priority::P3);
            self.evidence.extend(coverage.evidence);
        }
        self
    }

    fn finding(self, observed: &Observed, facts: &Facts) -> Finding {
        let rule = table::rule(self.rule);
        let place = |setting: &str| place::of(observed, facts, setting, self.entry.as_deref());
        let given = self.variable.and_then(|name| observed.given.get(name).cloned());
        Finding {
            id: rule.id.clone(),
            requirement: rule.requirement.clone(),
            priority: self.priority.unwrap_or(rule.priority),
            status: self.status,
            title: rule.title.clone(),
            subject: format!("{} ({})", self.subject, observed.mode.scheme()),
            detail: self.detail,
            place: given.or_else(|| self.setting.as_deref().and_then(place)),
            remedy: rule.remedy.clone(),
            patch: None,
            decision: None,
            evidence: self.evidence,
        }
    }
}

/// Judges what Django said of itself. Nothing, where nobody asked it.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    let Some(facts) = &observed.django else { return Vec::new() };
    let drafts = middleware::judge(facts);
    let drafts = drafts.into_iter().chain(hosts::judge(facts));
    let drafts = drafts.chain(settings::judge(observed, facts)).chain(silenced(facts));
    let own = drafts.map(|draft| draft.finding(observed, facts));
    facts.messages.iter().map(|message| said(observed, facts, message)).chain(own).collect()
}

/// Whether a key is as strong as the rules ask.
pub(super) fn strong(key: &KeyStrength) -> bool {
    settings::weakness(key).is_none()
}

/// What one of Django's checks said.
fn said(observed: &Observed, facts: &Facts, message: &Message) -> Finding {
    let Some(check) = table::check(&message.id) else {
        return unclassified(observed, facts, message);
    };
    let accepted = check.accepted(observed.mode).map(str::to_owned);
    let covered = match (&accepted, &check.covered) {
        (None, Some(what)) => wire::covers(observed, facts, what),
        _ => None,
    };
    let priority = check.priority(observed.mode);
    let mut detail = check.reason.clone();
    let mut evidence = vec![format!("{}: {}", message.id, message.message)];
    let (priority, status) = match (accepted, covered) {
        (Some(reason), _) => (priority, Status::Accepted(reason)),
        (None, Some(coverage)) => {
            detail = format!("{detail}; {priority:?} if it were not covered");
            evidence.extend(coverage.evidence);
            (Priority::P3, Status::Resolved(coverage.text))
        }
        (None, None) => (priority, Status::Open),
    };
    let setting = check.setting.as_deref();
    let object = if message.object.is_empty() { "the project" } else { &message.object };
    Finding {
        id: format!("django.{}", message.id),
        requirement: check.requirement.clone(),
        priority,
        status,
        title: format!("Django's check {}", message.id),
        subject: format!("{} ({})", setting.unwrap_or(object), observed.mode.scheme()),
        detail,
        place: setting.and_then(|setting| place::of(observed, facts, setting, None)),
        remedy: check.remedy.clone(),
        patch: None,
        decision: None,
        evidence,
    }
}

/// Nobody decided what it means: it must not be lost.
fn unclassified(observed: &Observed, facts: &Facts, message: &Message) -> Finding {
    let id = if message.id.is_empty() { "a check without id" } else { &message.id };
    let weight = if message.is_error() { "manage.py refuses to run" } else { "a warning" };
    let detail = format!("{} ({weight})", message.message);
    let mut draft = Draft::new("django.unclassified", id, detail);
    draft.evidence = [&message.hint, &message.object]
        .into_iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    draft.finding(observed, facts)
}

/// A silenced check is told whether it complains or not: it will say nothing the day it matters.
fn silenced(facts: &Facts) -> Vec<Draft> {
    let drafts = facts.silenced.iter().map(|id| {
        let said = facts.messages.iter().find(|message| message.silenced && message.id == *id);
        let detail = match said {
            Some(message) => format!("it would say: {}", message.message),
            None => "it would say nothing at the moment".to_owned(),
        };
        let draft =
            Draft::new("django.silenced", id, detail).at("SILENCED_SYSTEM_CHECKS", Some(id));
        if said.is_some() { draft } else { draft.priority(Priority::P2) }
    });
    drafts.collect()
}
