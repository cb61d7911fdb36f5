//! What is decided on the value of a key, and what the decision may look at.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::binds::Binds;
use crate::config::HostNetwork;

/// A stack as its keys are judged.
pub(super) struct Stack<'a> {
    /// Its folder.
    pub(super) dir: &'a Path,
    pub(super) services: BTreeSet<&'a str>,
    pub(super) volumes: BTreeSet<&'a str>,
    /// Folders of the host that it writes to.
    pub(super) binds: Binds,
    /// What becomes of the host's network.
    pub(super) host_network: HostNetwork,
}

impl Stack<'_> {
    /// Whether a mode is `service:NAME` of one of its services.
    pub(super) fn is_service(&self, mode: &str) -> bool {
        mode.strip_prefix("service:").is_some_and(|name| self.services.contains(name))
    }
}

/// Decides on a value, which is never an empty one.
pub(super) type Judge = fn(&Value, &Stack<'_>) -> Judgement;

/// What is decided on a value.
#[derive(Debug, PartialEq)]
pub(super) enum Judgement {
    /// It stays; what is below it is looked at by itself.
    Keep,
    /// The copy runs without it, and why.
    Drop(&'static str),
    /// The copy has this instead; every reason, or none where it means the same.
    Change(Value, Vec<&'static str>),
    /// The copy would reach outside the sandbox: the part of the value that would, and how.
    Refuse(String, &'static str),
}
