//! A short look at what was seen, without what a person must not see. Pure.
//!
//! Of HTML only the title is shown, since forms carry tokens; of JSON the values under
//! names that speak of secrets are replaced; of anything that is not text only the size.

use serde_json::Value;

use super::connection::Observation;
use super::secrets::{Secrets, sounds_secret};

/// Longer excerpts are cut here.
const EXCERPT_MAX_CHARS: usize = 160;

/// Secrets are looked for in no more than this: many times what an excerpt shows.
const LOOKED_AT_MAX_CHARS: usize = 16 * 1024;

/// A quotation of the body for a message, or its size; empty for an empty body.
pub(super) fn of(observation: &Observation, secrets: &Secrets) -> String {
    let body = &observation.body;
    if body.is_empty() {
        return String::new();
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return format!(
            "{} bytes of {}",
            body.len(),
            media_type(observation).unwrap_or("no media type")
        );
    };
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return of_value(&value, secrets);
    }
    match media_type(observation) {
        Some("text/html") => title(text).map(|title| of_text(title, secrets)).unwrap_or_default(),
        Some("application/json") => format!("{} bytes that are no JSON", body.len()),
        _ => of_text(text, secrets),
    }
}

/// A JSON value in one short line.
pub(super) fn of_value(value: &Value, secrets: &Secrets) -> String {
    of_text(&without_secrets(value).to_string(), secrets)
}

/// A text in one short line.
pub(super) fn of_text(text: &str, secrets: &Secrets) -> String {
    let end = text.char_indices().nth(LOOKED_AT_MAX_CHARS).map_or(text.len(), |(end, _)| end);
    shorten(&secrets.hide(&text[..end]))
}

/// The answer's media type without parameters.
pub(super) fn media_type(observation: &Observation) -> Option<&str> {
    let value = observation.headers.get(reqwest::header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| {
                let shown = if sounds_secret(key) && !value.is_null() {
                    Value::String("<redacted>".to_owned())
                } else {
                    without_secrets(value)
                };
                (key.clone(), shown)
            })
            .collect(),
        Value::Array(values) => values.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

fn title(html: &str) -> Option<&str> {
    let (_, after) = html.split_once("<title>")?;
    after.split_once("</title>").map(|(title, _)| title)
}

/// One line, of bounded length, without control characters.
fn shorten(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if let Some((cut, _)) = line.char_indices().nth(EXCERPT_MAX_CHARS) {
            line.truncate(cut);
            line.push('…');
            break;
        }
    }
    line
}
