//! From the grammar to journeys that can run: templates parsed, names known, combinations
//! that make no sense refused. After this, a run meets no configuration error.

use std::collections::BTreeSet;

use reqwest::header::HeaderName;

use super::check_id;
use super::scope::{Place, Scope, with_nearest};
use super::step::{Step, compile_steps};
use super::template::Variables;
use crate::config::probe::{Csrf, Probe, Severity, When};
use crate::error::{Error, Result};

/// More steps than this are not one journey.
const STEPS_MAX: usize = 64;

/// A probe ready to run.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "keys of the grammar, each on its own")]
pub(super) struct Journey {
    pub(super) check_id: String,
    pub(super) requirement: String,
    pub(super) severity: Severity,
    pub(super) when: Option<When>,
    pub(super) writes: bool,
    pub(super) beside: bool,
    pub(super) session: bool,
    pub(super) certificate: bool,
    pub(super) health: bool,
    pub(super) csrf: Option<CsrfHeader>,
    pub(super) steps: Vec<Step>,
    /// Names it uses that the drill provides but whose value is not known in this run.
    pub(super) unknown_values: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct CsrfHeader {
    pub(super) cookie: String,
    pub(super) header: HeaderName,
}

/// Checks the configuration of all probes. `variables` holds every name that a drill
/// provides; values are not needed.
///
/// # Errors
/// A usage error that names the probe, the step and what is wrong there.
pub fn validate(probes: &[Probe], variables: &Variables) -> Result<()> {
    compile(probes, variables).map(drop)
}

pub(super) fn compile(probes: &[Probe], variables: &Variables) -> Result<Vec<Journey>> {
    let mut ids = BTreeSet::new();
    if let Some(twice) = probes.iter().find(|probe| !ids.insert(probe.id.as_str())) {
        return Err(Error::usage(format!("two probes have the id \"{}\"", twice.id))
            .hint("reports name a probe by its id: give each its own"));
    }
    probes.iter().map(|probe| compile_probe(probe, probes, variables)).collect()
}

fn compile_probe(probe: &Probe, all: &[Probe], variables: &Variables) -> Result<Journey> {
    let place = Place { probe: &probe.id, step: None };
    check_texts(probe, place)?;

    let mut scope = Scope::new(variables);
    let mut steps = Vec::new();
    let mut csrf = None;
    for part in with_beginnings(probe, all)? {
        csrf = part.csrf.as_ref().or(csrf);
        for (number, step) in (1..).zip(&part.steps) {
            let place = Place { probe: &part.id, step: Some(number) };
            let label = if part.id == probe.id {
                format!("step {number}")
            } else {
                format!("step {number} of {}", part.id)
            };
            steps.extend(compile_steps(step, &label, place, &mut scope)?);
        }
    }
    if probe.steps.is_empty() {
        return Err(place.usage("has no step").hint("add a [[probe.step]] with request or exec"));
    }
    if steps.len() > STEPS_MAX {
        return Err(
            place.usage(format!("has {} steps; at most {STEPS_MAX} are one journey", steps.len()))
        );
    }
    let changes = steps.iter().any(|step| !step.is_read_only());
    if changes && !probe.writes {
        return Err(place
            .usage("has a command or a request that is no GET, HEAD or OPTIONS, and does not say that it writes")
            .hint("add writes = true; such probes run in a sandbox only"));
    }
    if probe.session && !probe.writes {
        return Err(place
            .usage("logs in, and does not say that it writes")
            .hint("add writes = true"));
    }
    if probe.beside && !probe.writes {
        return Err(place
            .usage("may run beside what writes, and does not say that it writes itself")
            .hint("leave out beside: probes that only read run beside each other anyway"));
    }
    if probe.writes && probe.health {
        return Err(place.usage("writes, so it cannot be a health probe"));
    }
    Ok(Journey {
        check_id: check_id(probe),
        requirement: probe.requirement.clone(),
        severity: probe.severity,
        when: probe.when,
        writes: probe.writes,
        beside: probe.beside,
        session: probe.session,
        certificate: probe.certificate,
        health: probe.health,
        csrf: csrf.map(|csrf| compile_csrf(csrf, place)).transpose()?,
        steps,
        unknown_values: scope.unknown_values.into_iter().collect(),
    })
}

fn check_texts(probe: &Probe, place: Place<'_>) -> Result<()> {
    let plain =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if probe.id.is_empty() || !probe.id.chars().all(plain) {
        return Err(place
            .usage("has an id that is no id")
            .hint("an id consists of lowercase letters, digits, \".\", \"-\" and \"_\""));
    }
    if probe.requirement.trim().is_empty() {
        return Err(place.usage("names no requirement"));
    }
    if probe.title.trim().is_empty() {
        return Err(place.usage("has no title"));
    }
    Ok(())
}

/// The probes whose steps make up the journey: what it begins with, first.
fn with_beginnings<'a>(probe: &'a Probe, all: &'a [Probe]) -> Result<Vec<&'a Probe>> {
    let mut parts = vec![probe];
    while let Some(wanted) = &parts[0].begin_with {
        let place = Place { probe: &parts[0].id, step: None };
        let Some(beginning) = all.iter().find(|other| other.id == *wanted) else {
            let ids = all.iter().map(|other| other.id.as_str());
            return Err(with_nearest(
                place.usage(format!("begins with \"{wanted}\", which is no probe")),
                wanted,
                ids,
            ));
        };
        if parts.iter().any(|part| part.id == beginning.id) {
            return Err(place.usage(format!("begins with \"{wanted}\", which begins with it")));
        }
        parts.insert(0, beginning);
    }
    Ok(parts)
}

fn compile_csrf(csrf: &Csrf, place: Place<'_>) -> Result<CsrfHeader> {
    let header = place.header_name(&csrf.header)?;
    Ok(CsrfHeader { cookie: csrf.cookie.clone(), header })
}
