//! What a content security policy blocks, as the page itself is told: the event
//! `securitypolicyviolation` (CSP3, 5.1). A listener that is in every document before its own
//! scripts hands each event to the console, which outlives the page.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::model::observed::{Complaint, Violation};

/// What such a line of the console holds before the event.
const MARK: &str = "dr-drill-policy-violation:";

/// The listener. Chromium evaluates it in every document and every frame, whatever the policy;
/// workers have events of their own, which it does not see.
pub(super) fn listener() -> String {
    format!(
        r#"(() => {{
    // The page may put its own in place of it.
    const say = console.error.bind(console);
    window.addEventListener("securitypolicyviolation", (event) => {{
        const {{ effectiveDirective, blockedURI, sourceFile, lineNumber, disposition }} = event;
        const seen = {{ effectiveDirective, blockedURI, sourceFile, lineNumber, disposition }};
        say("{MARK}" + encodeURIComponent(JSON.stringify(seen)) + ";");
    }}, true);
}})();"#
    )
}

/// The event, with its names as the page has them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    effective_directive: String,
    #[serde(rename = "blockedURI")]
    blocked_uri: String,
    #[serde(default)]
    source_file: Option<String>,
    #[serde(default)]
    line_number: u32,
    disposition: String,
}

/// What a line of the console is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The policy blocked something.
    Blocked(Violation),
    /// A policy that only reports would have: nothing was blocked.
    Reported,
    /// Anything else.
    Other(Complaint),
}

/// Takes a line of the console for what it is.
pub(super) fn read(line: Complaint) -> Line {
    let said = line.text.split_once(MARK).and_then(|(_, rest)| rest.split(';').next());
    let event = said.and_then(|said| {
        let json = percent_decode_str(said).decode_utf8().ok()?;
        serde_json::from_str::<Event>(&json).ok()
    });
    match event {
        None => Line::Other(line),
        Some(event) if event.disposition != "enforce" => Line::Reported,
        Some(event) => Line::Blocked(Violation {
            directive: event.effective_directive,
            blocked: event.blocked_uri,
            file: event.source_file.unwrap_or_default(),
            line: event.line_number,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Complaint {
        let (level, source) = ("SEVERE".to_owned(), "console-api".to_owned());
        Complaint { level, source, text: text.to_owned() }
    }

    #[test]
    fn an_event_is_read_and_words_about_a_policy_are_none() {
        let event = |disposition: &str| {
            let json = format!(
                r#"{{"effectiveDirective":"img-src","blockedURI":"https://a.example/%3B;","sourceFile":null,"lineNumber":0,"disposition":"{disposition}"}}"#
            );
            let said =
                percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
            line(&format!("https://korrigo.test/ 8:8 \"{MARK}{said};\""))
        };
        let Line::Blocked(violation) = read(event("enforce")) else { panic!("it is blocked") };
        assert_eq!(violation.directive, "img-src");
        assert_eq!(violation.blocked, "https://a.example/%3B;");
        assert_eq!(read(event("report")), Line::Reported);
        for text in ["it violates the Content Security Policy", &format!("{MARK}nonsense;")] {
            assert_eq!(read(line(text)), Line::Other(line(text)));
        }
    }
}
