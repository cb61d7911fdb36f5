//! The way from this host to what is in the engine: to containers by address, where the engine's
//! networks are this host's own, else through a relay; to files by path, where this host's are the
//! engine's, else by carrying them there.
//!
//! Nothing is found out by trying to connect: another host's container may have the same address.

mod address;
mod door;
mod relay;
mod whereabouts;

pub use address::Address;
pub(in crate::stack) use relay::{LABEL_RELAY, Relays};
pub use whereabouts::Whereabouts;
pub(in crate::stack) use whereabouts::has_files_of;
