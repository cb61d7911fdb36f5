//! `[[route]]`: the cells of the audit's matrix: what is asked, and how the service answers it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::probe::{Command, OneOrMany};

/// A route of the service, asked with one or several methods.
#[derive(Debug, Clone, Deserialize)]
pub struct Route {
    /// Unique: `static.file`.
    pub id: String,
    /// Method and path, or several. Templates as in probes.
    pub request: OneOrMany<String>,
    /// The statuses that are right.
    pub status: OneOrMany<u16>,
    /// The proxy passes it on, so the backend is asked by itself too.
    #[serde(default)]
    pub backend: bool,
    /// Id of the probe whose steps sign in first.
    #[serde(default, rename = "as")]
    pub signed_in_by: Option<String>,
    /// Headers to send as well. `Host` replaces the public name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body to send.
    #[serde(default)]
    pub body: Option<String>,
    /// Announces a body of so many bytes, and sends none.
    #[serde(default)]
    pub announce: Option<u64>,
    /// Asks again with the entity tag of the first answer, which is the one that is judged.
    #[serde(default)]
    pub revalidate: bool,
    /// A command in a service of the copy, run before this is asked. What it does stays done.
    #[serde(default)]
    pub after: Option<Command>,
    /// The service whose container is removed from the copy before this is asked.
    #[serde(default)]
    pub without: Option<String>,
}

impl Route {
    /// Whether the copy is of no use for other routes once this was asked.
    #[must_use]
    pub fn spoils(&self) -> bool {
        self.after.is_some() || self.without.is_some()
    }
}
