//! Requests on the wire: where to connect, what to trust, cookies, redirects, and bounds on
//! time and size. Refuses to leave the target's host. Every request opens a connection of its
//! own, so that each sees the service as a new client would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{COOKIE, HOST, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url};
use tokio::time::Instant;

use super::fault::Fault;
use super::old_tls;
use super::upload::GeneratedFile;
use crate::config::probe::{OldTls, Scheme};
use crate::error::{Error, Result};
use crate::model::observed::OldTlsAnswer;
use crate::stack::reach::Address;

/// A connection that takes longer does not come: the recovery clock must not wait for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A chain of redirects that is longer than this does not end.
const REDIRECTS_MAX: usize = 10;

/// The service under probe.
#[derive(Debug, Clone)]
pub struct Target {
    /// Scheme and public name: `https://korrigo.test`.
    pub base_url: String,
    /// Connects here instead of where the name resolves to; the `Host` header and the name
    /// expected in the certificate stay the public ones.
    pub resolve: Option<Endpoint>,
    /// The only certificate authorities to trust, in PEM; the machine's own if absent.
    pub ca_pem: Option<Vec<u8>>,
    /// Accepts any certificate.
    pub insecure: bool,
    /// Probes that write are skipped.
    pub read_only: bool,
}

/// Where a target is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The port in the place of the public one; 0 is that one itself.
    pub port: u16,
}

impl Endpoint {
    /// At an address and its port.
    #[must_use]
    pub fn new(address: Address, port: u16) -> Self {
        Self { address, port }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(at: SocketAddr) -> Self {
        Self::new(at.ip().into(), at.port())
    }
}

/// A way to reach a target.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    base: Url,
    resolve: Option<Endpoint>,
    verifies: bool,
}

/// A request, complete; can be sent any number of times.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    /// The public address; never the one connected to.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: OutgoingBody,
    pub(super) follow: bool,
}

#[derive(Debug, Clone)]
pub(super) enum OutgoingBody {
    Empty,
    Json(serde_json::Value),
    Form(Vec<(String, String)>),
    Multipart(Vec<(String, String)>, Arc<[GeneratedFile]>),
}

/// What a step saw: the answer to a request, or what a command left.
#[derive(Debug, Clone, Default)]
pub(super) struct Observation {
    pub(super) status: Option<u16>,
    pub(super) exit_code: Option<i32>,
    pub(super) handshake: Option<OldTlsAnswer>,
    pub(super) headers: HeaderMap,
    /// The body, or the command's output.
    pub(super) body: Vec<u8>,
    /// Absent when `body` is all; else the bound at which reading stopped.
    pub(super) cut_at: Option<usize>,
}

impl Connection {
    pub(super) fn open(target: &Target) -> Result<Self> {
        let base = parse_base(target)?;
        let mut builder = Client::builder()
            .user_agent(concat!("dr-drill/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .danger_accept_invalid_certs(target.insecure);
        if let Some(endpoint) = &target.resolve {
            // Port 0: the port of the URL decides, which `wire_url` sets.
            let address = SocketAddr::new(endpoint.address.reached(), 0);
            builder = builder.no_proxy().resolve(base.host_str().unwrap_or_default(), address);
        }
        if let Some(pem) = &target.ca_pem {
            builder = builder.tls_built_in_root_certs(false);
            for certificate in authorities(pem)? {
                builder = builder.add_root_certificate(certificate);
            }
        } else if base.scheme() == Scheme::Http.name() {
            // Reading the machine's authorities costs more than a probe.
            builder = builder.tls_built_in_root_certs(false);
        }
        let client = builder
            .build()
            .map_err(|cause| Error::undecided("cannot set up the HTTP client").because(cause))?;
        let (resolve, verifies) = (target.resolve.clone(), !target.insecure);
        Ok(Self { client, base, resolve, verifies })
    }

    pub(super) fn is_tls(&self) -> bool {
        self.base.scheme() == Scheme::Https.name()
    }

    /// Whether a certificate that is not trusted would be refused.
    pub(super) fn verifies(&self) -> bool {
        self.verifies
    }

    /// Offers an old version of TLS where HTTPS is served.
    pub(super) async fn handshake(
        &self,
        version: OldTls,
        deadline: Instant,
    ) -> Result<Observation, Fault> {
        let exchange = async {
            let address = self.address().await?;
            let answer = old_tls::offer(address, self.host(), version).await;
            answer.map_err(|cause| Fault::refuted(cause.to_string()))
        };
        let answer = tokio::time::timeout_at(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(Fault::timed_out("no answer to the handshake")))?;
        Ok(Observation { handshake: Some(answer), ..Observation::default() })
    }

    async fn address(&self) -> Result<SocketAddr, Fault> {
        let port = self.base.port_or_known_default().unwrap_or(443);
        if let Some(at) = self.wire_address(&self.base).await? {
            return Ok(at);
        }
        let found = tokio::net::lookup_host((self.host(), port)).await;
        let found = found.map_err(|cause| Fault::unknown(cause.to_string()))?.next();
        found.ok_or_else(|| Fault::unknown("the name has no address"))
    }

    /// The public name, without scheme and port.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The public address of a path, or of a whole address that the service itself gave.
    pub(super) fn url(&self, scheme: Option<Scheme>, path: &str) -> Result<Url, Fault> {
        if !path.starts_with('/') {
            let url = Url::parse(path)
                .map_err(|_| Fault::unknown(format!("\"{path}\" does not begin with /")))?;
            if url.host_str() == self.base.host_str() {
                return Ok(url);
            }
            return Err(Fault::refuted(format!("\"{path}\" leads to another host")));
        }
        let mut base = self.base.clone();
        if let Some(scheme) = scheme.filter(|scheme| scheme.name() != self.base.scheme()) {
            // Both schemes are special ones, so the URL standard permits the change.
            let _ = base.set_scheme(scheme.name());
            let _ = base.set_port(None);
        }
        Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/')))
            .map_err(|cause| Fault::unknown(format!("\"{path}\" is no path: {cause}")))
    }

    /// Sends, follows redirects if asked to, and reads the body up to `body_max` bytes.
    pub(super) async fn send(
        &self,
        jar: &Jar,
        request: &Outgoing,
        body_max: usize,
        deadline: Instant,
    ) -> Result<Observation, Fault> {
        let exchange = async {
            let mut hop = request.clone();
            for _ in 0..=REDIRECTS_MAX {
                let response = self.send_once(jar, &hop).await?;
                match self.next_hop(&hop, &response)? {
                    Some(next) => hop = next,
                    None => return observe(response, body_max).await,
                }
            }
            Err(Fault::refuted(format!("more than {REDIRECTS_MAX} redirects")))
        };
        tokio::time::timeout_at(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(Fault::timed_out("no complete answer")))
    }

    async fn send_once(&self, jar: &Jar, request: &Outgoing) -> Result<Response, Fault> {
        let url = &request.url;
        let mut headers = request.headers.clone();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, header_value(&authority(url))?);
        }
        if let Some(cookies) = jar.cookies(url) {
            headers.insert(COOKIE, cookies);
        }
        let builder = self.client.request(request.method.clone(), self.wire_url(url).await?);
        let builder = match &request.body {
            OutgoingBody::Empty => builder,
            OutgoingBody::Json(value) => builder.json(value),
            OutgoingBody::Form(fields) => builder.form(fields),
            OutgoingBody::Multipart(fields, files) => builder.multipart(multipart(fields, files)?),
        };
        let response = builder.headers(headers).send().await?;
        jar.set_cookies(&mut response.headers().get_all(SET_COOKIE).iter(), url);
        Ok(response)
    }

    /// Where the answer redirects to, if this request follows redirects.
    fn next_hop(&self, request: &Outgoing, response: &Response) -> Result<Option<Outgoing>, Fault> {
        let status = response.status();
        let Some(location) = response.headers().get(LOCATION).filter(|_| {
            request.follow && status.is_redirection() && status != StatusCode::NOT_MODIFIED
        }) else {
            return Ok(None);
        };
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let url = request
            .url
            .join(&location)
            .map_err(|cause| Fault::refuted(format!("redirects to \"{location}\": {cause}")))?;
        if url.host_str() != self.base.host_str() {
            let host = url.host_str().unwrap_or("nowhere");
            return Err(Fault::refuted(format!("redirects to another host, {host}")));
        }
        let mut next = Outgoing { url, ..request.clone() };
        // RFC 9110, 15.4: only 307 and 308 promise to repeat method and content.
        let repeats = status == StatusCode::TEMPORARY_REDIRECT
            || status == StatusCode::PERMANENT_REDIRECT
            || request.method == Method::HEAD;
        if !repeats {
            next.method = Method::GET;
            next.body = OutgoingBody::Empty;
        }
        Ok(Some(next))
    }

    /// The address to connect to. A port that is not the public one goes here only.
    async fn wire_url(&self, url: &Url) -> Result<Url, Fault> {
        let mut wire = url.clone();
        if let Some(at) = self.wire_address(url).await? {
            let _ = wire.set_port(Some(at.port()));
        }
        Ok(wire)
    }

    /// Where to connect for a URL, unless its name says that: each of its ports may have another place.
    async fn wire_address(&self, url: &Url) -> Result<Option<SocketAddr>, Fault> {
        let Some(endpoint) = &self.resolve else { return Ok(None) };
        let own = url.port_or_known_default().unwrap_or(443);
        let is_public = endpoint.port == 0 || url.scheme() != self.base.scheme();
        let port = if is_public { own } else { endpoint.port };
        let at = endpoint.address.at(port).await;
        at.map(Some).map_err(|cause| Fault::unknown(cause.chain()))
    }
}

fn parse_base(target: &Target) -> Result<Url> {
    let address = &target.base_url;
    let wrong = || Error::usage(format!("\"{address}\" is not the address of a service"));
    let example = "give scheme and name, such as https://korrigo.example";
    let base = Url::parse(address).map_err(|cause| wrong().because(cause).hint(example))?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
        return Err(wrong().hint(example));
    }
    if base.query().is_some() || base.fragment().is_some() || !base.username().is_empty() {
        return Err(wrong().hint("leave out user, query and fragment"));
    }
    if target.resolve.is_some() && base.domain().is_none() {
        return Err(wrong().hint("an IP address needs no --resolve"));
    }
    Ok(base)
}

fn authorities(pem: &[u8]) -> Result<Vec<Certificate>> {
    let certificates = Certificate::from_pem_bundle(pem)
        .map_err(|cause| Error::usage("cannot read the certificate authority").because(cause))?;
    if certificates.is_empty() {
        return Err(Error::usage("the certificate authority's file holds no certificate")
            .hint("it must be PEM: -----BEGIN CERTIFICATE-----"));
    }
    Ok(certificates)
}

/// `name` or `name:port`, as in a `Host` header.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(super) fn header_value(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text)
        .map_err(|_| Fault::unknown("a header's value has characters that headers cannot carry"))
}

fn multipart(fields: &[(String, String)], files: &[GeneratedFile]) -> Result<Form, Fault> {
    let form = fields
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(name.clone(), value.clone()));
    files.iter().try_fold(form, |form, file| {
        let part = Part::bytes(file.bytes.clone())
            .file_name(file.name.clone())
            .mime_str(file.media_type)?;
        Ok(form.part(file.field.clone(), part))
    })
}

async fn observe(mut response: Response, body_max: usize) -> Result<Observation, Fault> {
    let mut observation = Observation {
        status: Some(response.status().as_u16()),
        headers: response.headers().clone(),
        ..Observation::default()
    };
    while let Some(chunk) = response.chunk().await? {
        let room = body_max - observation.body.len();
        observation.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            observation.cut_at = Some(body_max);
            break;
        }
    }
    Ok(observation)
}
