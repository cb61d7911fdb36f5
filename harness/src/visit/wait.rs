//! A bounded wait until an entry answers. A service without a health check is running long before.

use std::time::Duration;

use tokio::time::Instant;

use super::Target;
use super::fetch::{Unanswered, Visitor};
use crate::error::{Error, Result};

/// Between two looks.
const POLL: Duration = Duration::from_millis(200);

/// A service that accepts connections and closes each at once, for this long, is not starting:
/// it speaks something else.
const CLOSES_FOR: Duration = Duration::from_secs(5);

/// How the wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answering {
    /// `/` is answered with this status, which is below 500.
    Http(u16),
    /// It accepts connections and speaks something else: what was seen.
    NotHttp(String),
}

/// Waits until `/` is answered with a status below 500.
///
/// # Errors
///
/// If it is not within `limit`; the error says what was seen last.
pub async fn until_answering(target: &Target, limit: Duration) -> Result<Answering> {
    let visitor = Visitor::new(target)?;
    let deadline = Instant::now() + limit;
    let mut last = "it was not asked".to_owned();
    let mut closes_since = None;
    loop {
        let Ok(answer) = tokio::time::timeout_at(deadline, visitor.get("/")).await else {
            return Err(late(target, limit, &last));
        };
        match answer {
            Ok(answer) if answer.status < 500 => return Ok(Answering::Http(answer.status)),
            Ok(answer) => {
                closes_since = None;
                last = format!("status {}", answer.status);
            }
            Err(Unanswered::NotHttp(seen)) => return Ok(Answering::NotHttp(seen)),
            Err(Unanswered::Closed(seen)) => {
                let since = *closes_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= CLOSES_FOR {
                    return Ok(Answering::NotHttp(seen));
                }
                last = seen;
            }
            Err(Unanswered::Other(seen)) => {
                closes_since = None;
                last = seen;
            }
        }
        if Instant::now() + POLL >= deadline {
            return Err(late(target, limit, &last));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn late(target: &Target, limit: Duration, last: &str) -> Error {
    let (target, seconds) = (target.shown(), limit.as_secs_f64());
    Error::undecided(format!("{target} does not answer GET / within {seconds} s; last: {last}"))
        .hint("the log of the service says what it waits for")
}
