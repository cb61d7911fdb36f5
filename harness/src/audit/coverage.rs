//! Whether the matrix saw what it set out to see. An answer with another status than expected is
//! a finding: either the service changed, or something is reachable that should not be.

use super::observed::{Exchange, Observed};
use crate::model::finding::{Finding, Place, Priority, Status};

/// Statuses that the matrix is meant to show, with what the stack has to give them.
pub const STATUSES: [u16; 12] = [200, 301, 304, 400, 401, 403, 404, 405, 413, 500, 502, 503];

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
    wrong.map(|exchange| finding(observed, exchange)).collect()
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
        evidence: vec![exchange.subject()],
    }
}
