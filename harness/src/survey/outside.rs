//! Looks at a service of which nothing is known but its address. It is only read: `GET` and `HEAD`,
//! without a cookie, of what the first page leads to on the same host. What cannot be judged from
//! there is a check that says so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::Zoned;
use tokio::net::{TcpStream, lookup_host};
use url::{Position, Url};

use super::wire::{Ports, Wire};
use super::{Surveyed, hosts, judged, landing, tls};
use crate::audit::headers::Policy;
use crate::audit::observatory::Site;
use crate::error::{Error, Result};
use crate::model::accept::Accept;
use crate::model::check::{Check, Outcome};
use crate::model::mode::Mode;
use crate::model::observed::{Answer, Exchange, HostCase, Observed, Tls};
use crate::probe;
use crate::visit::{self, Answered, Looked, Round};

/// Pages that are asked for. With hosts, redirects and both landings that makes some fifty requests.
const PAGES_MAX: usize = 30;

/// A connection that takes longer does not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a host that is not served may be told beside 400: nothing there, not for you, or the name
/// that is served.
const REFUSALS: [u16; 9] = [301, 302, 303, 307, 308, 403, 404, 410, 421];

/// A service and the ways to it.
pub(super) struct Outside {
    /// For pages.
    pub(super) target: visit::Target,
    /// Path and query of the first page.
    pub(super) first: String,
    /// For what a client library would straighten.
    pub(super) wire: Wire,
    /// Whether its port is the usual one: where it is not, nobody knows the port of plain HTTP.
    pub(super) usual_ports: bool,
    /// Whether any certificate will do.
    pub(super) insecure: bool,
    /// Whether only this copy's own network leads to it, so that it may be told that a proxy was
    /// asked over HTTPS.
    pub(super) sealed: bool,
}

/// What was seen from outside.
pub(super) struct Seen {
    pub(super) exchanges: Vec<Exchange>,
    pub(super) hosts: Vec<HostCase>,
    pub(super) tls: Option<Tls>,
    pub(super) landing: Option<Site>,
    pub(super) mode: Mode,
    pub(super) checks: Vec<Check>,
}

/// Audits a service that is there. Undecided when it cannot be reached or does not speak HTTP.
pub async fn service(
    target: &probe::Target,
    policy: &Policy,
    accepts: &[Accept],
) -> Result<Surveyed> {
    let started = Instant::now();
    let outside = Outside::of(target).await?;
    let mut seen = Box::pin(outside.look()).await?;
    let within = "nobody looks into a service that is only read";
    seen.checks.extend([
        skipped("nginx", within),
        skipped("django", within),
        skipped("browser", "no browser is sent to a service that is there"),
    ]);
    let observed = Observed {
        mode: seen.mode,
        host: outside.wire.host.clone(),
        exchanges: seen.exchanges,
        hosts: seen.hosts,
        tls: seen.tls,
        day: Zoned::now().date().to_string(),
        foreign: true,
        ..Observed::default()
    };
    let judged = judged(&observed, seen.landing.as_ref(), policy, accepts);
    let (target, matrix_s) = (target.base_url.clone(), started.elapsed().as_secs_f64());
    Ok(Surveyed { target, checks: seen.checks, matrix_s, ..judged })
}

/// Something that is not judged here.
pub(super) fn skipped(what: &str, why: impl Into<String>) -> Check {
    check(what, Outcome::Skipped, why.into())
}

/// Something that could not be found out.
pub(super) fn undecided(what: &str, why: impl Into<String>) -> Check {
    check(what, Outcome::Undecided, why.into())
}

fn check(what: &str, outcome: Outcome, detail: String) -> Check {
    Check { id: format!("audit.{what}"), requirement: "FR-1".to_owned(), outcome, detail }
}

impl Outside {
    async fn of(target: &probe::Target) -> Result<Self> {
        let wrong = |what: &str| {
            // Not repeated: it may have a password.
            Error::usage(format!("--url: {what}"))
                .hint("give an address such as https://korrigo.example.org")
        };
        let url = Url::parse(&target.base_url)
            .map_err(|cause| wrong("it is no address").because(cause))?;
        let account = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || account {
            return Err(wrong("it is no address of HTTP without an account"));
        }
        let name = url.host_str().ok_or_else(|| wrong("it has no host"))?;
        let (tls, port) = (url.scheme() == "https", url.port_or_known_default().unwrap_or(80));
        if name.starts_with('[') {
            return Err(wrong("forged names need one to be told from: give it, and --resolve"));
        }
        let address = match &target.resolve {
            Some(endpoint) => {
                let address = endpoint.address.at(endpoint.port).await?;
                reach(&[address], name).await?
            }
            None => {
                let found = lookup_host((name, port)).await.map_err(|cause| {
                    Error::undecided(format!("cannot find the address of {name}")).because(cause)
                })?;
                reach(&found.collect::<Vec<_>>(), name).await?
            }
        };
        let at = |port| SocketAddr::new(address.ip(), port);
        let (http, https) = if tls { (at(80), address) } else { (address, at(443)) };
        let ports = Ports { http, https };
        let wire = Wire::new(ports, name, target.ca_pem.as_deref())?.only_reading();
        let wire = if target.ca_pem.is_none() && tls { wire.trusting_as_machine() } else { wire };
        Ok(Self {
            target: visit::Target {
                address,
                host: url[Position::BeforeHost..Position::AfterPort].to_owned(),
                tls,
            },
            first: url[Position::BeforePath..Position::AfterQuery].to_owned(),
            wire,
            usual_ports: url.port().is_none(),
            insecure: target.insecure,
            sealed: false,
        })
    }

    /// Asks, and takes down what could not be asked.
    pub(super) async fn look(&self) -> Result<Seen> {
        let looked = visit::look(&self.target, &self.first, PAGES_MAX, self.sealed).await?;
        let (round, answers, left) = match looked {
            Looked::Answers { round, answers, left } => (round, answers, left),
            Looked::NotHttp(seen) => {
                let message = format!("{} does not speak HTTP", self.target.host);
                return Err(Error::undecided(message).because(seen));
            }
        };
        let mode = if self.target.tls || round.forwarded { Mode::Tls } else { Mode::Http };
        let mut checks = unanswered(&round);
        if left > 0 {
            let why = format!("{left} more addresses are linked than the {PAGES_MAX} asked for");
            checks.push(skipped("pages", why));
        }
        checks.push(skipped("login", "nobody signs in: what stands behind a login is not seen"));
        let hosts = self.hosts(&round, &answers, &mut checks).await;
        let mut exchanges = answers.into_iter().map(|it| exchange(it, mode)).collect::<Vec<_>>();
        let (tls, landing) = if self.target.tls {
            let plainly = self.plainly(&mut checks).await;
            let mut tls = tls::observe(&self.wire).await;
            if self.insecure && tls.distrust.take().is_some() {
                checks.push(skipped("trust", "--insecure: the certificate counts as trusted"));
            }
            let verified = tls.distrust.is_none();
            let landing = self.landing(plainly.is_some(), verified, &mut checks).await;
            exchanges.extend(plainly);
            (Some(tls), landing)
        } else {
            let why = if self.sealed {
                "the entry speaks plain HTTP: what ends TLS stands before the stack"
            } else {
                "the address is one of plain HTTP"
            };
            checks.push(skipped("tls", why));
            checks.push(skipped("grade", "over plain HTTP no site gets one that means anything"));
            (None, None)
        };
        Ok(Seen { exchanges, hosts, tls, landing, mode, checks })
    }

    /// Forged and unusual hosts, for a page that is answered with 200.
    async fn hosts(
        &self,
        round: &Round,
        answers: &[Answered],
        checks: &mut Vec<Check>,
    ) -> Vec<HostCase> {
        let path = answers.iter().find(|answer| answer.status == 200);
        let path = match path {
            Some(answer) if !round.forwarded => &answer.path,
            Some(_) => {
                let why = "the entry insists on HTTPS, which a proxy before it would speak";
                checks.push(skipped("hosts", why));
                return Vec::new();
            }
            None => {
                let why = "no page is answered with 200, so no host can be told from another";
                checks.push(skipped("hosts", why));
                return Vec::new();
            }
        };
        match hosts::observe(&self.wire, self.target.tls, path).await {
            Ok(cases) => cases.into_iter().map(lenient).collect(),
            Err(cause) => {
                checks.push(undecided("hosts", cause.chain()));
                Vec::new()
            }
        }
    }

    /// What plain HTTP answers beside HTTPS.
    async fn plainly(&self, checks: &mut Vec<Check>) -> Option<Exchange> {
        if !self.usual_ports {
            let why = "the address has a port of its own: which one plain HTTP has is not known";
            checks.push(skipped("redirect", why));
            return None;
        }
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.first, self.wire.host
        );
        let asked = self.wire.send(false, request.as_bytes());
        match tokio::time::timeout(CONNECT_TIMEOUT, asked).await {
            Ok(Ok(Some(answer))) => {
                let Answer { status, lines, .. } = answer;
                let answered = Answered { path: self.first.clone(), status, lines };
                Some(Exchange { expected: vec![301, 308], ..exchange(answered, Mode::Http) })
            }
            _ => {
                checks.push(skipped("redirect", "nothing answers plain HTTP on port 80"));
                None
            }
        }
    }

    /// What the Observatory would look at.
    async fn landing(&self, plain: bool, verified: bool, checks: &mut Vec<Check>) -> Option<Site> {
        match landing::read(&self.wire, plain, verified).await {
            Ok(Site { https: Some(landing), .. }) if (300..400).contains(&landing.status) => {
                let why = "/ leads to another host: that one has a grade";
                checks.push(skipped("grade", why));
                None
            }
            Ok(site) => {
                let why = "no preflight is sent, and of what browsers preload nothing is known";
                checks.push(skipped("grade.cors", why));
                Some(site)
            }
            Err(cause) => {
                checks.push(undecided("grade", cause.chain()));
                None
            }
        }
    }
}

/// The first of some addresses that accepts a connection.
async fn reach(addresses: &[SocketAddr], name: &str) -> Result<SocketAddr> {
    let mut last = "it has no address".to_owned();
    for address in addresses {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
        match connecting.await {
            Ok(Ok(_)) => return Ok(*address),
            Ok(Err(cause)) => last = format!("{address}: {cause}"),
            Err(_) => last = format!("{address}: no connection within 5 s"),
        }
    }
    Err(Error::undecided(format!("{name} cannot be reached")).because(last))
}

/// An answer as rules look at it. Which status is right, nobody said.
fn exchange(answered: Answered, mode: Mode) -> Exchange {
    let Answered { path, status, lines } = answered;
    Exchange {
        id: "page".to_owned(),
        method: "GET".to_owned(),
        path,
        host: None,
        over_tls: mode == Mode::Tls,
        expected: vec![status],
        answer: Answer { status, lines, body: String::new() },
        backend: None,
    }
}

/// A stack of one's own refuses with 400; of others, any refusal will do. And whose target names the
/// service may be answered, whatever its line `Host` says (RFC 9112, 3.2.2).
fn lenient(mut case: HostCase) -> HostCase {
    if case.right.contains(&400) {
        case.right.extend(REFUSALS);
    }
    if case.id == "absolute-own" {
        case.right.push(200);
    }
    case
}

/// What was asked for and not answered, or was answered with nothing that can be judged.
fn unanswered(round: &Round) -> Vec<Check> {
    let mute = round.unanswered.iter().map(|(path, why)| format!("GET {path}: {why}"));
    let mute = mute.collect::<Vec<_>>().join("; ");
    let nothing = round.proves().err();
    let all = nothing.into_iter().chain((!mute.is_empty()).then_some(mute));
    all.map(|why| undecided("pages", why)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::Page;

    #[test]
    fn any_refusal_of_a_forged_host_will_do_and_an_answer_will_not() {
        let case = |id: &str, right: u16| HostCase {
            id: id.to_owned(),
            title: String::new(),
            sent: String::new(),
            right: vec![right],
            lacks: Vec::new(),
            answer: None,
        };
        let forged = lenient(case("forged", 400)).right;
        assert!([400, 404, 421, 301].iter().all(|status| forged.contains(status)));
        assert!(!forged.contains(&200));
        assert!(lenient(case("absolute-own", 400)).right.contains(&200));
        assert_eq!(lenient(case("own", 200)).right, [200]);
    }

    #[test]
    fn what_was_not_answered_is_undecided_by_name() {
        let page = Page { status: 200, ..Page::default() };
        let mut round = Round { pages: [("/".to_owned(), page)].into(), ..Round::default() };
        assert_eq!(unanswered(&round), []);
        round.unanswered.insert("/slow".to_owned(), "no complete answer".to_owned());
        let found = unanswered(&round);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outcome, Outcome::Undecided);
        assert!(found[0].detail.contains("GET /slow: no complete answer"), "{found:?}");
        let page = Page { status: 502, ..Page::default() };
        let broken = Round { pages: [("/".to_owned(), page)].into(), ..Round::default() };
        assert!(unanswered(&broken)[0].detail.contains("nothing but errors"));
    }

    #[test]
    fn what_nobody_looked_into_is_told_no_line_of_django_or_nginx() {
        let lines = [("Set-Cookie", "sessionid=a; Path=/"), ("Server", "it/1.2")];
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let answered = Answered { path: "/".to_owned(), status: 200, lines };
        let forged = HostCase {
            id: "forged".to_owned(),
            title: "a forged Host".to_owned(),
            sent: "GET / HTTP/1.1".to_owned(),
            right: vec![400],
            lacks: Vec::new(),
            answer: Some(Answer { status: 200, ..Answer::default() }),
        };
        let observed = Observed {
            mode: Mode::Tls,
            host: "it.test".to_owned(),
            exchanges: vec![exchange(answered, Mode::Tls)],
            hosts: vec![lenient(forged)],
            foreign: true,
            ..Observed::default()
        };
        let policy = Policy::named("korrigo").expect("there");
        let found = judged(&observed, None, &policy, &[]).findings;
        let ids = found.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>();
        for id in ["headers.missing", "cookies.secure", "hosts.forged", "headers.version"] {
            assert!(ids.contains(&id), "{id}: {ids:?}");
        }
        for finding in &found {
            let said = format!("{} {}", finding.detail, finding.remedy).to_ascii_lowercase();
            for word in ["django", "nginx", "_cookie_", "server_tokens"] {
                assert!(!said.contains(word), "{}: {said}", finding.id);
            }
        }
    }

    #[tokio::test]
    async fn addresses_that_are_none_are_refused_and_who_is_not_there_is_undecided() {
        let target = |base_url: &str| probe::Target {
            base_url: base_url.to_owned(),
            resolve: None,
            ca_pem: None,
            insecure: false,
            read_only: true,
        };
        for wrong in ["ftp://it.test", "it", "https://:secret@it.test", "http://[::1]/"] {
            let cause = Outside::of(&target(wrong)).await.err().expect("refused");
            assert_eq!(cause.kind(), crate::ErrorKind::Usage, "{wrong}: {cause}");
            assert!(!cause.to_string().contains("secret"), "{cause}");
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let gone = format!("http://{}/", free.local_addr().expect("an address"));
        drop(free);
        let cause = Outside::of(&target(&gone)).await.err().expect("nobody is there");
        assert_eq!(cause.kind(), crate::ErrorKind::Undecided);
        assert!(cause.to_string().contains("127.0.0.1 cannot be reached"), "{cause}");
    }
}
