//! What a step must see, and the judgement of what was seen. Pure.
//!
//! The first expectation that does not hold is named, with what was expected and what was
//! seen. A body that was not read to its end proves nothing about its content.

use std::fmt::Write as _;

use reqwest::header::HeaderName;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::connection::Observation;
use super::excerpt;
use super::fault::Fault;
use super::secrets::{Secrets, sounds_secret};
use super::template::{JsonTemplate, Template, Variables, scalar_text};
use crate::model::observed::OldTlsAnswer;

/// Expectations with their templates parsed, in the order in which they are judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectations(pub(super) Vec<Expectation>);

#[derive(Debug, Clone)]
pub(super) enum Expectation {
    Status(Vec<StatusRange>),
    ExitCode(i32),
    Refused(bool),
    HeaderIs(HeaderName, Template),
    HeaderContains(HeaderName, Template),
    HeaderAbsent(HeaderName),
    ContentType(Vec<Template>),
    Contains(Template),
    Lacks(Template),
    JsonIs(String, JsonTemplate),
    JsonExists(String),
    JsonNotNull(String),
    Sha256(Template),
    Blake3(Template),
    Size(Template),
}

/// Statuses from `first` to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusRange {
    pub(super) first: u16,
    pub(super) last: u16,
}

impl StatusRange {
    fn holds(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }

    fn name(self) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}xx", self.first / 100)
        }
    }
}

impl Expectations {
    pub(super) fn judge(&self, view: View<'_>) -> Result<(), Fault> {
        self.0.iter().try_for_each(|expectation| expectation.judge(view))
    }
}

impl Expectation {
    fn judge(&self, view: View<'_>) -> Result<(), Fault> {
        if let (true, Some(bytes)) = (self.needs_whole_body(), view.seen.cut_at) {
            return Err(Fault::unknown(format!(
                "the body has more than {bytes} bytes, of which probes read no more"
            )));
        }
        let body = &view.seen.body;
        match self {
            Self::Status(accepted) => view.status(accepted),
            Self::ExitCode(expected) => view.exit_code(*expected),
            Self::Refused(expected) => view.refused(*expected),
            Self::HeaderIs(name, value) => view.header_is(name, &view.text(value)?),
            Self::HeaderContains(name, part) => view.header_contains(name, &view.text(part)?),
            Self::HeaderAbsent(name) => view.header_absent(name),
            Self::ContentType(accepted) => {
                let accepted = accepted.iter().map(|name| view.text(name));
                view.content_type(&accepted.collect::<Result<Vec<_>, _>>()?)
            }
            Self::Contains(part) => view.contains(&view.text(part)?),
            Self::Lacks(part) => view.lacks(&view.text(part)?),
            Self::JsonIs(pointer, value) => view.json_is(pointer, value),
            Self::JsonExists(pointer) => view.at(pointer).map(drop),
            Self::JsonNotNull(pointer) => match view.at(pointer)? {
                Value::Null => refute(format!("a value at {pointer}"), "null"),
                _ => Ok(()),
            },
            Self::Sha256(expected) => view.hash("SHA-256", &view.text(expected)?, &sha256(body)),
            Self::Blake3(expected) => {
                view.hash("BLAKE3", &view.text(expected)?, &blake3::hash(body).to_hex())
            }
            Self::Size(expected) => view.size(&view.text(expected)?),
        }
    }

    fn needs_whole_body(&self) -> bool {
        matches!(
            self,
            Self::Contains(_)
                | Self::Lacks(_)
                | Self::JsonIs(..)
                | Self::JsonExists(_)
                | Self::JsonNotNull(_)
                | Self::Sha256(_)
                | Self::Blake3(_)
                | Self::Size(_)
        )
    }
}

/// SHA-256, lowercase hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn refute(expected: impl AsRef<str>, seen: impl AsRef<str>) -> Result<(), Fault> {
    Err(Fault::refuted(format!("expected {}, got {}", expected.as_ref(), seen.as_ref())))
}

/// What was seen, with what is needed to judge it and to speak of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) seen: &'a Observation,
    pub(super) variables: &'a Variables,
    pub(super) secrets: &'a Secrets,
}

impl View<'_> {
    fn text(&self, template: &Template) -> Result<String, Fault> {
        template.render(self.variables).map_err(|name| Fault::without_value(&name))
    }

    fn status(&self, accepted: &[StatusRange]) -> Result<(), Fault> {
        let Some(status) = self.seen.status else {
            return Err(Fault::unknown("there is no status to judge"));
        };
        if accepted.iter().any(|range| range.holds(status)) {
            return Ok(());
        }
        let names: Vec<String> = accepted.iter().map(|range| range.name()).collect();
        refute(format!("status {}", names.join(" or ")), self.with_excerpt(&status.to_string()))
    }

    fn exit_code(&self, expected: i32) -> Result<(), Fault> {
        let wanted = format!("exit code {expected}");
        match self.seen.exit_code {
            Some(code) if code == expected => Ok(()),
            Some(code) => refute(wanted, self.with_excerpt(&code.to_string())),
            None => refute(wanted, "a command ended by a signal"),
        }
    }

    fn refused(&self, expected: bool) -> Result<(), Fault> {
        let wanted = if expected { "a refusal" } else { "a handshake" };
        match self.seen.handshake {
            None => Err(Fault::unknown("there is no handshake to judge")),
            Some(answer) if answer.is_refusal() == expected && answer != OldTlsAnswer::NotTls => {
                Ok(())
            }
            Some(answer) => refute(wanted, answer.in_words()),
        }
    }

    fn header_values(&self, name: &HeaderName) -> Vec<String> {
        let values = self.seen.headers.get_all(name);
        values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    fn header_is(&self, name: &HeaderName, expected: &str) -> Result<(), Fault> {
        let wanted = format!("header {name} {}", self.quoted(name, expected));
        match self.header_values(name).as_slice() {
            [] => refute(wanted, "no such header"),
            [value] if value == expected => Ok(()),
            [value] => refute(wanted, self.quoted(name, value)),
            values => refute(format!("{wanted} once"), format!("{} of them", values.len())),
        }
    }

    fn header_contains(&self, name: &HeaderName, part: &str) -> Result<(), Fault> {
        let values = self.header_values(name);
        if values.iter().any(|value| value.contains(part)) {
            return Ok(());
        }
        let found = values.first().map(|value| self.quoted(name, value));
        let found = found.unwrap_or_else(|| "no such header".to_owned());
        refute(format!("{} in header {name}", self.quoted(name, part)), found)
    }

    fn header_absent(&self, name: &HeaderName) -> Result<(), Fault> {
        match self.header_values(name).first() {
            None => Ok(()),
            Some(value) => refute(format!("no header {name}"), self.quoted(name, value)),
        }
    }

    fn content_type(&self, accepted: &[String]) -> Result<(), Fault> {
        let found = excerpt::media_type(self.seen);
        let holds = |name: &String| found.is_some_and(|found| found.eq_ignore_ascii_case(name));
        if accepted.iter().any(holds) {
            return Ok(());
        }
        refute(format!("content type {}", accepted.join(" or ")), found.unwrap_or("none"))
    }

    fn contains(&self, part: &str) -> Result<(), Fault> {
        if self.body_has(part) {
            return Ok(());
        }
        let part = excerpt::of_text(part, self.secrets);
        refute(format!("a body with \"{part}\""), self.body_in_words())
    }

    fn lacks(&self, part: &str) -> Result<(), Fault> {
        if !self.body_has(part) {
            return Ok(());
        }
        let part = excerpt::of_text(part, self.secrets);
        refute(format!("a body without \"{part}\""), "one that has it")
    }

    fn body_has(&self, part: &str) -> bool {
        memchr::memmem::find(&self.seen.body, part.as_bytes()).is_some()
    }

    fn json_is(&self, pointer: &str, expected: &JsonTemplate) -> Result<(), Fault> {
        let wanted = expected.render(self.variables).map_err(|name| Fault::without_value(&name))?;
        let found = self.at(pointer)?;
        // A fact is text, whatever type it has in the service: "12" stands for 12.
        let same_text = matches!(expected, JsonTemplate::Text(template) if !template.is_literal())
            && !found.is_null()
            && scalar_text(&found) == scalar_text(&wanted);
        if same_text || equal(&wanted, &found) {
            return Ok(());
        }
        if sounds_secret(pointer) {
            return refute(format!("another value at {pointer}"), "one that is not shown");
        }
        let (wanted, found) =
            (excerpt::of_value(&wanted, self.secrets), excerpt::of_value(&found, self.secrets));
        refute(format!("{wanted} at {pointer}"), found)
    }

    /// The JSON value at a pointer (RFC 6901).
    pub(super) fn at(&self, pointer: &str) -> Result<Value, Fault> {
        let Ok(body) = serde_json::from_slice::<Value>(&self.seen.body) else {
            let found = self.body_in_words();
            return Err(Fault::refuted(format!("expected JSON, got {found}")));
        };
        body.pointer(pointer).cloned().ok_or_else(|| {
            let found = excerpt::of_value(&body, self.secrets);
            Fault::refuted(format!("expected a value at {pointer}, got {found}"))
        })
    }

    fn hash(&self, kind: &str, expected: &str, found: &str) -> Result<(), Fault> {
        if found.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        let bytes = self.seen.body.len();
        refute(format!("{kind} {expected}"), format!("{found} over {bytes} bytes"))
    }

    fn size(&self, expected: &str) -> Result<(), Fault> {
        let Ok(size) = expected.parse::<usize>() else {
            return Err(Fault::unknown(format!("\"{expected}\" is no size in bytes")));
        };
        if self.seen.body.len() == size {
            return Ok(());
        }
        refute(format!("{size} bytes"), self.seen.body.len().to_string())
    }

    /// A header's value for a message; not that of headers that carry credentials.
    fn quoted(&self, name: &HeaderName, value: &str) -> String {
        if sounds_secret(name.as_str()) {
            return "a value that is not shown".to_owned();
        }
        format!("\"{}\"", excerpt::of_text(value, self.secrets))
    }

    fn with_excerpt(&self, head: &str) -> String {
        match excerpt::of(self.seen, self.secrets).as_str() {
            "" => head.to_owned(),
            quoted => format!("{head}: {quoted}"),
        }
    }

    fn body_in_words(&self) -> String {
        match excerpt::of(self.seen, self.secrets).as_str() {
            "" => format!("a body of {} bytes", self.seen.body.len()),
            quoted => quoted.to_owned(),
        }
    }
}

/// Equality of JSON values, where 1 and 1.0 are one number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || ((left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}
