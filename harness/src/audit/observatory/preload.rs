//! The list of hosts that browsers reach over HTTPS alone, as they ship it.

use std::collections::HashMap;

/// A host of the preload list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreloadEntry {
    /// The host name.
    pub name: String,
    /// Whether browsers force HTTPS for it; an entry may be there for other reasons.
    pub force_https: bool,
    /// Whether its subdomains are covered.
    pub include_subdomains: bool,
}

/// The HSTS preload list, as Chromium's `transport_security_state_static.json` has it.
/// An empty list is right for hosts that are not on the public Internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreloadList(HashMap<String, PreloadEntry>);

impl FromIterator<PreloadEntry> for PreloadList {
    fn from_iter<I: IntoIterator<Item = PreloadEntry>>(entries: I) -> Self {
        let keyed = entries.into_iter().map(|entry| (entry.name.trim().to_lowercase(), entry));
        Self(keyed.collect())
    }
}

impl PreloadList {
    /// Whether browsers know a host, by itself or through a parent.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        let by_itself = self.0.get(host).is_some_and(|entry| entry.force_https);
        by_itself
            || parents
                .filter_map(|parent| self.0.get(parent))
                .any(|entry| entry.force_https && entry.include_subdomains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_covers_its_subdomains_only_when_it_says_so() {
        let entry = |name: &str, force_https, include_subdomains| PreloadEntry {
            name: name.to_owned(),
            force_https,
            include_subdomains,
        };
        let list: PreloadList = [
            entry("wide.example", true, true),
            entry("narrow.example", true, false),
            entry("pinned.example", false, true),
            entry("dev", true, true),
            entry("own.wide.example", false, false),
        ]
        .into_iter()
        .collect();
        assert!(list.covers("wide.example"));
        assert!(list.covers("a.b.wide.example"));
        assert!(list.covers("own.wide.example"));
        assert!(list.covers("narrow.example"));
        assert!(!list.covers("a.narrow.example"));
        assert!(!list.covers("pinned.example"));
        assert!(!list.covers("a.pinned.example"));
        assert!(list.covers("web.dev"));
        assert!(!list.covers("notwide.example"));
    }
}
