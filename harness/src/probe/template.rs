//! `{{name}}` in strings, and the values that names stand for. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::secrets::sounds_secret;

/// Names that templates may use, and their values as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    value: Option<Value>,
    secret: bool,
}

impl Variables {
    /// No names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A name that a drill provides, without its value: enough to validate templates.
    pub fn declare(&mut self, name: impl Into<String>) {
        self.entries.entry(name.into()).or_insert(Entry { value: None, secret: false });
    }

    /// A name and its value, which is secret if the name speaks of a password, token or secret.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let name = name.into();
        let secret = sounds_secret(&name);
        self.entries.insert(name, Entry { value: Some(value.into()), secret });
    }

    /// A name and a value that must not be shown: messages and traces have `<name>` instead.
    pub fn set_secret(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.entries.insert(name.into(), Entry { value: Some(value.into()), secret: true });
    }

    /// Whether the name may be used.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.entries.get(name).and_then(|entry| entry.value.as_ref())
    }

    /// Names and values of what must not be shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (String, String)> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.secret)
            .filter_map(|(name, entry)| Some((name.clone(), scalar_text(entry.value.as_ref()?))))
    }

    fn is_secret(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.secret)
    }
}

/// A value as it stands inside a text.
pub(super) fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A string with `{{name}}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

impl Template {
    /// Parses; the error says what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err(format!("\"{text}\" opens {{{{ and never closes it"));
            };
            let name = name.trim();
            if name.is_empty() {
                return Err(format!("\"{text}\" has {{{{}}}} without a name in it"));
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Name(name.to_owned()));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The names it uses.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Whether it uses no name.
    pub(super) fn is_literal(&self) -> bool {
        self.names().next().is_none()
    }

    /// The text; the error is the first name without a value.
    pub(crate) fn render(&self, variables: &Variables) -> Result<String, String> {
        self.render_with(variables, |_, value| scalar_text(value))
    }

    /// The text of a path and query, with inserted values escaped where they would end it.
    pub(super) fn render_path(&self, variables: &Variables) -> Result<String, String> {
        self.render_with(variables, |_, value| {
            scalar_text(value).replace('%', "%25").replace('?', "%3F").replace('#', "%23")
        })
    }

    /// The text as it may be shown: `<name>` instead of a secret.
    pub(super) fn render_shown(&self, variables: &Variables) -> Result<String, String> {
        self.render_with(variables, |name, value| {
            if variables.is_secret(name) { format!("<{name}>") } else { scalar_text(value) }
        })
    }

    /// The value. A template that is one name keeps the type of what it stands for.
    pub(super) fn render_value(&self, variables: &Variables) -> Result<Value, String> {
        match self.parts.as_slice() {
            [Part::Name(name)] => variables.value(name).cloned().ok_or_else(|| name.clone()),
            _ => self.render(variables).map(Value::String),
        }
    }

    fn render_with(
        &self,
        variables: &Variables,
        text_of: impl Fn(&str, &Value) -> String,
    ) -> Result<String, String> {
        self.parts.iter().try_fold(String::new(), |mut text, part| {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Name(name) => {
                    text.push_str(&text_of(
                        name,
                        variables.value(name).ok_or_else(|| name.clone())?,
                    ));
                }
            }
            Ok(text)
        })
    }
}

/// JSON whose strings are templates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonTemplate {
    Leaf(Value),
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => Self::Text(Template::parse(text)?),
            Value::Array(values) => {
                Self::List(values.iter().map(Self::parse).collect::<Result<_, _>>()?)
            }
            Value::Object(entries) if entries.contains_key(TOML_DATETIME) => {
                return Err("a date without quotes is no JSON; put it in quotes".to_owned());
            }
            Value::Object(entries) => Self::Object(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Self::parse(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => Self::Leaf(other.clone()),
        })
    }

    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Leaf(_) => Vec::new(),
            Self::Text(template) => template.names().collect(),
            Self::List(values) => values.iter().flat_map(Self::names).collect(),
            Self::Object(entries) => entries.iter().flat_map(|(_, value)| value.names()).collect(),
        }
    }

    pub(crate) fn render(&self, variables: &Variables) -> Result<Value, String> {
        Ok(match self {
            Self::Leaf(value) => value.clone(),
            Self::Text(template) => template.render_value(variables)?,
            Self::List(values) => Value::Array(
                values.iter().map(|value| value.render(variables)).collect::<Result<_, _>>()?,
            ),
            Self::Object(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), value.render(variables)?)))
                    .collect::<Result<_, String>>()?,
            ),
        })
    }
}

/// How the `toml` crate hands a date to a type that knows no dates.
const TOML_DATETIME: &str = "$__toml_private_datetime";
