//! Holds a resolved configuration against the table, key by key.

use serde::Serialize;
use serde_json::{Map, Value};

use super::judgement::{Judgement, Stack};
use super::table::{self, Rule, SPECIFICATION, Section};
use crate::error::Error;

/// What became of a key that is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The copy does not have it.
    Dropped,
    /// The copy has something else.
    Changed,
}

/// A key that the copy does not have as the stack has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// `services`, `volumes`, `networks`, `configs` or `secrets`; empty for keys of the stack itself.
    pub section: String,
    /// Which of them; empty for keys of the stack itself.
    pub name: String,
    /// The key, those above it before it: `deploy.restart_policy`.
    pub key: String,
    /// What became of it.
    pub what: What,
    /// Why.
    pub reason: &'static str,
}

/// A key with which a stack cannot be sealed, as a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refused {
    /// `services`, `volumes`, `networks`, `configs` or `secrets`; empty for keys of the stack itself.
    pub section: String,
    /// Which of them; empty for keys of the stack itself.
    pub name: String,
    /// The key, those above it before it.
    pub key: String,
    /// The part of the value that is meant, and why.
    pub why: String,
}

/// A key with which the stack cannot be sealed.
#[derive(Debug)]
pub(super) struct Refusal {
    place: Place,
    /// The value, or the part of it that is meant; empty where the key says all.
    value: String,
    why: String,
    /// For a key that the table does not have: the one that may have been meant.
    unknown: Option<Unknown>,
}

/// A key that the table does not have.
#[derive(Debug)]
struct Unknown {
    nearest: Option<&'static str>,
}

/// Where the walk stands.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Where in the table.
    scope: String,
    /// Where in the file.
    path: Vec<String>,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let path = self.path.iter().cloned().chain([key.to_owned()]).collect();
        Self { scope: table::below(&self.scope, key), path }
    }

    fn named(&self, name: &str) -> Self {
        Self { scope: table::below(&self.scope, "*"), ..self.key(name) }
    }

    /// Section, name and key.
    fn parts(&self) -> (&str, &str, String) {
        match self.path.as_slice() {
            [section, name, key @ ..] if !key.is_empty() => (section, name, key.join(".")),
            path => ("", "", path.join(".")),
        }
    }
}

/// Collects what is not kept.
pub(super) struct Walk<'a> {
    stack: &'a Stack<'a>,
    pub(super) changes: Vec<Change>,
    pub(super) refusals: Vec<Refusal>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(stack: &'a Stack<'a>) -> Self {
        Self { stack, changes: Vec::new(), refusals: Vec::new() }
    }

    /// What is left of a whole configuration.
    pub(super) fn file(&mut self, config: &Value) -> Value {
        self.value(&Place::default(), config)
    }

    /// Mappings that the table knows are looked into: by their keys, by the names that they
    /// give, or through the list that they stand in. What is below anything else is a plain value.
    fn value(&mut self, place: &Place, value: &Value) -> Value {
        match value {
            Value::Object(mapping) => match table::section(&place.scope) {
                Some(section) => self.mapping(place, section, mapping),
                None if table::section(&table::below(&place.scope, "*")).is_some() => {
                    let named = mapping
                        .iter()
                        .map(|(name, value)| (name.clone(), self.value(&place.named(name), value)));
                    Value::Object(named.collect())
                }
                None => value.clone(),
            },
            Value::Array(entries) => entries.iter().map(|entry| self.value(place, entry)).collect(),
            _ => value.clone(),
        }
    }

    fn mapping(&mut self, place: &Place, section: &Section, mapping: &Map<String, Value>) -> Value {
        let mut kept = Map::new();
        for (key, value) in mapping {
            let place = place.key(key);
            let Some(group) = section.group(key) else {
                self.refuse_unknown(place, section, key);
                continue;
            };
            let judgement = match group.rule {
                Rule::Keep => Judgement::Keep,
                // What says nothing asks for nothing.
                _ if is_empty(value) => continue,
                Rule::Drop => Judgement::Drop(group.why),
                Rule::Judge(judge) => judge(value, self.stack),
                Rule::Refuse => Judgement::Refuse(String::new(), group.why),
            };
            match judgement {
                Judgement::Keep => drop(kept.insert(key.clone(), self.value(&place, value))),
                Judgement::Drop(why) => self.change(&place, What::Dropped, why),
                Judgement::Change(value, reasons) => {
                    for why in reasons {
                        self.change(&place, What::Changed, why);
                    }
                    kept.insert(key.clone(), self.value(&place, &value));
                }
                Judgement::Refuse(value, why) => {
                    self.refusals.push(Refusal {
                        place,
                        value,
                        why: why.to_owned(),
                        unknown: None,
                    });
                }
            }
        }
        Value::Object(kept)
    }

    fn change(&mut self, place: &Place, what: What, reason: &'static str) {
        let (section, name, key) = place.parts();
        let (section, name) = (section.to_owned(), name.to_owned());
        self.changes.push(Change { section, name, key, what, reason });
    }

    fn refuse_unknown(&mut self, place: Place, section: &Section, key: &str) {
        let unknown = Some(Unknown { nearest: section.nearest(key) });
        let why = format!("{SPECIFICATION} has no such key");
        self.refusals.push(Refusal { place, value: String::new(), why, unknown });
    }
}

/// One error for all that is refused: the first is named, the others are listed.
pub(super) fn error(refusals: &[Refusal]) -> Option<Error> {
    let (first, others) = refusals.split_first()?;
    let others = others.iter().map(|refusal| format!("and {}", refusal.text()));
    Some(Error::usage(first.text()).details(others).hint(first.next_step()))
}

impl Refusal {
    /// Whether the table does not have the key.
    pub(super) fn is_unknown(&self) -> bool {
        self.unknown.is_some()
    }

    /// What the operator can do about it.
    fn next_step(&self) -> String {
        let (section, name, _) = self.place.parts();
        let service = match section {
            "services" => name,
            _ => "SERVICE",
        };
        let file = "leave it out of the drill with an override file (drill.toml, [stack] files)";
        match self.unknown {
            Some(Unknown { nearest: Some(nearest) }) => format!("did you mean {nearest:?}?"),
            Some(Unknown { nearest: None }) => format!(
                "{file}, or the service with --without {service}: what it would let the copy do is not \
                known"
            ),
            None => format!("{file}, or the service with --without {service}"),
        }
    }

    pub(super) fn shown(&self) -> Refused {
        let (section, name, key) = self.place.parts();
        let why = match self.value.as_str() {
            "" => self.why.clone(),
            value => format!("{value}: {}", self.why),
        };
        Refused { section: section.to_owned(), name: name.to_owned(), key, why }
    }

    fn text(&self) -> String {
        let (section, name, key) = self.place.parts();
        let subject = match section {
            "" => "the stack".to_owned(),
            section => format!("{} {name:?}", section.trim_end_matches('s')),
        };
        let value = if self.value.is_empty() { String::new() } else { format!(" {}", self.value) };
        format!("{subject} cannot be sealed: {key}{value}: {}", self.why)
    }
}

/// Compose prints many keys that the author did not set.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}
