//! Whether the matrix saw what it set out to see. An answer with another status than expected is
//! a finding: either the service changed, or something is reachable that should not be.

use crate::model::finding::{Finding, Place, Priority, Status};
use crate::model::observed::{Exchange, Observed};

/// Statuses that the matrix is meant to show, with what the stack has to give them.
pub const STATUSES: [u16; 12] = [200, 301, 304, 400, 401, 403, 404, 405, 413, 500, 502, 503];

/// What a 401 comes with.
const CHALLENGE: &str = "WWW-Authenticate";

/// The statuses of [`STATUSES`] that were not seen.
#[must_use]
pub fn unseen(observed: &Observed) -> Vec<u16> {
    let seen = |status: &u16| observed.exchanges.iter().any(|it| it.answer.status == *status);
    STATUSES.into_iter().filter(|status| !seen(status)).collect()
}

/// Judges whether each cell answered as the matrix knows it.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    let wrong = observed.exchanges.iter().filter(|it| !it.expected.contains(&it.answer.status));
    // Where plain HTTP leads is judged for all routes at once.
    let wrong = wrong.filter(|it| it.over_tls || observed.tls.is_none() || it.host.is_some());
    let wrong = wrong.map(|exchange| finding(observed, exchange));
    let mute = observed.exchanges.iter().filter(|exchange| is_mute(exchange));
    wrong.chain(mute.map(|exchange| challenge(observed, exchange))).collect()
}

/// A 401 must say how a client may identify itself (RFC 9110, 15.5.2).
fn is_mute(exchange: &Exchange) -> bool {
    exchange.answer.status == 401 && exchange.answer.value(CHALLENGE).is_none()
}

fn challenge(observed: &Observed, exchange: &Exchange) -> Finding {
    let theirs = exchange.backend.as_ref().is_some_and(|it| it.value(CHALLENGE).is_some());
    let hidden = super::directive(observed, "proxy_hide_header", |args| {
        args.first().is_some_and(|name| name.eq_ignore_ascii_case(CHALLENGE))
    });
    Finding {
        id: "routes.challenge".to_owned(),
        priority: Priority::P3,
        title: "a 401 does not say how to identify oneself".to_owned(),
        detail: if theirs {
            "the backend sends WWW-Authenticate, the proxy hides it"
        } else {
            "there is no WWW-Authenticate"
        }
        .to_owned(),
        place: hidden.filter(|_| theirs),
        remedy: "let WWW-Authenticate through (RFC 9110, 15.5.2), or answer 403".to_owned(),
        ..finding(observed, exchange)
    }
}

fn finding(observed: &Observed, exchange: &Exchange) -> Finding {
    let expected = exchange.expected.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    // What ought to be closed and is open is the worst that can be seen here.
    let opened =
        exchange.answer.status < 300 && exchange.expected.iter().all(|status| *status >= 400);
    let tree = super::nginx::Tree::parse(&observed.proxy);
    let place: Option<Place> =
        tree.entered(exchange, &observed.host).map(|place| super::place_in_stack(observed, place));
    Finding {
        id: if opened { "routes.open" } else { "routes.status" }.to_owned(),
        requirement: "FR-5".to_owned(),
        priority: if opened { Priority::P0 } else { Priority::P2 },
        status: Status::Open,
        title: if opened {
            "a route that must be closed answers"
        } else {
            "a route answers with another status than it should"
        }
        .to_owned(),
        subject: exchange.subject(),
        detail: format!("expected {expected}, got {}", exchange.answer.status),
        place,
        remedy: if opened {
            "close it: media goes out on Django's word alone, through an internal location"
        } else {
            "find out which location answers, and why"
        }
        .to_owned(),
        patch: None,
        decision: None,
        evidence: vec![exchange.subject()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Answer;

    fn found(status: u16, expected: u16, challenged: bool) -> Vec<String> {
        let challenge = (CHALLENGE.to_ascii_lowercase(), "Session".to_owned());
        let lines = challenged.then_some(challenge).into_iter().collect();
        let exchange = Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: None,
            over_tls: false,
            expected: vec![expected],
            answer: Answer { status, lines, body: String::new() },
            backend: None,
        };
        let observed = Observed { exchanges: vec![exchange], ..Observed::default() };
        judge(&observed).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn a_status_and_a_refusal_without_its_challenge_are_named() {
        assert_eq!(found(401, 401, true), Vec::<String>::new());
        assert_eq!(found(403, 403, false), Vec::<String>::new());
        assert_eq!(found(401, 401, false), ["routes.challenge"]);
        assert_eq!(found(403, 401, false), ["routes.status"]);
        assert_eq!(found(200, 401, false), ["routes.open"]);
    }
}
