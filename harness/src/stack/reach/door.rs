//! A port of this host's loopback that leads to one of a container, for as long as it is held.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::relay::{Containers, Within};
use crate::error::{Attempt, Result};

/// Pause when no connection can be taken: of all the files that a process may have open, none is left.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens until it is dropped, with all that goes through it.
#[derive(Debug)]
pub(super) struct Door {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl Door {
    /// Opens a free port that leads to `to`.
    pub(super) async fn open(
        containers: Arc<Containers>,
        within: Within,
        to: SocketAddr,
    ) -> Result<Self> {
        let attempt = || "cannot listen on the loopback";
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.attempt(attempt)?;
        let at = listener.local_addr().attempt(attempt)?;
        let task = tokio::spawn(serve(listener, containers, within, to));
        Ok(Self { at, task })
    }

    pub(super) fn at(&self) -> SocketAddr {
        self.at
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, containers: Arc<Containers>, within: Within, to: SocketAddr) {
    let mut passed = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => {
                    let (containers, within) = (Arc::clone(&containers), within.clone());
                    passed.spawn(async move { containers.pass(&within, to, connection).await });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = passed.join_next() => {}
        }
    }
}
