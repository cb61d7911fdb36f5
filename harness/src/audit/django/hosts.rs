//! Which hosts Django believes in, and the two variables that say so (FR-6): the base settings
//! read `ALLOWED_HOSTS`, those of production `DJANGO_ALLOWED_HOSTS`.

use super::Draft;
use crate::model::django::Facts;
use crate::model::finding::{Priority, Status};

const HOSTS: &str = "ALLOWED_HOSTS";
const BASE: &str = "ALLOWED_HOSTS";
const PRODUCTION: &str = "DJANGO_ALLOWED_HOSTS";

pub(super) fn judge(facts: &Facts) -> Vec<Draft> {
    wildcard(facts).into_iter().chain(variables(facts)).collect()
}

fn wildcard(facts: &Facts) -> Option<Draft> {
    let wide = |host: &&str| matches!(host.trim(), "*" | ".") || host.starts_with('*');
    let entries = facts.texts(HOSTS).into_iter().filter(wide).collect::<Vec<_>>();
    let detail = format!("ALLOWED_HOSTS has {entries:?}; check --deploy says nothing about it");
    (!entries.is_empty())
        .then(|| Draft::new("django.hosts.wildcard", HOSTS, detail).at(HOSTS, None))
}

fn variables(facts: &Facts) -> Option<Draft> {
    let variable = |name: &str| -> Option<Vec<&str>> {
        let value = facts.environment.get(name)?;
        let hosts = value.split(',').map(str::trim).filter(|host| !host.is_empty());
        Some(hosts.collect::<Vec<_>>()).filter(|hosts| !hosts.is_empty())
    };
    let production = facts.environment.get("DJANGO_ENV").is_some_and(|kind| kind == "production");
    let (read, ignored) = if production { (PRODUCTION, BASE) } else { (BASE, PRODUCTION) };
    let draft = |priority, at: &'static str, detail: String| {
        let draft = Draft::new("django.hosts.variables", read, detail).at(HOSTS, None);
        Some(draft.read_from(at).priority(priority))
    };
    match (variable(read), variable(ignored)) {
        (Some(read_hosts), Some(ignored_hosts)) if read_hosts != ignored_hosts => draft(
            Priority::P2,
            ignored,
            format!("{ignored} names other hosts, {ignored_hosts:?}, and is not read"),
        ),
        (None, Some(_)) => {
            let detail = format!("{ignored} alone is set, which these settings do not read");
            draft(Priority::P1, ignored, detail)
        }
        // As it should be, and said all the same: whoever starts the other settings in this
        // environment gets their default.
        (Some(_), None) if production => {
            let reason = "production reads it; only the development settings would read the other";
            let draft = draft(Priority::P3, read, format!("{read} alone is set"))?;
            Some(draft.status(Status::Accepted(reason.to_owned())))
        }
        _ => None,
    }
}
