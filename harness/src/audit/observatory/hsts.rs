//! `Strict-Transport-Security`, and the list of hosts that browsers ship.
//!
//! The header is read from the HTTPS landing alone. What `max-age=` is followed by is read
//! as `parseInt` would, so `max-age=abc` passes as if it were long enough.

use std::collections::HashMap;

use super::{ecma, mark::Mark, site::Site};

/// Six months, as the Observatory counts them: 180 days.
const SIX_MONTHS_S: f64 = 15_552_000.0;

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

/// Judges HSTS. The preload list overrides whatever the header says, even a certificate
/// that is not trusted, as long as HTTPS answers at all.
pub(super) fn evaluate(site: &Site) -> Mark {
    let Some(landing) = &site.https else {
        return Mark::HstsNoHttps;
    };
    if site.preload.covers(&site.host) {
        return Mark::HstsPreloaded;
    }
    if !landing.verified {
        return Mark::HstsInvalidCert;
    }
    match landing.headers.value("strict-transport-security") {
        Some(value) => judge(ecma::clip(&value, 1024)),
        None => Mark::HstsMissing,
    }
}

/// Judges a header value.
fn judge(value: &str) -> Mark {
    // Directives have no commas, so one tells that the header was sent twice.
    if value.contains(',') {
        return Mark::HstsInvalid;
    }
    let directives = value.to_lowercase();
    let max_age = directives
        .split(';')
        .filter_map(|directive| ecma::trim(directive).strip_prefix("max-age="))
        .next_back();
    match max_age {
        None => Mark::HstsInvalid,
        // Unreadable counts as long enough: `NaN` is not less than anything.
        Some(age) => match ecma::leading_integer(ecma::clip(age, 120)) {
            Some(seconds) if seconds < SIX_MONTHS_S => Mark::HstsShort,
            _ => Mark::HstsSixMonths,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_max_age_counts_and_an_unreadable_one_passes() {
        assert_eq!(judge("max-age=63072000; max-age=3600"), Mark::HstsShort);
        assert_eq!(judge("MAX-AGE=15552000"), Mark::HstsSixMonths);
        assert_eq!(judge("max-age=15551999"), Mark::HstsShort);
        assert_eq!(judge("max-age=-1"), Mark::HstsShort);
        assert_eq!(judge("max-age=abc"), Mark::HstsSixMonths);
        assert_eq!(judge("max-age=\"3600\""), Mark::HstsSixMonths);
        assert_eq!(judge("max-age=1h"), Mark::HstsShort);
        assert_eq!(judge("max-age = 31536000"), Mark::HstsInvalid);
        assert_eq!(judge(""), Mark::HstsInvalid);
    }

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
