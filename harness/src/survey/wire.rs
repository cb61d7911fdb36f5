//! Raw requests over TCP or TLS: what is sent is sent as it is, and the answer's header lines
//! come back as they came. One connection a request, bounded in time and size.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto::ring};

use crate::error::{Attempt, Error, Result};
use crate::model::observed::Answer;
use crate::stack::reach::Address;

/// From connecting to the last byte that is read: a backend whose database is gone looks for its
/// name for a while.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(45);

/// Of an answer, this much is read.
const ANSWER_MAX_BYTES: usize = 256 * 1024;

/// Where this host reaches the ports of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// Plain HTTP.
    pub http: SocketAddr,
    /// HTTPS.
    pub https: SocketAddr,
}

impl Ports {
    /// Both at one address.
    pub(super) async fn of(address: &Address, http: u16, https: u16) -> Result<Self> {
        Ok(Self { http: address.at(http).await?, https: address.at(https).await? })
    }
}

/// Ports of a service, and what it is called.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    /// Where they are.
    pub ports: Ports,
    /// Public name: what `Host` and the certificate say.
    pub host: String,
    reads_only: bool,
    roots: Arc<RootCertStore>,
    blind: Arc<ClientConfig>,
}

impl Wire {
    /// Reaches a service at its ports of HTTP and of HTTPS. The authorities in a PEM text are
    /// trusted; without one, nobody.
    pub(super) fn new(ports: Ports, host: &str, ca_pem: Option<&[u8]>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.unwrap_or_default()) {
            let certificate = certificate.attempt(|| "cannot read the certificate authority")?;
            roots.add(certificate).attempt(|| "cannot trust the certificate authority")?;
        }
        let blind = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .attempt(|| "cannot set up TLS")?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(super::tls::Blind))
            .with_no_client_auth();
        let (host, roots, blind) = (host.to_owned(), Arc::new(roots), Arc::new(blind));
        Ok(Self { ports, host, reads_only: false, roots, blind })
    }

    /// The same, refusing from now on to send anything but `GET` and `HEAD`.
    pub(super) fn only_reading(self) -> Self {
        Self { reads_only: true, ..self }
    }

    /// The same, trusting the authorities that this machine does.
    pub(super) fn trusting_as_machine(self) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self { roots: Arc::new(roots), ..self }
    }

    /// Sends bytes and reads the answer. Nothing if the connection was closed without one. Any
    /// certificate is accepted: what is wrong with it is for [`super::tls`] to see.
    pub(super) async fn send(&self, over_tls: bool, request: &[u8]) -> Result<Option<Answer>> {
        let reads = request.starts_with(b"GET ") || request.starts_with(b"HEAD ");
        if self.reads_only && !reads {
            return Err(Error::undecided(format!(
                "{} is only read: nothing else is sent",
                self.host
            )));
        }
        let exchange = async {
            let Ports { http, https } = self.ports;
            let stream = TcpStream::connect(if over_tls { https } else { http }).await?;
            stream.set_nodelay(true)?;
            if over_tls {
                exchange(self.blindly(stream).await?, request).await
            } else {
                exchange(stream, request).await
            }
        };
        let read = tokio::time::timeout(EXCHANGE_TIMEOUT, exchange).await;
        let line = String::from_utf8_lossy(
            request.split(|byte| *byte == b'\r').next().unwrap_or_default(),
        );
        let late = || Error::undecided(format!("{line}: no complete answer within 45 s"));
        let read = read.map_err(|_| late())?;
        let read = read
            .attempt(|| format!("{line}: cannot ask {} at {}", self.host, self.ports.http.ip()))?;
        Ok(if read.is_empty() { None } else { Some(parse(&read)?) })
    }

    /// A connection with one version of TLS, and nothing else sent.
    pub(crate) async fn connect(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> io::Result<TlsStream<TcpStream>> {
        let connect = async {
            let stream = TcpStream::connect(self.ports.https).await?;
            self.handshake(stream, &[version]).await
        };
        tokio::time::timeout(EXCHANGE_TIMEOUT, connect).await?
    }

    /// A connection that accepts any certificate, to look at it.
    pub(crate) async fn connect_blindly(&self) -> io::Result<TlsStream<TcpStream>> {
        let connect = async { self.blindly(TcpStream::connect(self.ports.https).await?).await };
        tokio::time::timeout(EXCHANGE_TIMEOUT, connect).await?
    }

    async fn blindly(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.blind)).connect(self.name()?, stream).await
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config)).connect(self.name()?, stream).await
    }

    fn name(&self) -> io::Result<ServerName<'static>> {
        ServerName::try_from(self.host.clone()).map_err(io::Error::other)
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> io::Result<Vec<u8>> {
    // A server that refuses early may have closed its side: its answer still counts.
    let sent = stream.write_all(request).await;
    let _ = stream.flush().await;
    let has_body = !request.starts_with(b"HEAD ");
    let mut read = Vec::new();
    // Not to the end of the connection: nginx lingers there for whoever announced a body.
    while read.len() < ANSWER_MAX_BYTES && !is_complete(&read, has_body) {
        match stream.read_buf(&mut read).await {
            Ok(0) => break,
            Ok(_) => {}
            // Servers that end TLS without saying goodbye have answered all the same.
            Err(_) if !read.is_empty() => break,
            Err(cause) if is_closing(&cause) => break,
            Err(cause) => return Err(sent.err().unwrap_or(cause)),
        }
    }
    Ok(read)
}

/// Whether an answer is there to its end, as far as its head tells (RFC 9112, 6.3).
fn is_complete(bytes: &[u8], has_body: bool) -> bool {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return false };
    let Ok(answer) = parse(&bytes[..end + 4]) else { return true };
    if !has_body || matches!(answer.status, 204 | 304) {
        return true;
    }
    let length = answer.value("Content-Length").and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() >= end + 4 + length)
}

fn is_closing(cause: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(cause.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn parse(bytes: &[u8]) -> Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| {
        let (version, rest) = line.split_once(' ')?;
        version.strip_prefix("HTTP/")?;
        rest.get(..3)?.parse::<u16>().ok()
    });
    let status = status.ok_or_else(|| Error::undecided("the answer is no HTTP"))?;
    let lines = lines.filter_map(|line| line.split_once(':'));
    let lines = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let body = String::from_utf8_lossy(bytes.get(end + 4..).unwrap_or_default()).into_owned();
    Ok(Answer { status, lines, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_only_read_is_sent_nothing_that_writes() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = server.local_addr().expect("an address").port();
        let at = ([127, 0, 0, 1], port).into();
        let wire = Wire::new(Ports { http: at, https: at }, "it.test", Some(b""));
        let wire = wire.expect("no authority").only_reading();
        for line in ["POST / HTTP/1.1\r\n\r\n", "OPTIONS / HTTP/1.1\r\n\r\n", "GETS /\r\n\r\n"] {
            let refused = wire.send(false, line.as_bytes()).await.expect_err("refused");
            assert!(refused.to_string().contains("only read"), "{refused}");
        }
        let answering = async {
            let (mut stream, _) = server.accept().await.expect("the first to connect");
            stream.write_all(b"HTTP/1.0 204 it\r\n\r\n").await.expect("answered");
        };
        let (read, ()) = tokio::join!(wire.send(false, b"HEAD / HTTP/1.0\r\n\r\n"), answering);
        assert_eq!(read.expect("read").map(|answer| answer.status), Some(204));
    }

    #[test]
    fn header_lines_come_back_as_they_came() {
        let raw = b"HTTP/1.1 404 Not Found\r\nX-A:  one \r\nx-a: two\r\n\r\nbody\r\n\r\nmore";
        let answer = parse(raw).expect("HTTP");
        assert_eq!(answer.status, 404);
        assert_eq!(answer.values("X-A"), ["one", "two"]);
        assert_eq!(answer.body, "body\r\n\r\nmore");
        assert!(parse(b"SSH-2.0-OpenSSH").is_err());
    }
}
