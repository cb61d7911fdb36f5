//! The three headers that isolate a page from others: opener, embedder and resource policy.
//!
//! Opener and embedder policy are structured fields (RFC 9651) whose item must be a token,
//! in lower case; the resource policy is a plain word in any case.

use super::{ecma, mark::Mark, site::Site};

/// Judges `Cross-Origin-Opener-Policy`.
pub(super) fn evaluate_opener(site: &Site) -> Mark {
    let Some(value) = present(site, "cross-origin-opener-policy") else {
        return Mark::CoopMissing;
    };
    match token(&value).as_deref() {
        Some("same-origin") => Mark::CoopSameOrigin,
        Some("same-origin-allow-popups") => Mark::CoopSameOriginAllowPopups,
        Some("noopener-allow-popups") => Mark::CoopNoopenerAllowPopups,
        Some("unsafe-none") => Mark::CoopUnsafeNone,
        _ => Mark::CoopInvalid,
    }
}

/// Judges `Cross-Origin-Embedder-Policy`.
pub(super) fn evaluate_embedder(site: &Site) -> Mark {
    let Some(value) = present(site, "cross-origin-embedder-policy") else {
        return Mark::CoepMissing;
    };
    match token(&value).as_deref() {
        Some("require-corp") => Mark::CoepRequireCorp,
        Some("credentialless") => Mark::CoepCredentialless,
        Some("unsafe-none") => Mark::CoepUnsafeNone,
        _ => Mark::CoepInvalid,
    }
}

/// Judges `Cross-Origin-Resource-Policy`.
pub(super) fn evaluate_resource(site: &Site) -> Mark {
    let Some(value) = present(site, "cross-origin-resource-policy") else {
        return Mark::CorpMissing;
    };
    match ecma::trim(ecma::clip(&value, 256)).to_lowercase().as_str() {
        // White space alone counts as absent here, unlike in its siblings.
        "" => Mark::CorpMissing,
        "same-origin" => Mark::CorpSameOrigin,
        "same-site" => Mark::CorpSameSite,
        "cross-origin" => Mark::CorpCrossOrigin,
        _ => Mark::CorpInvalid,
    }
}

/// A header, unless it is absent or empty.
fn present(site: &Site, name: &str) -> Option<String> {
    site.header(name).filter(|value| !value.is_empty())
}

/// The token that a structured field's item is, if it is one. Parameters may follow it;
/// anything else, a second value too, makes the field void.
fn token(value: &str) -> Option<String> {
    let value = ecma::trim(ecma::clip(value, 1024));
    let item: sfv::Item = sfv::Parser::new(value).parse().ok()?;
    Some(item.bare_item.as_token()?.as_str().to_owned())
}
