//! The sink's log, read: lines of JSON, in parts. Whatever else is in it is no line of the sink's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::egress::{Attempt, Egress, Protocol, When};

/// What a sink has seen: each distinct attempt of a part, and how often.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// By part and attempt, with the last count that was said.
    attempts: BTreeMap<(u64, String), (Map<String, Value>, u64)>,
    /// Attempts beyond the bound, by part.
    dropped: BTreeMap<u64, u64>,
}

/// The log as far as it was written.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) seen: Seen,
    /// The part that has begun last.
    pub(super) part: u64,
    /// Whether the engine asks the sink for outside names, once it was ready.
    pub(super) forwards: Option<bool>,
}

#[derive(Deserialize)]
struct Line {
    part: Option<u64>,
    count: Option<u64>,
    attempt: Option<Map<String, Value>>,
    dropped: Option<u64>,
    forwards: Option<bool>,
}

impl Log {
    pub(super) fn read(lines: &[String]) -> Self {
        let mut log = Self::default();
        for line in lines.iter().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            log.forwards = line.forwards.or(log.forwards);
            let Some(part) = line.part else { continue };
            log.part = part;
            if let (Some(attempt), Some(count)) = (line.attempt, line.count) {
                let key = Value::Object(attempt.clone()).to_string();
                log.seen.attempts.insert((part, key), (attempt, count));
            }
            if let Some(dropped) = line.dropped {
                log.seen.dropped.insert(part, dropped);
            }
        }
        log
    }
}

impl Seen {
    /// The attempts as the services' own of a project; what was restored did those of the part
    /// `after` and later ones. A name that was asked for and connected to is one attempt.
    #[must_use]
    pub fn egress(self, after: u64, project: &str, services: &[String]) -> Egress {
        let mut counts = BTreeMap::<Attempt, u64>::new();
        for ((part, _), (mut attempt, count)) in self.attempts {
            let when = if part >= after { When::After } else { When::Before };
            let source = attempt["source"].as_str().unwrap_or_default();
            let source = service_of(source, project, services).to_owned();
            for (key, value) in [
                ("source", json!(source)),
                ("when", json!(when)),
                ("count", json!(0)),
                ("expected", json!(false)),
            ] {
                attempt.insert(key.to_owned(), value);
            }
            if let Ok(attempt) = serde_json::from_value(Value::Object(attempt)) {
                *counts.entry(attempt).or_default() += count;
            }
        }
        let connected = counts.keys().filter(|it| it.protocol != Protocol::Dns);
        let connected = connected
            .map(|it| (it.when, it.source.clone(), it.name.clone()))
            .collect::<std::collections::BTreeSet<_>>();
        let is_more = |it: &Attempt| {
            it.protocol != Protocol::Dns
                || !connected.contains(&(it.when, it.source.clone(), it.name.clone()))
        };
        let attempts = counts.into_iter().filter(|(it, _)| is_more(it));
        let attempts = attempts.map(|(it, count)| Attempt { count, ..it }).collect();
        Egress { attempts, dropped: self.dropped.values().sum() }
    }
}

/// The service of a container, by the name that the engine gives it backwards:
/// `PROJECT-SERVICE-1.PROJECT_NETWORK`, with underscores by version 1 of compose.
fn service_of<'a>(source: &'a str, project: &str, services: &'a [String]) -> &'a str {
    let container = source.split(&format!(".{project}_")).next().unwrap_or(source);
    let Some(rest) = container.strip_prefix(project) else { return source };
    let Some(rest) = rest.strip_prefix(['-', '_']) else { return source };
    let is_of = |service: &&String| {
        rest.strip_prefix(service.as_str()).is_some_and(|it| it.starts_with(['-', '_']))
    };
    let longest = services.iter().filter(is_of).max_by_key(|service| service.len());
    longest.map_or(source, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the sink writes it.
    const LOG: &str = r#"{"ready": true, "forwards": true}
Session.login_data is deprecated
{"part": 0, "count": 1, "attempt": {"protocol": "dns", "source": "p-app-1.p_default", "name": "a.org"}}
{"part": 0, "count": 1, "attempt": {"protocol": "tcp", "source": "p-app-1.p_default", "name": "a.org", "port": 3306}}
{"part": 0, "count": 3, "attempt": {"protocol": "tcp", "source": "p-app-1.p_default", "name": "a.org", "port": 3306}}
{"part": 1}
{"part": 1, "count": 1, "attempt": {"protocol": "dns", "source": "p-app-1.p_default", "name": "smtp.a.org"}}
{"part": 1, "count": 1, "attempt": {"protocol": "smtp", "source": "p-app-1.p_default", "name": "smtp.a.org", "port": 25, "sender": "s@a.org", "to": ["b@a.org"]}}
{"part": 1, "count": 1, "attempt": {"protocol": "smtp", "source": "p_app_2.p_back", "name": "smtp.a.org", "port": 25, "sender": "s@a.org", "to": ["b@a.org"]}}
{"part": 1, "count": 1, "attempt": {"protocol": "dns", "source": "p-app-worker-run-12.p_default", "name": "b.org"}}
{"part": 1, "dropped": 7}
{"part": 2}
{"part": 2, "count": 1, "attempt": {"protocol": "tls", "sou"#;

    fn read(text: &str) -> Log {
        Log::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn attempts_are_the_services_own_and_counted_before_and_after() {
        let log = read(LOG);
        assert_eq!((log.part, log.forwards), (2, Some(true)));
        let services = ["app", "app-worker"].map(str::to_owned);
        let egress = log.seen.egress(1, "p", &services);
        let shown = egress.attempts.iter().map(|it| (it.when, it.to_string())).collect::<Vec<_>>();
        let expected = [
            (When::After, "app: mail from s@a.org for b@a.org to smtp.a.org:25, 2 times"),
            (When::After, "app-worker: asked for b.org"),
            (When::Before, "app: connection to a.org:3306, 3 times"),
        ];
        assert_eq!(shown, expected.map(|(when, text)| (when, text.to_owned())));
        assert_eq!(egress.dropped, 7);
    }

    #[test]
    fn a_log_without_its_beginning_says_so() {
        let (_, rest) = LOG.split_once('\n').expect("lines");
        assert_eq!(read(rest).forwards, None);
        assert_eq!(read(r#"{"ready": true, "forwards": false}"#).forwards, Some(false));
    }

    #[test]
    fn who_is_no_service_keeps_the_name_that_it_has() {
        let services = ["app".to_owned()];
        for source in ["172.18.0.9", "q-app-1.q_default", "p-other-1.p_default"] {
            assert_eq!(service_of(source, "p", &services), source);
        }
    }
}
