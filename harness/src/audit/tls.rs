//! Rules on the TLS end: versions, the certificate, and where plain HTTP leads.

use crate::model::finding::{Finding, Place, Priority, Status};
use crate::model::mode::Mode;
use crate::model::observed::{Exchange, Observed, Tls};

/// A certificate that ends sooner than this should have been renewed, in seconds: 21 days, a
/// third of what the shortest-lived public ones last, and more than a holiday.
const RENEW_BEFORE_S: i64 = 21 * 24 * 3600;

/// Judges the TLS end of a service, if it has one.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    if observed.mode == Mode::Http {
        return Vec::new();
    }
    let Some(tls) = &observed.tls else { return Vec::new() };
    let mut found = versions(observed, tls);
    found.extend(certificate(observed, tls));
    found.extend(redirects(observed));
    found
}

/// A finding with what all of this module's have in common.
fn finding(id: &str, priority: Priority, title: &str, subject: &str, detail: String) -> Finding {
    Finding {
        id: format!("tls.{id}"),
        requirement: "FR-5".to_owned(),
        priority,
        status: Status::Open,
        title: title.to_owned(),
        subject: subject.to_owned(),
        detail,
        place: None,
        remedy: String::new(),
        patch: None,
        decision: None,
        evidence: Vec::new(),
    }
}

fn versions(observed: &Observed, tls: &Tls) -> Vec<Finding> {
    let place = || super::directive(observed, "ssl_protocols", |_| true);
    let old = tls.old.iter().filter_map(|(name, answer)| {
        let detail = match answer {
            Ok(answer) if answer.is_refusal() => return None,
            Ok(answer) => format!("{name} offered: {}", answer.in_words()),
            Err(cause) => format!("{name} offered: no answer ({cause})"),
        };
        let title = "a version of TLS that nobody should accept (RFC 8996)";
        Some(Finding {
            place: place(),
            remedy: "ssl_protocols TLSv1.2 TLSv1.3;".to_owned(),
            ..finding("old-version", Priority::P1, title, name, detail)
        })
    });
    let modern = tls.modern.iter().filter_map(|(name, answer)| {
        let cause = answer.as_ref().err()?;
        let title = "a version of TLS that clients of today speak is not accepted";
        Some(Finding {
            place: place(),
            remedy: "ssl_protocols TLSv1.2 TLSv1.3;".to_owned(),
            ..finding("version", Priority::P2, title, name, format!("{name} offered: {cause}"))
        })
    });
    old.chain(modern).collect()
}

fn certificate(observed: &Observed, tls: &Tls) -> Vec<Finding> {
    let place = super::directive(observed, "ssl_certificate", |_| true);
    let evidence = tls.chain.iter().map(|known| {
        let names = known.names.join(", ");
        format!("subject {}; issuer {}; names {names}", known.subject, known.issuer)
    });
    let evidence = evidence.collect::<Vec<_>>();
    let about = |id: &str, priority, title: &str, detail: String, remedy: &str| Finding {
        place: place.clone(),
        remedy: remedy.to_owned(),
        evidence: evidence.clone(),
        ..finding(id, priority, title, &format!("certificate of {}", observed.host), detail)
    };
    let mut found = Vec::new();
    let Some(own) = tls.chain.first() else {
        let detail = tls.distrust.clone().unwrap_or_else(|| "none was sent".to_owned());
        found.push(about(
            "certificate",
            Priority::P1,
            "there is no certificate",
            detail,
            "send one",
        ));
        return found;
    };
    let (from_s, until_s) = own.valid_s;
    let named = own.names.iter().any(|name| covers(name, &observed.host));
    if !named {
        let detail = format!("it is for {}, not for {}", own.names.join(", "), observed.host);
        found.push(about(
            "name",
            Priority::P1,
            "the certificate is for another name",
            detail,
            "have one issued for this name",
        ));
    }
    let days = (until_s - tls.seen_at_s).div_euclid(86_400);
    if tls.seen_at_s < from_s || tls.seen_at_s > until_s {
        let detail = format!("it is valid from {} to {}", day(from_s), day(until_s));
        found.push(about(
            "expired",
            Priority::P1,
            "the certificate is not valid now",
            detail,
            "renew it",
        ));
    } else if until_s - tls.seen_at_s < RENEW_BEFORE_S {
        let detail = format!("it ends on {}, in {days} days", day(until_s));
        found.push(about(
            "expires",
            Priority::P2,
            "the certificate ends soon",
            detail,
            "renew it, and watch its end",
        ));
    }
    if let (Some(cause), true) = (&tls.distrust, found.is_empty()) {
        let broken = tls.chain.windows(2).any(|pair| pair[0].issuer != pair[1].subject);
        let detail = if broken { format!("the chain has a gap: {cause}") } else { cause.clone() };
        found.push(about(
            "untrusted",
            Priority::P1,
            "the certificate is not trusted",
            detail,
            "send the whole chain of an authority that clients trust (fullchain.pem)",
        ));
    }
    found
}

/// Whether a name of a certificate covers a host (RFC 6125, 6.4.3: a star stands for one label).
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => {
            host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
        }
        None => name.eq_ignore_ascii_case(host),
    }
}

fn day(instant_s: i64) -> String {
    jiff::Timestamp::from_second(instant_s)
        .map_or_else(|_| instant_s.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Over plain HTTP a service with TLS does nothing but redirect, on every route, to itself.
fn redirects(observed: &Observed) -> Vec<Finding> {
    let wrong = read_plainly(observed).filter(|it| !redirects_home(it, &observed.host));
    let wrong = wrong.collect::<Vec<_>>();
    let Some(first) = wrong.first() else { return Vec::new() };
    let detail = match first.answer.value("Location") {
        Some(to) => format!("it leads to {to}"),
        None => format!("it answers {} itself", first.answer.status),
    };
    let tree = super::nginx::Tree::parse(&observed.proxy);
    let place: Option<Place> =
        tree.entered(first, &observed.host).map(|place| super::place_in_stack(observed, place));
    vec![Finding {
        place,
        remedy: "answer every route on port 80 with: return 301 https://$host$request_uri;"
            .to_owned(),
        evidence: wrong.iter().take(8).map(|exchange| exchange.subject()).collect(),
        ..finding(
            "redirect",
            Priority::P1,
            "plain HTTP does not lead to HTTPS",
            &format!("{} of the routes, such as {}", wrong.len(), first.subject()),
            detail,
        )
    }]
}

/// What was asked over plain HTTP and must have been redirected. A request that nginx cannot read
/// has no route yet, and a refusal gives nothing away.
pub(super) fn read_plainly(observed: &Observed) -> impl Iterator<Item = &Exchange> {
    let plain = observed.exchanges.iter().filter(|exchange| !exchange.over_tls);
    plain.filter(|exchange| exchange.host.is_none() && exchange.answer.status != 400)
}

pub(super) fn redirects_home(exchange: &Exchange, host: &str) -> bool {
    let permanent = matches!(exchange.answer.status, 301 | 308);
    let Some(to) = exchange.answer.value("Location") else { return false };
    let Some(rest) = to.strip_prefix("https://") else { return false };
    let Some(at) = rest.find('/') else { return false };
    let name = rest[..at].split(':').next().unwrap_or_default();
    permanent && name.eq_ignore_ascii_case(host) && rest[at..] == exchange.path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::OldTlsAnswer as Old;
    use crate::model::observed::{Answer, Certificate};

    fn tls() -> Tls {
        let own = Certificate {
            names: vec!["a.test".to_owned()],
            valid_s: (0, 60 * 86_400),
            ..Certificate::default()
        };
        Tls {
            old: vec![("TLS 1.1", Ok(Old::Alert(70)))],
            modern: vec![("TLS 1.3", Ok(()))],
            chain: vec![own],
            seen_at_s: 86_400,
            ..Tls::default()
        }
    }

    fn ids(tls: Tls, exchanges: Vec<Exchange>) -> Vec<String> {
        let observed = Observed {
            mode: Mode::Tls,
            host: "a.test".to_owned(),
            exchanges,
            tls: Some(tls),
            ..Observed::default()
        };
        judge(&observed).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn versions_and_dates_and_names_are_judged() {
        assert_eq!(ids(tls(), Vec::new()), Vec::<String>::new());
        let old = Tls { old: vec![("TLS 1.0", Ok(Old::Accepted(0x0301)))], ..tls() };
        assert_eq!(ids(old, Vec::new()), ["tls.old-version"]);
        let modern = Tls { modern: vec![("TLS 1.3", Err("refused".to_owned()))], ..tls() };
        assert_eq!(ids(modern, Vec::new()), ["tls.version"]);
        let later = |days: i64| ids(Tls { seen_at_s: days * 86_400, ..tls() }, Vec::new());
        assert_eq!(later(38), Vec::<String>::new());
        assert_eq!(later(45), ["tls.expires"]);
        assert_eq!(later(61), ["tls.expired"]);
        let distrusted = Tls { distrust: Some("unknown issuer".to_owned()), ..tls() };
        assert_eq!(ids(distrusted, Vec::new()), ["tls.untrusted"]);
        let mut other = tls();
        other.chain[0].names = vec!["*.b.test".to_owned()];
        assert_eq!(ids(other, Vec::new()), ["tls.name"]);
        assert!(covers("*.b.test", "www.b.test") && !covers("*.b.test", "b.test"));
    }

    #[test]
    fn plain_http_must_lead_to_the_same_path_of_the_same_host() {
        let exchange = |to: &str| Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: "/api/?a=1".to_owned(),
            host: None,
            over_tls: false,
            expected: vec![301],
            answer: Answer {
                status: 301,
                lines: vec![("Location".to_owned(), to.to_owned())],
                body: String::new(),
            },
            backend: None,
        };
        assert_eq!(ids(tls(), vec![exchange("https://a.test/api/?a=1")]), Vec::<String>::new());
        for to in ["https://b.test/api/?a=1", "http://a.test/api/?a=1", "https://a.test/"] {
            assert_eq!(ids(tls(), vec![exchange(to)]), ["tls.redirect"], "{to}");
        }
    }
}
