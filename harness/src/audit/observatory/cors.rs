//! Cross-origin resource sharing, by the answer to a preflight.
//!
//! The only failure is an answer that reflects whatever origin asked *and* lets it use
//! the user's credentials.

use super::{ecma, mark::Mark, site::Site};

/// Judges the preflight.
pub(super) fn evaluate(site: &Site) -> Mark {
    let Some(preflight) = &site.preflight else {
        return Mark::CorsMissing;
    };
    let header = |name| preflight.headers.value(name).filter(|value| !value.is_empty());
    let Some(allowed) = header("access-control-allow-origin") else {
        return Mark::CorsMissing;
    };
    if ecma::trim(ecma::clip(&allowed, 256)) == "*" {
        return Mark::CorsPublic;
    }
    let reflected = preflight.origin.as_ref().is_some_and(|origin| *origin == allowed);
    let credentials = header("access-control-allow-credentials")
        .is_some_and(|value| ecma::trim(&value).eq_ignore_ascii_case("true"));
    if reflected && credentials { Mark::CorsUniversal } else { Mark::CorsRestricted }
}
