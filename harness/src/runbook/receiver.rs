//! Stands for whoever is notified: answers any HTTP request on this host's loopback with OK.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::{Attempt, Result};

/// More than any notification has.
const BODY_MAX_BYTES: u64 = 1024 * 1024;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nOK\n";

/// Listens until it is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Begins to listen on a free port.
    pub(super) async fn start() -> Result<Self> {
        let listening = TcpListener::bind(("127.0.0.1", 0)).await;
        let listening = listening.attempt(|| "cannot listen on the loopback")?;
        let address = listening.local_addr().attempt(|| "cannot listen on the loopback")?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listening.accept().await {
                // Whoever sends nonsense gets no answer, and says so by itself.
                tokio::spawn(async move { drop(answer(stream).await) });
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut body_bytes = 0;
    loop {
        let mut line = String::new();
        (&mut stream).take(BODY_MAX_BYTES).read_line(&mut line).await?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(length) = line.strip_prefix("content-length:") {
            body_bytes = length.trim().parse::<u64>().unwrap_or_default();
        }
    }
    let mut body = (&mut stream).take(body_bytes.min(BODY_MAX_BYTES));
    tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
    stream.write_all(ANSWER).await
}
