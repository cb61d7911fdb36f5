//! Values that decide by themselves whether a key can be sealed, a file per concept.

pub(super) mod files;
pub(super) mod mounts;
pub(super) mod namespaces;
pub(super) mod powers;

use serde_json::Value;

use super::judgement::Judgement;

/// Keeps a list (or a single text) of which every entry is allowed; names the first that is not.
fn every(value: &Value, why: &'static str, is_allowed: impl Fn(&str) -> bool) -> Judgement {
    let entries = match value {
        Value::Array(entries) => entries.as_slice(),
        single => std::slice::from_ref(single),
    };
    match entries.iter().find(|entry| !entry.as_str().is_some_and(&is_allowed)) {
        Some(refused) => Judgement::Refuse(shown(refused), why),
        None => Judgement::Keep,
    }
}

/// Names of a mapping, or of a list of `NAME=value`.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(entries) => entries.keys().map(String::as_str).collect(),
        Value::Array(entries) => {
            let entries = entries.iter().filter_map(Value::as_str);
            entries.map(|entry| entry.split_once('=').map_or(entry, |(name, _)| name)).collect()
        }
        _ => Vec::new(),
    }
}

/// Keeps a mapping of which every name is allowed; names the first that is not.
fn every_name(value: &Value, why: &'static str, is_allowed: impl Fn(&str) -> bool) -> Judgement {
    match names(value).into_iter().find(|name| !is_allowed(name)) {
        Some(refused) => Judgement::Refuse(refused.to_owned(), why),
        None if value.is_object() || value.is_array() => Judgement::Keep,
        None => Judgement::Refuse(shown(value), "it is no mapping"),
    }
}

/// A value as a person would write it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
