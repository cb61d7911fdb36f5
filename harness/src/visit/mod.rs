//! What the entry of a stack answers, asked the same before a disaster and after the restore.
//!
//! Owns the requests, what is kept of their answers, and the rules that tell a service with its
//! content from an empty one. Refuses to ask what could change something, and to leave the host.
//! Needs an address and the name that the service goes by; no configuration.

mod compare;
mod emptied;
mod fetch;
mod first_run;
mod harmless;
mod markup;
mod page;
mod round;
#[cfg(test)]
mod tests;
mod wait;
mod walk;

pub use compare::{Aspect, Difference, compare};
pub use emptied::{emptied, looks_empty};
pub use page::Page;
pub use round::Round;
pub use wait::{Answering, until_answering};
pub use walk::{Answered, LIMIT, Looked, Walked, again, look, walk};

use std::net::SocketAddr;

/// An entry, by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where to connect: a container's address and port.
    pub address: SocketAddr,
    /// What the service is called in the `Host` header: `localhost`, `example.test:8080`.
    pub host: String,
    /// Whether it speaks TLS. Any certificate will do: the network is the sandbox's own, and nothing
    /// secret is sent to a service elsewhere.
    pub tls: bool,
}

impl Target {
    /// For people: a relay's address says nothing by itself.
    fn shown(&self) -> String {
        format!("{} at {}", self.host, self.address)
    }
}
