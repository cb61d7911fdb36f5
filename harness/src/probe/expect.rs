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
use super::template::{JsonTemplate, Template, Variables, scalar_text, sounds_secret};

/// Expectations with their templates parsed, in the order in which they are judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectations(pub(super) Vec<Expectation>);

#[derive(Debug, Clone)]
pub(super) enum Expectation {
    Status(Vec<StatusRange>),
    ExitCode(i32),
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
    pub(super) fn judge(&self, seen: &Observation, variables: &Variables) -> Result<(), Fault> {
        self.0.iter().try_for_each(|expectation| expectation.judge(seen, variables))
    }
}

impl Expectation {
    fn judge(&self, seen: &Observation, variables: &Variables) -> Result<(), Fault> {
        if let (true, Some(bytes)) = (self.needs_whole_body(), seen.cut_at) {
            return Err(Fault::unknown(format!(
                "the body has more than {bytes} bytes, of which probes read no more"
            )));
        }
        let text = |template: &Template| {
            template.render(variables).map_err(|name| Fault::without_value(&name))
        };
        match self {
            Self::Status(accepted) => judge_status(accepted, seen),
            Self::ExitCode(expected) => judge_exit_code(*expected, seen),
            Self::HeaderIs(name, value) => judge_header_is(name, &text(value)?, seen),
            Self::HeaderContains(name, part) => judge_header_contains(name, &text(part)?, seen),
            Self::HeaderAbsent(name) => match header_values(name, seen).first() {
                None => Ok(()),
                Some(value) => {
                    refute(format!("no header {name}"), format!("\"{}\"", shown(name, value)))
                }
            },
            Self::ContentType(accepted) => {
                let accepted: Vec<String> = accepted.iter().map(text).collect::<Result<_, _>>()?;
                judge_content_type(&accepted, seen)
            }
            Self::Contains(part) => judge_contains(&text(part)?, seen),
            Self::Lacks(part) => judge_lacks(&text(part)?, seen),
            Self::JsonIs(pointer, value) => judge_json(pointer, value, seen, variables),
            Self::JsonExists(pointer) => at(pointer, seen).map(drop),
            Self::JsonNotNull(pointer) => match at(pointer, seen)? {
                Value::Null => refute(format!("a value at {pointer}"), "null"),
                _ => Ok(()),
            },
            Self::Sha256(expected) => {
                let hash = sha256(&seen.body);
                judge_hash("SHA-256", &text(expected)?, &hash, seen)
            }
            Self::Blake3(expected) => {
                let hash = blake3::hash(&seen.body).to_hex();
                judge_hash("BLAKE3", &text(expected)?, &hash, seen)
            }
            Self::Size(expected) => judge_size(&text(expected)?, seen),
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

fn judge_status(accepted: &[StatusRange], seen: &Observation) -> Result<(), Fault> {
    let Some(status) = seen.status else {
        return Err(Fault::unknown("there is no status to judge"));
    };
    if accepted.iter().any(|range| range.holds(status)) {
        return Ok(());
    }
    let names: Vec<String> = accepted.iter().map(|range| range.name()).collect();
    refute(format!("status {}", names.join(" or ")), with_excerpt(&status.to_string(), seen))
}

fn judge_exit_code(expected: i32, seen: &Observation) -> Result<(), Fault> {
    match seen.exit_code {
        Some(code) if code == expected => Ok(()),
        Some(code) => {
            refute(format!("exit code {expected}"), with_excerpt(&code.to_string(), seen))
        }
        None => refute(format!("exit code {expected}"), "a command ended by a signal"),
    }
}

fn with_excerpt(head: &str, seen: &Observation) -> String {
    let quoted = excerpt::of(seen);
    if quoted.is_empty() { head.to_owned() } else { format!("{head}: {quoted}") }
}

fn header_values(name: &HeaderName, seen: &Observation) -> Vec<String> {
    let values = seen.headers.get_all(name);
    values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// A header's value for a message; not that of headers that carry credentials.
fn shown(name: &HeaderName, value: &str) -> String {
    if sounds_secret(name.as_str()) { "<redacted>".to_owned() } else { excerpt::shorten(value) }
}

fn judge_header_is(name: &HeaderName, expected: &str, seen: &Observation) -> Result<(), Fault> {
    let wanted = format!("header {name} \"{}\"", shown(name, expected));
    match header_values(name, seen).as_slice() {
        [] => refute(wanted, "no such header"),
        [value] if value == expected => Ok(()),
        [value] => refute(wanted, format!("\"{}\"", shown(name, value))),
        values => refute(format!("{wanted} once"), format!("{} of them", values.len())),
    }
}

fn judge_header_contains(name: &HeaderName, part: &str, seen: &Observation) -> Result<(), Fault> {
    let values = header_values(name, seen);
    if values.iter().any(|value| value.contains(part)) {
        return Ok(());
    }
    let wanted = format!("\"{}\" in header {name}", shown(name, part));
    match values.first() {
        None => refute(wanted, "no such header"),
        Some(value) => refute(wanted, format!("\"{}\"", shown(name, value))),
    }
}

fn judge_content_type(accepted: &[String], seen: &Observation) -> Result<(), Fault> {
    let found = excerpt::media_type(seen);
    if accepted.iter().any(|name| found.is_some_and(|found| found.eq_ignore_ascii_case(name))) {
        return Ok(());
    }
    refute(format!("content type {}", accepted.join(" or ")), found.unwrap_or("none"))
}

fn judge_contains(part: &str, seen: &Observation) -> Result<(), Fault> {
    if body_contains(seen, part) {
        return Ok(());
    }
    refute(format!("a body with \"{}\"", excerpt::shorten(part)), body_in_words(seen))
}

fn judge_lacks(part: &str, seen: &Observation) -> Result<(), Fault> {
    if !body_contains(seen, part) {
        return Ok(());
    }
    refute(format!("a body without \"{}\"", excerpt::shorten(part)), "one that has it")
}

fn body_contains(seen: &Observation, part: &str) -> bool {
    part.is_empty() || seen.body.windows(part.len()).any(|window| window == part.as_bytes())
}

fn body_in_words(seen: &Observation) -> String {
    let quoted = excerpt::of(seen);
    if quoted.is_empty() { format!("a body of {} bytes", seen.body.len()) } else { quoted }
}

fn judge_json(
    pointer: &str,
    expected: &JsonTemplate,
    seen: &Observation,
    variables: &Variables,
) -> Result<(), Fault> {
    let wanted = expected.render(variables).map_err(|name| Fault::without_value(&name))?;
    let found = at(pointer, seen)?;
    // A fact is text, whatever type it has in the service: "12" stands for 12.
    let same_text = matches!(expected, JsonTemplate::Text(template) if !template.is_literal())
        && !found.is_null()
        && scalar_text(&found) == scalar_text(&wanted);
    if same_text || equal(&wanted, &found) {
        return Ok(());
    }
    let (wanted, got) = if sounds_secret(pointer) {
        ("the expected value".to_owned(), "another".to_owned())
    } else {
        (excerpt::of_value(&wanted), excerpt::of_value(&found))
    };
    refute(format!("{wanted} at {pointer}"), got)
}

/// Equality of JSON values, where 1 and 1.0 are one number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64().is_some_and(|left| right.as_f64() == Some(left))
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

/// The JSON value at a pointer (RFC 6901).
pub(super) fn at(pointer: &str, seen: &Observation) -> Result<Value, Fault> {
    let body: Value = serde_json::from_slice(&seen.body)
        .map_err(|_| Fault::refuted(format!("expected JSON, got {}", body_in_words(seen))))?;
    body.pointer(pointer).cloned().ok_or_else(|| {
        Fault::refuted(format!("expected a value at {pointer}, got {}", excerpt::of_value(&body)))
    })
}

fn judge_hash(kind: &str, expected: &str, found: &str, seen: &Observation) -> Result<(), Fault> {
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    refute(format!("{kind} {expected}"), format!("{found} over {} bytes", seen.body.len()))
}

fn judge_size(expected: &str, seen: &Observation) -> Result<(), Fault> {
    let Ok(size) = expected.parse::<usize>() else {
        return Err(Fault::unknown(format!("\"{expected}\" is no size in bytes")));
    };
    if seen.body.len() == size {
        return Ok(());
    }
    refute(format!("{size} bytes"), seen.body.len().to_string())
}
