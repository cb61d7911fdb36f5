//! Leaves services out of a stack before anything in it is judged: they, what the others say of
//! them, and what only they used. Refuses where another cannot be without one of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::nearest::nearest;

/// What one service may share with another.
pub(super) const SHARED: [&str; 3] = ["network_mode", "ipc", "pid"];

/// The configuration without these services.
///
/// # Errors
/// Usage for a service that the stack does not have, and for one that another lives in.
pub(super) fn leave_out(config: &Value, without: &[String]) -> Result<Value> {
    let mut config = config.clone();
    if without.is_empty() {
        return Ok(config);
    }
    let before = config.clone();
    let Some(services) = config["services"].as_object_mut() else { return Ok(config) };
    if let Some(name) = without.iter().find(|name| !services.contains_key(*name)) {
        return Err(unknown(name, &before));
    }
    let gone = without.iter().map(String::as_str).collect::<BTreeSet<_>>();
    services.retain(|name, _| !gone.contains(name.as_str()));
    for (name, service) in services {
        for key in SHARED {
            let shared = service[key].as_str().and_then(|mode| mode.strip_prefix("service:"));
            if let Some(other) = shared.filter(|other| gone.contains(other)) {
                return Err(Error::usage(format!(
                    "service {name:?} cannot be sealed: {key} is that of {other:?}, which is left out"
                ))
                .hint(format!("leave it out, too: --without {name}")));
            }
        }
        forget(service, &gone);
    }
    drop_unused(&mut config, &before);
    Ok(config)
}

fn unknown(name: &str, config: &Value) -> Error {
    let services = config["services"].as_object().into_iter().flat_map(Map::keys);
    let known = services.map(String::as_str).collect::<Vec<_>>();
    let error = Error::usage(format!("the stack has no service {name:?} to be left out"));
    match nearest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint(format!("its services are: {}", known.join(", "))),
    }
}

/// Takes out what a service says of others that are gone.
fn forget(service: &mut Value, gone: &BTreeSet<&str>) {
    match &mut service["depends_on"] {
        Value::Object(services) => services.retain(|name, _| !gone.contains(name.as_str())),
        listed => retain(listed, |name| !gone.contains(name)),
    }
    retain(&mut service["links"], |link| !gone.contains(first(link)));
    retain(&mut service["volumes_from"], |from| {
        !gone.contains(first(from.strip_prefix("service:").unwrap_or(from)))
    });
    if let Some(keys) = service.as_object_mut() {
        keys.retain(|_, value| !value.is_null());
    }
}

fn first(text: &str) -> &str {
    text.split(':').next().unwrap_or(text)
}

fn retain(list: &mut Value, is_kept: impl Fn(&str) -> bool) {
    if let Some(entries) = list.as_array_mut() {
        entries.retain(|entry| entry.as_str().is_none_or(&is_kept));
    }
}

/// Takes out what is used no more: a volume that nobody mounts would never be made.
fn drop_unused(config: &mut Value, before: &Value) {
    for section in ["volumes", "configs", "secrets", "networks"] {
        let (was, is) = (used(before, section), used(config, section));
        if let Some(entries) = config[section].as_object_mut() {
            entries.retain(|name, _| is.contains(name) || !was.contains(name));
        }
    }
    if let Some(sections) = config.as_object_mut() {
        sections.retain(|_, section| !section.is_null());
    }
}

/// Names that services give to a section of the file: `a`, `a:/b`, `{ source: a }`, `{ a: … }`.
fn used(config: &Value, section: &str) -> BTreeSet<String> {
    let services = config["services"].as_object().into_iter().flat_map(Map::values);
    let names = services.flat_map(|service| match &service[section] {
        Value::Object(entries) => entries.keys().cloned().collect::<Vec<_>>(),
        Value::Array(entries) => entries
            .iter()
            .filter_map(|entry| entry.as_str().map(first).or_else(|| entry["source"].as_str()))
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    });
    names.collect()
}
