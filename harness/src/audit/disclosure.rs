//! Rules on what answers tell about the software behind them (OWASP ASVS 14.3.3): a version in
//! `Server` saves an attacker the search for a fitting hole.

use std::collections::BTreeMap;

use super::nginx::Tree;
use crate::model::finding::{Finding, Priority, Status};
use crate::model::observed::{Exchange, Observed};

/// Headers in which software names itself.
const HEADERS: [&str; 3] = ["Server", "X-Powered-By", "Via"];

/// Answers that a finding shows at most.
const EVIDENCE_MAX: usize = 8;

/// Judges all answers. What says the same is one finding.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    let mut said: BTreeMap<(&str, &str), Vec<&Exchange>> = BTreeMap::new();
    for exchange in &observed.exchanges {
        for header in HEADERS {
            let values = exchange.answer.values(header).into_iter();
            for value in values.filter(|value| value.chars().any(|c| c.is_ascii_digit())) {
                said.entry((header, value)).or_default().push(exchange);
            }
        }
    }
    said.into_iter()
        .map(|((header, value), seen)| finding(observed, header, value, &seen))
        .collect()
}

fn finding(observed: &Observed, header: &str, value: &str, seen: &[&Exchange]) -> Finding {
    let first = seen.first().map(|exchange| exchange.subject()).unwrap_or_default();
    let tokens = || super::directive(observed, "server_tokens", |_| true);
    let http = || {
        let tree = Tree::parse(&observed.proxy);
        let http = tree.0.iter().find(|directive| directive.name == "http")?;
        Some(super::place_in_stack(observed, &http.place))
    };
    Finding {
        id: "headers.version".to_owned(),
        requirement: "NFR-1".to_owned(),
        priority: Priority::P3,
        status: Status::Open,
        title: "answers tell the version of the software".to_owned(),
        subject: format!("{header} on {} answers, such as {first}", seen.len()),
        detail: format!("{header}: {value}"),
        place: tokens().or_else(http),
        remedy: if observed.foreign && observed.proxy.is_empty() {
            format!("send no version in {header}")
        } else {
            "server_tokens off;".to_owned()
        },
        patch: None,
        decision: None,
        evidence: seen.iter().take(EVIDENCE_MAX).map(|exchange| exchange.subject()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Answer;

    #[test]
    fn a_version_is_named_with_its_directive_and_a_bare_name_is_not() {
        let exchange = |server: &str| Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: None,
            over_tls: false,
            expected: vec![200],
            answer: Answer {
                status: 200,
                lines: vec![("Server".to_owned(), server.to_owned())],
                body: String::new(),
            },
            backend: None,
        };
        let conf = "http {\n  server_tokens on;\n}\n".to_owned();
        let observed = |server| Observed {
            exchanges: vec![exchange(server), exchange(server)],
            proxy: vec![("/etc/nginx/nginx.conf".to_owned(), conf.clone())],
            ..Observed::default()
        };
        assert_eq!(judge(&observed("nginx")), Vec::new());
        let found = judge(&observed("nginx/1.22.1"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place.as_ref().and_then(|place| place.line), Some(2));
    }
}
