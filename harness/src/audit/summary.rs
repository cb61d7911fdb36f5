//! What was observed and judged of a mode, condensed into its record. Nothing that changes from
//! one run to the next is in it: no instants, no random keys, no measured times.

use std::collections::BTreeSet;

use super::cookies::Cookie;
use super::coverage;
use super::django;
use super::headers::{HeaderRule, Policy};
use super::hosts;
use crate::model::audit::{
    CookieRecord, DjangoRecord, HeaderRecord, HostRecord, ModeRecord, TlsRecord, VisitRecord,
};
use crate::model::django::Facts;
use crate::model::finding::Finding;
use crate::model::mode::Mode;
use crate::model::observed::OldTlsAnswer;
use crate::model::observed::{Exchange, Observed, Tls, Visit};

/// Settings that a document shows.
const SHOWN: [&str; 15] = [
    "DEBUG",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_CONTENT_TYPE_NOSNIFF",
    "SECURE_REFERRER_POLICY",
    "X_FRAME_OPTIONS",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "CSRF_COOKIE_SECURE",
    "CSRF_COOKIE_HTTPONLY",
    "CSRF_COOKIE_SAMESITE",
];

/// The record of a mode.
#[must_use]
pub fn of(observed: &Observed, policy: &Policy, findings: &[Finding]) -> ModeRecord {
    let answers = answers(observed);
    let statuses = observed.exchanges.iter().map(|exchange| exchange.answer.status);
    ModeRecord {
        mode: observed.mode,
        target: format!("{}://{}", observed.mode.scheme(), observed.host),
        answers: observed.exchanges.len() + observed.hosts.len(),
        statuses: statuses.collect::<BTreeSet<_>>().into_iter().collect(),
        unseen: coverage::unseen(observed),
        headers: policy
            .rules(observed.mode == Mode::Tls)
            .map(|rule| header(rule, &answers))
            .collect(),
        cookies: cookies(&answers),
        hosts: observed.hosts.iter().map(|case| host(observed, &case.id)).collect(),
        login: observed.login.as_ref().map(|login| login.statuses.clone()).unwrap_or_default(),
        tls: observed.tls.as_ref().map(tls),
        django: observed.django.as_ref().map(django),
        visits: observed.visits.iter().map(|visit| self::visit(observed, visit)).collect(),
        grade: None,
        findings: findings.to_vec(),
    }
}

/// The answers of the mode itself: over TLS, what plain HTTP says is not among them.
fn answers(observed: &Observed) -> Vec<&Exchange> {
    let tls = observed.mode == Mode::Tls;
    observed.exchanges.iter().filter(|exchange| exchange.over_tls == tls).collect()
}

fn header(rule: &HeaderRule, answers: &[&Exchange]) -> HeaderRecord {
    let lines = answers.iter().map(|exchange| exchange.answer.values(&rule.name));
    let values = lines.clone().flatten().map(str::to_owned).collect::<BTreeSet<_>>();
    HeaderRecord {
        name: rule.name.clone(),
        requirement: rule.requirement.clone(),
        absent: rule.absent,
        on: lines.filter(|values| values.len() == 1).count(),
        of: answers.len(),
        values: values.into_iter().collect(),
    }
}

fn cookies(answers: &[&Exchange]) -> Vec<CookieRecord> {
    let lines = answers.iter().flat_map(|exchange| exchange.answer.values("Set-Cookie"));
    let set = lines.map(Cookie::parse).filter(|cookie| !cookie.is_removal());
    let kinds = set
        .map(|cookie| CookieRecord { name: cookie.name.to_owned(), attributes: cookie.undated() });
    kinds.collect::<BTreeSet<_>>().into_iter().collect()
}

fn host(observed: &Observed, id: &str) -> HostRecord {
    let case = observed.hosts.iter().find(|case| case.id == id);
    let bad = hosts::judge(observed).iter().any(|found| found.id == format!("hosts.{id}"));
    HostRecord {
        id: id.to_owned(),
        right: case.map(|case| case.right.clone()).unwrap_or_default(),
        status: case.and_then(|case| case.answer.as_ref()).map(|answer| answer.status),
        good: !bad,
    }
}

fn visit(observed: &Observed, visit: &Visit) -> VisitRecord {
    let path = visit
        .url
        .split_once("://")
        .map_or(visit.url.as_str(), |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    VisitRecord {
        id: visit.id.clone(),
        path: path.to_owned(),
        reached: visit.stuck.is_none(),
        violations: visit.violations.len(),
        complaints: visit.complaints.len(),
        screenshot: format!("{}-{}.png", observed.mode.scheme(), visit.id),
    }
}

fn tls(seen: &Tls) -> TlsRecord {
    let old = seen.old.iter();
    let old = old.map(|(name, came)| (*name, matches!(came, Ok(OldTlsAnswer::Accepted(_)))));
    let modern = seen.modern.iter().map(|(name, came)| (*name, came.is_ok()));
    let versions = old.chain(modern).collect::<Vec<_>>();
    let named = |wanted: bool| {
        let some = versions.iter().filter(move |(_, accepted)| *accepted == wanted);
        some.map(|(name, _)| (*name).to_owned()).collect()
    };
    TlsRecord {
        accepted: named(true),
        refused: named(false),
        names: seen.chain.first().map(|own| own.names.clone()).unwrap_or_default(),
    }
}

fn django(facts: &Facts) -> DjangoRecord {
    let complaints = facts.messages.iter().map(|message| message.id.clone());
    let shown = SHOWN.iter().filter_map(|name| {
        let value = facts.setting(name)?;
        Some(((*name).to_owned(), value.to_string()))
    });
    DjangoRecord {
        version: facts.version.clone(),
        module: facts.module.clone(),
        checks_run: facts.checks_run.len(),
        complaints: complaints.collect::<BTreeSet<_>>().into_iter().collect(),
        silenced: facts.silenced.clone(),
        middleware: facts.middleware.clone(),
        apps: facts.apps.clone(),
        allowed_hosts: facts.texts("ALLOWED_HOSTS").into_iter().map(str::to_owned).collect(),
        strong_key: django::strong(&facts.secret_key),
        settings: shown.collect(),
    }
}
