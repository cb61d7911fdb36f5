//! One process of a host builds images at a time, the others wait for what it builds.
//!
//! The lock is a socket in Linux's abstract namespace (unix(7)): it ends with its process,
//! however that ends, and leaves no file.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::stack::engine::Engine;

const NAME: &[u8] = b"dr-drill-images";

/// A first run on a slow line builds this long at most.
const TURN_TIMEOUT: Duration = Duration::from_secs(3600);

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Held by the one that builds.
pub(super) struct Turn {
    _socket: UnixListener,
}

/// Waits until no other run builds images.
pub(super) async fn turn(engine: &Engine, events: &Events) -> Result<Turn> {
    let address = SocketAddr::from_abstract_name(NAME).attempt(|| "cannot name a socket")?;
    let started = Instant::now();
    let mut told = false;
    loop {
        match UnixListener::bind_addr(&address) {
            Ok(socket) => return Ok(Turn { _socket: socket }),
            Err(cause) if cause.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(cause) => return Err(Error::undecided("cannot take the lock").because(cause)),
        }
        if started.elapsed() >= TURN_TIMEOUT {
            let limit_s = TURN_TIMEOUT.as_secs();
            return Err(Error::undecided(format!(
                "another run still builds images after {limit_s} s"
            )));
        }
        if !told {
            events.note("waiting for another run that builds images");
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = engine.runner().cancellation().cancelled() => return Err(Error::interrupted()),
        }
    }
}
