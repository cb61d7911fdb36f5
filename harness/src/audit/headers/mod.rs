//! Rules on response headers: value, absence, duplicates and conflicts on every cell of the
//! matrix, each attributed to nginx or to Django and to the line that causes it.

mod blame;
mod policy;
mod value;

use std::collections::BTreeMap;

pub use policy::{HeaderRule, Hsts, Policy, When};

use self::blame::Blame;
use super::nginx::Tree;
use crate::model::finding::{Finding, Place, Priority, Status};
use crate::model::observed::{Exchange, Observed};

/// Raw lines that a finding shows at most.
const EVIDENCE_MAX: usize = 8;

/// What is wrong with one header of one answer.
struct Offence {
    rule: &'static str,
    priority: Priority,
    requirement: String,
    header: String,
    detail: String,
    place: Option<Place>,
    remedy: String,
}

/// Judges the headers of all exchanges. What has one cause is one finding.
#[must_use]
pub fn judge(observed: &Observed, policy: &Policy) -> Vec<Finding> {
    let tree = Tree::parse(&observed.proxy);
    let mut causes: Vec<(Offence, Vec<&Exchange>)> = Vec::new();
    let mut known: BTreeMap<(String, String, Option<Place>, String), usize> = BTreeMap::new();
    for exchange in &observed.exchanges {
        let blame = Blame::new(observed, &tree, exchange);
        for offence in offences(policy, exchange, &blame) {
            let key = (
                offence.rule.to_owned(),
                offence.header.clone(),
                offence.place.clone(),
                offence.detail.clone(),
            );
            let at = *known.entry(key).or_insert(causes.len());
            if at == causes.len() {
                causes.push((offence, Vec::new()));
            }
            causes[at].1.push(exchange);
        }
    }
    causes.into_iter().map(|(offence, seen)| finding(offence, &seen)).collect()
}

fn finding(offence: Offence, seen: &[&Exchange]) -> Finding {
    let subjects = seen.iter().map(|exchange| exchange.subject()).collect::<Vec<_>>();
    let subject = match &subjects[..] {
        [only] => format!("{} on {only}", offence.header),
        [first, ..] => format!("{} on {} answers, such as {first}", offence.header, subjects.len()),
        [] => offence.header.clone(),
    };
    let lines = seen.iter().take(EVIDENCE_MAX).flat_map(|exchange| {
        let raw = exchange.answer.values(&offence.header).into_iter();
        let raw = raw.map(|value| format!("{}: {value}", offence.header)).collect::<Vec<_>>();
        let raw = if raw.is_empty() { vec![format!("no {}", offence.header)] } else { raw };
        std::iter::once(exchange.subject()).chain(raw.into_iter().map(|line| format!("  {line}")))
    });
    Finding {
        id: format!("headers.{}", offence.rule),
        requirement: offence.requirement,
        priority: offence.priority,
        status: Status::Open,
        title: title(offence.rule).to_owned(),
        subject,
        detail: offence.detail,
        place: offence.place,
        remedy: offence.remedy,
        patch: None,
        decision: None,
        evidence: lines.collect(),
    }
}

fn title(rule: &str) -> &'static str {
    match rule {
        "missing" => "a security header is not there",
        "value" => "a security header has another value than the policy's",
        "unwanted" => "a header is there that must not be",
        "duplicate" => "a security header is sent more than once",
        "conflict" => "a security header is sent more than once, with different values",
        _ => "nginx and Django would send different values",
    }
}

fn offences(policy: &Policy, exchange: &Exchange, blame: &Blame<'_>) -> Vec<Offence> {
    let mut found = Vec::new();
    for rule in policy.rules(exchange.over_tls) {
        let values = exchange.answer.values(&rule.name);
        let offend = |kind: &'static str, detail: String, place: Option<Place>| Offence {
            rule: kind,
            priority: rule.priority,
            requirement: rule.requirement.clone(),
            header: rule.name.clone(),
            detail,
            place,
            remedy: blame.remedy(kind, rule),
        };
        match values[..] {
            [] if rule.absent || rule.optional => {}
            [] => found.push(offend(
                "missing",
                blame.why_missing(&rule.name),
                blame.missing(&rule.name),
            )),
            _ if rule.absent => {
                let detail = format!("{} sends it", blame.source(&rule.name));
                found.push(offend("unwanted", detail, blame.cause(&rule.name)));
            }
            [value] => {
                if let Some(trouble) = value::trouble(rule, value, exchange.over_tls) {
                    let detail = format!("{trouble}; {} sends it", blame.source(&rule.name));
                    found.push(offend("value", detail, blame.cause(&rule.name)));
                }
            }
            [first, ..] => {
                let alike = values.iter().all(|value| value::same(&rule.name, first, value));
                let kind = if alike { "duplicate" } else { "conflict" };
                let count = values.len();
                let detail = format!("{count} lines; {} send them", blame.source(&rule.name));
                found.push(offend(kind, detail, blame.second(&rule.name)));
            }
        }
        if let Some((ours, theirs)) = blame.disagreement(&rule.name, values.first().copied()) {
            let detail = format!("nginx says {ours:?}, Django would say {theirs:?}");
            found.push(offend("disagree", detail, blame.setting(&rule.name)));
        }
    }
    found
}
