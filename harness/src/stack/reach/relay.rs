//! Relays: containers of the run's own on networks that this host is not on. Each connection is one
//! command in a relay, whose standard input and output are the connection: that works over every
//! way by which the engine's client reaches the engine, and is no faster than whoever reads.
//!
//! A relay is of the tool image, which the engine has, so nothing is built for it; it has no powers,
//! and no way out that its network does not have. There is one for each network, so that no relay
//! joins two. It is started when it is needed, and removed with all that carries the run's label.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::Address;
use super::door::Door;
use crate::error::{Error, Result};
use crate::process::Command;
use crate::stack::engine::{Attached, Engine};
use crate::stack::run::{RunId, RunLabels};

/// Joins standard input and output to a port. A relay has it in a variable, which every command runs:
/// so the record shows it once.
const PROGRAM: &str = include_str!("relay.pl");
const RUN: [&str; 3] = ["perl", "-e", "eval $ENV{RELAY}; exit 103"];

/// Label of a relay, beside those of the run.
pub(in crate::stack) const LABEL_RELAY: &str = "dr-drill.relay";

/// What a relay may use.
const BOUNDS: [&str; 7] = [
    "--user=65534:65534",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=512m",
    "--pids-limit=1024",
    "--log-driver=none",
];

/// Exit codes of the program: it could not connect, or the connection broke off.
const KNOWN: [Option<i32>; 3] = [Some(0), Some(NOT_CONNECTED), Some(102)];
const NOT_CONNECTED: i32 = 101;

/// No connection lasts longer: a dump of a large database is one.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// What a relay is within: a network, or that of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::stack) struct Within(String);

impl Within {
    /// A network, by its id.
    fn network(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// The network of a container, by its id: nothing joins the project's own.
    fn container(id: &str) -> Self {
        Self(format!("container:{id}"))
    }
}

/// The relays of a stack, and what leads to them on this host.
#[derive(Debug, Clone)]
pub(in crate::stack) struct Relays {
    containers: Arc<Containers>,
    doors: Arc<Mutex<BTreeMap<(Within, SocketAddr), Door>>>,
}

/// The containers: what a connection needs.
#[derive(Debug)]
pub(super) struct Containers {
    engine: Engine,
    run: RunId,
    image: String,
    known: tokio::sync::Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By what each is within.
    relays: BTreeMap<Within, String>,
    /// Whoever still asks while a stack is removed would have a relay started on a network that goes.
    is_closed: bool,
}

impl Relays {
    /// None yet, of an image that has perl.
    pub(in crate::stack) fn of(engine: &Engine, run: &RunId, image: &str) -> Self {
        let (engine, run, image) = (engine.clone(), run.clone(), image.to_owned());
        let containers = Containers { engine, run, image, known: tokio::sync::Mutex::default() };
        Self { containers: Arc::new(containers), doors: Arc::default() }
    }

    /// Where this host reaches a container of the run.
    pub(in crate::stack) fn address(&self, at: &Attached) -> Address {
        self.way(at, Within::network(&at.network))
    }

    /// Where it reaches one that is only read: the relay shares its network.
    pub(in crate::stack) fn address_beside(&self, container: &str, at: &Attached) -> Address {
        self.way(at, Within::container(container))
    }

    fn way(&self, at: &Attached, within: Within) -> Address {
        if is_of_this_host(Path::new("/sys/class/net"), &at.network) {
            return Address::direct(at.ip);
        }
        Address::relayed(at.ip, self.clone(), within)
    }

    /// Where a port is reached on this host, once it is opened; it stays so.
    pub(super) async fn open(&self, within: &Within, to: SocketAddr) -> Result<SocketAddr> {
        self.containers.within(within).await?;
        let key = (within.clone(), to);
        let known = self.doors().get(&key).map(Door::at);
        if let Some(at) = known {
            return Ok(at);
        }
        let door = Door::open(Arc::clone(&self.containers), within.clone(), to).await?;
        Ok(self.doors().entry(key).or_insert(door).at())
    }

    pub(super) async fn is_open(&self, within: &Within, to: SocketAddr) -> Result<bool> {
        let container = self.containers.within(within).await?;
        let asked = self.containers.connect(&container, to).arg("look").run().await?;
        match asked.exit_code {
            Some(0) => Ok(true),
            Some(NOT_CONNECTED) => Ok(false),
            _ => {
                self.containers.forget(within).await;
                asked.require(|| "cannot look through the relay").map(|_| false)
            }
        }
    }

    /// Closes what leads to them, and starts none until the stack is created again.
    pub(in crate::stack) async fn close(&self) {
        self.doors().clear();
        *self.containers.known.lock().await = Known { is_closed: true, ..Known::default() };
    }

    /// Starts them again when they are needed.
    pub(in crate::stack) async fn reopen(&self) {
        self.containers.known.lock().await.is_closed = false;
    }

    fn doors(&self) -> MutexGuard<'_, BTreeMap<(Within, SocketAddr), Door>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Containers {
    /// The relay within a network, which is started if there is none.
    async fn within(&self, within: &Within) -> Result<String> {
        let mut known = self.known.lock().await;
        if known.is_closed {
            return Err(Error::undecided("the stack is removed: nothing leads to it any more"));
        }
        if let Some(id) = known.relays.get(within) {
            return Ok(id.clone());
        }
        let run = self.engine.docker(["run", "--detach", "--network", &within.0]).args(BOUNDS);
        let run = run.args(["--label", LABEL_RELAY]).args(RunLabels::of(&self.run).arguments());
        let run = run.args(["--env", &format!("RELAY={PROGRAM}"), "--entrypoint", "", &self.image]);
        let run = run.args(["sleep", "infinity"]).run().await?;
        let id =
            run.require(|| "cannot start a relay to the engine's network").map_err(|cause| {
                cause.hint(
                "this host does not reach the engine's containers by address: the run's tool image \
                 has to run there; `docker info` and `cargo xtask doctor` say more",
            )
            })?;
        Ok(known.relays.entry(within.clone()).or_insert(id.text().trim().to_owned()).clone())
    }

    async fn forget(&self, within: &Within) {
        self.known.lock().await.relays.remove(within);
    }

    fn connect(&self, container: &str, to: SocketAddr) -> Command {
        let (ip, port) = (to.ip().to_string(), to.port().to_string());
        let exec = self.engine.docker(["exec", "--interactive", container]);
        exec.args(RUN).args([ip, port]).timeout(LIMIT)
    }

    /// Passes a connection on until one end has ended it.
    pub(super) async fn pass(&self, within: &Within, to: SocketAddr, connection: TcpStream) {
        let Ok(container) = self.within(within).await else {
            // Whoever connected sees it fail; why, the next command that the engine is given says.
            let _ = connection.set_zero_linger();
            return;
        };
        let Ok(connection) = connection.into_std() else { return };
        let carried = self.connect(&container, to).connected_to(connection.into()).await;
        if carried.is_ok_and(|output| !KNOWN.contains(&output.exit_code)) {
            // It was removed: the next connection has a new one.
            self.forget(within).await;
        }
    }
}

/// Whether a network's bridge is an interface of this host. An engine names it by the network's id,
/// which no other network has.
fn is_of_this_host(interfaces: &Path, network: &str) -> bool {
    let Some(begin) = network.get(..12) else { return false };
    interfaces.join(format!("br-{begin}")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_of_this_host_by_its_bridge_alone() {
        let interfaces = tempfile::tempdir().expect("a temporary folder");
        let id = "0123456789abcdef0123456789abcdef";
        assert!(!is_of_this_host(interfaces.path(), id));
        std::fs::create_dir(interfaces.path().join("br-0123456789ab")).expect("made");
        assert!(is_of_this_host(interfaces.path(), id));
        // Another engine's, or what is no id at all.
        for other in ["1123456789abcdef", "0123456789a", ""] {
            assert!(!is_of_this_host(interfaces.path(), other), "{other}");
        }
    }
}
