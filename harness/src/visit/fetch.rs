//! One GET on the wire: bounded in time and size, without cookies, never following a redirect.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION};
use reqwest::{Client, Response, Url};

use super::Target;
use crate::error::{Attempt as _, Error, Result};

/// Bytes of a body that are read. What is beyond is never looked at.
const BODY_MAX: usize = 2 * 1024 * 1024;

/// A connection that takes longer does not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An answer that takes longer is none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Tells an application behind a proxy that the proxy was asked over HTTPS.
const FORWARDED: &str = "X-Forwarded-Proto";

/// A way to ask one target.
pub(super) struct Visitor {
    client: Client,
    host: String,
    /// What paths are resolved against: the name that is public, the port that is connected to.
    root: Place,
    /// Whether the service insists on HTTPS, which a proxy would speak for it.
    pub(super) forwarded: bool,
}

/// Where an answer came from; tells what belongs to the same host.
#[derive(Debug, Clone)]
pub(super) struct Place {
    url: Url,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) here: Place,
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) location: Option<Url>,
    pub(super) lines: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Why there was no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// What came back is not HTTP.
    NotHttp(String),
    /// The connection was accepted and closed without a word.
    Closed(String),
    /// Anything else: refused, too slow, broken off.
    Other(String),
}

impl Unanswered {
    pub(super) fn reason(&self) -> &str {
        let (Self::NotHttp(reason) | Self::Closed(reason) | Self::Other(reason)) = self;
        reason
    }
}

impl Visitor {
    pub(super) fn new(target: &Target) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("\"{}\" is no name of a host", target.host))
                .hint("give a name, with a port if it is not the usual one: localhost:8080")
        };
        let scheme = if target.tls { "https" } else { "http" };
        let mut url = Url::parse(&format!("{scheme}://{}/", target.host))
            .map_err(|cause| wrong().because(cause))?;
        if url.path() != "/" || url.query().is_some() || !url.username().is_empty() {
            return Err(wrong());
        }
        let name = url.domain().map(str::to_owned);
        if name.is_none() {
            url.set_ip_host(target.address.ip()).map_err(|()| wrong())?;
        }
        url.set_port(Some(target.address.port())).map_err(|()| wrong())?;
        let mut builder = Client::builder()
            .user_agent(concat!("dr-drill/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .tls_built_in_root_certs(false)
            .danger_accept_invalid_certs(true);
        if let Some(name) = name {
            builder = builder.resolve(&name, target.address);
        }
        let client = builder.build().attempt(|| "cannot set up the HTTP client")?;
        Ok(Self { client, host: target.host.clone(), root: Place { url }, forwarded: false })
    }

    /// Asks for a path with its query, which begins with a slash.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Unanswered> {
        let here = self.root.join(path).ok_or_else(|| Unanswered::Other("no address".into()))?;
        let request = self.client.get(here.url.clone()).header(HOST, &self.host);
        let request = request.header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        let request = if self.forwarded { request.header(FORWARDED, "https") } else { request };
        let response = request.send().await.map_err(|cause| unanswered(&cause))?;
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = text(CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase())
            .filter(|value| !value.is_empty());
        let status = response.status().as_u16();
        let location = text(LOCATION)
            .filter(|_| (300..400).contains(&status))
            .and_then(|value| here.url.join(value).ok());
        let lines = response.headers().iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let lines = lines.collect();
        // A page of which the end is missing still shows whether it is the same one; a body that
        // breaks off early does not.
        let body = body(response).await.map_err(|cause| unanswered(&cause))?;
        Ok(Answer { here, status, content_type, location, lines, body })
    }
}

async fn body(mut response: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = BODY_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(body)
}

fn unanswered(error: &reqwest::Error) -> Unanswered {
    if error.is_timeout() {
        let seconds = ANSWER_TIMEOUT.as_secs();
        return Unanswered::Other(format!("no complete answer within {seconds} s"));
    }
    let mut innermost = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(wire) = inner.downcast_ref::<hyper::Error>() {
            if wire.is_parse() {
                return Unanswered::NotHttp("what it answers is not HTTP".to_owned());
            }
            if wire.is_incomplete_message() {
                return Unanswered::Closed("it closes the connection without an answer".to_owned());
            }
        }
        innermost = inner.to_string();
        cause = inner.source();
    }
    Unanswered::Other(innermost)
}

impl Place {
    #[cfg(test)]
    pub(super) fn at(url: &str) -> Self {
        Self { url: Url::parse(url).expect("an address") }
    }

    fn join(&self, path: &str) -> Option<Self> {
        self.url.join(path).ok().map(|url| Self { url })
    }

    /// The same place, with what its page says relative addresses are relative to.
    pub(super) fn based(&self, base: &str) -> Self {
        self.join(base).unwrap_or_else(|| self.clone())
    }

    /// The path, as text.
    pub(super) fn path(&self) -> String {
        self.url.path().to_owned()
    }

    /// An address on this page, if it is one of HTTP.
    pub(super) fn resolve(&self, reference: &str) -> Option<Url> {
        let url = self.url.join(reference.trim()).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }

    /// Whether an address is on the same host. Ports do not matter: the public one, the
    /// container's and the one behind its proxy are all the same service.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.host_str() == self.url.host_str()
    }

    /// Path and query of an address on the same host.
    pub(super) fn local(&self, url: &Url) -> Option<String> {
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        self.is_home(url).then(|| path.to_owned())
    }

    /// Whether it leads to the same page over HTTPS instead.
    pub(super) fn is_upgrade(&self, url: &Url) -> bool {
        self.is_home(url)
            && self.url.scheme() == "http"
            && url.scheme() == "https"
            && url.path() == self.url.path()
    }

    /// An address as it is kept: without query, and without a host that is the same.
    pub(super) fn shown(&self, url: &Url) -> String {
        if self.is_upgrade(url) || !self.is_home(url) {
            let host = url.host_str().unwrap_or_default();
            return format!("{}://{host}{}", url.scheme(), url.path());
        }
        url.path().to_owned()
    }
}
