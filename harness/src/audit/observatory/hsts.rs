//! `Strict-Transport-Security`. The list of hosts that browsers ship stands above it.
//!
//! The header is read from the HTTPS landing alone. What `max-age=` is followed by is read
//! as `parseInt` would, so `max-age=abc` passes as if it were long enough.

use super::{ecma, mark::Mark, site::Site};

/// Six months, as the Observatory counts them: 180 days.
const SIX_MONTHS_S: f64 = 15_552_000.0;

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
}
