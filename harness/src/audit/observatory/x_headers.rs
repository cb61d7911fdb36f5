//! The two headers that browsers adopted before there was a standard.
//!
//! Both are invalid when sent twice, since their lines are joined by a comma.

use super::{csp, ecma, mark::Mark, site::Site};

/// Judges `X-Content-Type-Options`.
pub(super) fn evaluate_nosniff(site: &Site) -> Mark {
    match site.header("x-content-type-options") {
        None => Mark::NosniffMissing,
        Some(value) if value.is_empty() => Mark::NosniffMissing,
        Some(value) if ecma::trim(ecma::clip(&value, 256)).eq_ignore_ascii_case("nosniff") => {
            Mark::NosniffSet
        }
        Some(_) => Mark::NosniffInvalid,
    }
}

/// Judges who may frame the page: by the policy's `frame-ancestors` where there is one,
/// whatever it allows, and otherwise by `X-Frame-Options`.
pub(super) fn evaluate_framing(site: &Site) -> Mark {
    if csp::analyse(site).names("frame-ancestors") {
        return Mark::FramingByCsp;
    }
    let Some(value) = site.header("x-frame-options").filter(|value| !value.is_empty()) else {
        return Mark::FramingMissing;
    };
    let value = ecma::trim(ecma::clip(&value, 1024)).to_lowercase();
    match value.as_str() {
        "deny" | "sameorigin" => Mark::FramingDenied,
        allow if allow.starts_with("allow-from") => Mark::FramingAllowFrom,
        _ => Mark::FramingInvalid,
    }
}
