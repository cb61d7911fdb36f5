//! What the wire shows that covers a complaint of Django's: nginx may do what Django was not told
//! to. Only every answer of the matrix counts as proof, and no answer proves nothing.

use crate::audit::cookies::Cookie;
use crate::audit::hosts;
use crate::audit::tls;
use crate::model::django::Facts;
use crate::model::mode::Mode;
use crate::model::observed::{Exchange, Observed};

/// A year, FR-2.1's lifetime of HSTS, in seconds.
const HSTS_MIN_S: u64 = 31_536_000;

/// Answers that are shown as evidence at most.
const SHOWN_MAX: usize = 3;

/// That the wire covers something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coverage {
    /// What was seen, in one sentence.
    pub(super) text: String,
    /// Raw lines of some of the answers.
    pub(super) evidence: Vec<String>,
}

/// Whether the wire shows what a name of `checks.toml` stands for.
pub(super) fn covers(observed: &Observed, facts: &Facts, what: &str) -> Option<Coverage> {
    let header = |name, holds: &dyn Fn(&str) -> bool| on_every_answer(observed, name, holds);
    match what {
        "headers" => {
            let hsts = || covers(observed, facts, "hsts");
            let redirect = || covers(observed, facts, "redirect");
            let first = covers(observed, facts, "nosniff")?;
            let second = covers(observed, facts, "referrer")?;
            let rest = match observed.mode {
                Mode::Tls => vec![hsts()?, redirect()?],
                Mode::Http => Vec::new(),
            };
            Some(rest.into_iter().fold(and(first, second), and))
        }
        "hsts" => header("Strict-Transport-Security", &|value| max_age(value) >= HSTS_MIN_S),
        "hsts-subdomains" => {
            header("Strict-Transport-Security", &|value| has(value, "includesubdomains"))
        }
        "hsts-preload" => header("Strict-Transport-Security", &|value| has(value, "preload")),
        "nosniff" => {
            header("X-Content-Type-Options", &|value| value.eq_ignore_ascii_case("nosniff"))
        }
        "frame" => header("X-Frame-Options", &|value| value.eq_ignore_ascii_case("deny")),
        "referrer" => header("Referrer-Policy", &|value| {
            ["strict-origin-when-cross-origin", "same-origin", "no-referrer", "strict-origin"]
                .contains(&value)
        }),
        "csp" => header("Content-Security-Policy", &|value| value.contains("default-src")),
        "redirect" => redirect(observed),
        "session-secure" => cookie(observed, &session_name(facts), "secure"),
        "session-httponly" => cookie(observed, &session_name(facts), "httponly"),
        "csrf-secure" => cookie(observed, "csrftoken", "secure"),
        _ => None,
    }
}

/// Whether the service was asked in a way that a client library would have straightened, and
/// answered as it should.
pub(super) fn withstands(observed: &Observed, case: &str) -> Option<Coverage> {
    let asked = observed.hosts.iter().find(|known| known.id == case)?;
    let bad = hosts::judge(observed).iter().any(|found| found.id == format!("hosts.{case}"));
    let said = asked.sent.lines().find(|line| line.starts_with("X-Forwarded"));
    let status = asked.answer.as_ref().map(|answer| answer.status);
    (!bad).then(|| Coverage {
        text: format!("the service was sent a forged one and did not believe it ({case})"),
        evidence: said
            .zip(status)
            .map(|(said, status)| format!("{said} → {status}"))
            .into_iter()
            .collect(),
    })
}

fn and(left: Coverage, right: Coverage) -> Coverage {
    Coverage {
        text: format!("{}; {}", left.text, right.text),
        evidence: left.evidence.into_iter().chain(right.evidence).collect(),
    }
}

/// The answers of the mode itself: over TLS, what plain HTTP says is not among them.
fn answers(observed: &Observed) -> impl Iterator<Item = &Exchange> {
    let tls = observed.mode == Mode::Tls;
    observed.exchanges.iter().filter(move |exchange| exchange.over_tls == tls)
}

fn on_every_answer(
    observed: &Observed,
    name: &str,
    holds: &dyn Fn(&str) -> bool,
) -> Option<Coverage> {
    let all = answers(observed).collect::<Vec<_>>();
    let good =
        |exchange: &&&Exchange| matches!(exchange.answer.values(name)[..], [one] if holds(one));
    let count = all.iter().filter(good).count();
    if all.is_empty() || count < all.len() {
        return None;
    }
    let shown = all.iter().take(SHOWN_MAX).map(|exchange| {
        let value = exchange.answer.value(name).unwrap_or_default();
        format!("{}: {name}: {value}", exchange.subject())
    });
    Some(Coverage { text: format!("{name} is on all {count} answers"), evidence: shown.collect() })
}

fn redirect(observed: &Observed) -> Option<Coverage> {
    let plain = tls::read_plainly(observed).collect::<Vec<_>>();
    let home = |exchange: &&&Exchange| tls::redirects_home(exchange, &observed.host);
    let count = plain.iter().filter(home).count();
    if observed.mode != Mode::Tls || plain.is_empty() || count < plain.len() {
        return None;
    }
    let shown = plain.iter().take(SHOWN_MAX).map(|exchange| {
        let to = exchange.answer.value("Location").unwrap_or_default();
        format!("{}: Location: {to}", exchange.subject())
    });
    Some(Coverage {
        text: format!("nginx redirects all {count} routes that were asked over plain HTTP"),
        evidence: shown.collect(),
    })
}

fn cookie(observed: &Observed, name: &str, attribute: &str) -> Option<Coverage> {
    let lines = answers(observed).flat_map(|exchange| {
        let lines = exchange.answer.values("Set-Cookie").into_iter().map(Cookie::parse);
        lines.map(move |cookie| (exchange, cookie))
    });
    let set = lines.filter(|(_, cookie)| cookie.name == name && !cookie.is_removal());
    let set = set.collect::<Vec<_>>();
    let count = set.iter().filter(|(_, cookie)| cookie.has(attribute)).count();
    if set.is_empty() || count < set.len() {
        return None;
    }
    let shown = set.iter().take(SHOWN_MAX);
    let shown =
        shown.map(|(exchange, cookie)| format!("{}: {}", exchange.subject(), cookie.shown()));
    Some(Coverage {
        text: format!("all {count} lines that set {name} have {attribute}"),
        evidence: shown.collect(),
    })
}

fn session_name(facts: &Facts) -> String {
    facts.texts("SESSION_COOKIE_NAME").first().copied().unwrap_or("sessionid").to_owned()
}

fn max_age(hsts: &str) -> u64 {
    let directives = hsts.split(';').filter_map(|part| part.split_once('='));
    let age = directives.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
    age.and_then(|(_, value)| value.trim().trim_matches('"').parse().ok()).unwrap_or_default()
}

fn has(hsts: &str, directive: &str) -> bool {
    hsts.split(';').any(|part| part.trim().eq_ignore_ascii_case(directive))
}
