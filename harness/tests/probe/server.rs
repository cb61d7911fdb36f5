//! A small HTTP/1.1 server that can also misbehave: hang, hang up, never end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// By lowercase name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) enum Reply {
    /// Status, header lines, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The head of an answer and then zeros for ever.
    Endless,
    /// A byte of a body every now and then.
    Drip,
    /// Nothing, with the connection open.
    Hang,
    /// Nothing, with the connection closed.
    HangUp,
}

/// An answer with a text.
pub(crate) fn text(status: u16, body: &str) -> Reply {
    let headers = vec![("Content-Type", "text/plain".to_owned())];
    Reply::Answer(status, headers, body.as_bytes().to_vec())
}

/// An answer with JSON.
pub(crate) fn json(status: u16, body: &str) -> Reply {
    let headers = vec![("Content-Type", "application/json".to_owned())];
    Reply::Answer(status, headers, body.as_bytes().to_vec())
}

pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, answer).await
    }

    pub(crate) async fn start_tls(
        acceptor: TlsAcceptor,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(acceptor), answer).await
    }

    async fn listen(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of the loopback");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, answer, log) = (tls.clone(), Arc::clone(&answer), Arc::clone(&log));
                tokio::spawn(async move {
                    let judge = |request: Request| {
                        let reply = answer(&request);
                        log.lock().expect("no panic in a handler").push(request);
                        reply
                    };
                    match tls {
                        None => serve(stream, judge).await,
                        Some(tls) => {
                            // A client that refuses the certificate ends the handshake.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, judge).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic in a handler").clone()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: impl FnOnce(Request) -> Reply,
) {
    let Some(request) = read_request(&mut stream).await else { return };
    // Writing to a client that has gone away is not the server's failure.
    let _ = write_reply(&mut stream, answer(request)).await;
    let _ = stream.shutdown().await;
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |text| text.parse().unwrap_or(0));
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method, path, headers, body })
}

async fn write_reply<S: AsyncWrite + Unpin>(stream: &mut S, reply: Reply) -> std::io::Result<()> {
    let endless_head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    match reply {
        Reply::Answer(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} Such\r\nConnection: close\r\n");
            for (name, value) in headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await
        }
        Reply::Endless => {
            stream.write_all(endless_head).await?;
            loop {
                stream.write_all(&[b'0'; 16 * 1024]).await?;
            }
        }
        Reply::Drip => {
            stream.write_all(endless_head).await?;
            loop {
                stream.write_all(b"0").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        Reply::Hang => std::future::pending().await,
        Reply::HangUp => Ok(()),
    }
}
