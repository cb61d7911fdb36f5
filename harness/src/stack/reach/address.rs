//! Where a container is reached from this host: by its own address, or through a relay.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpStream;

use super::relay::{Relays, Within};
use crate::error::Result;

/// Where a container is reached from this host.
#[derive(Debug, Clone)]
pub struct Address {
    ip: IpAddr,
    relayed: Option<(Relays, Within)>,
}

impl Address {
    /// Reached by this address itself.
    #[must_use]
    pub fn direct(ip: IpAddr) -> Self {
        Self { ip, relayed: None }
    }

    pub(super) fn relayed(ip: IpAddr, relays: Relays, within: Within) -> Self {
        Self { ip, relayed: Some((relays, within)) }
    }

    /// Its address in its own network: what other containers there reach it by.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Where this host's connections go: to itself, or to the loopback, where a relay is.
    #[must_use]
    pub fn reached(&self) -> IpAddr {
        match self.relayed {
            None => self.ip,
            Some(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// Where this host connects to reach one of its ports. Through a relay, that the port is closed
    /// is seen as a connection that breaks off: [`is_open`](Self::is_open) tells.
    ///
    /// # Errors
    /// Undecided when there is to be a relay and it cannot be started.
    pub async fn at(&self, port: u16) -> Result<SocketAddr> {
        let to = SocketAddr::new(self.ip, port);
        match &self.relayed {
            None => Ok(to),
            Some((relays, within)) => relays.open(within, to).await,
        }
    }

    /// Whether one of its ports takes connections.
    ///
    /// # Errors
    /// Undecided when there is to be a relay and it cannot be asked.
    pub async fn is_open(&self, port: u16) -> Result<bool> {
        let to = SocketAddr::new(self.ip, port);
        match &self.relayed {
            None => Ok(TcpStream::connect(to).await.is_ok()),
            Some((relays, within)) => relays.is_open(within, to).await,
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self::direct(ip)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_of_this_host_is_itself_and_says_whether_it_is_open() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
        let bound = listener.local_addr().expect("an address");
        let address = Address::direct(bound.ip());
        assert_eq!(address.at(bound.port()).await.expect("known"), bound);
        assert!(address.is_open(bound.port()).await.expect("asked"));
        drop(listener);
        assert!(!address.is_open(bound.port()).await.expect("asked"));
    }
}
