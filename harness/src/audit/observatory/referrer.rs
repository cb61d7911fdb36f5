//! `Referrer-Policy`, from the header and from the page's `<meta name="referrer">`.
//!
//! Of all the words in all of them, the last one that is a policy counts.

use super::{ecma, mark::Mark, markup, site::Site};

/// Policies that tell other sites no more than browsers do by default.
const PRIVATE: [&str; 4] =
    ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];

/// Policies that tell more, over plain HTTP at least.
const UNSAFE: [&str; 4] =
    ["no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "unsafe-url"];

/// Judges the referrer policy.
pub(super) fn evaluate(site: &Site) -> Mark {
    let Some(session) = site.session() else {
        return Mark::ReferrerMissing;
    };
    let header = session.landing.headers.value("referrer-policy");
    let meta = markup::in_page_policies(session.landing).referrer;
    if header.is_none() && meta.is_none() {
        return Mark::ReferrerMissing;
    }
    let words = [header, meta].into_iter().flatten().collect::<Vec<_>>();
    words
        .join(",")
        .to_lowercase()
        .rsplit(',')
        .map(ecma::trim)
        .find_map(|word| match word {
            word if PRIVATE.contains(&word) => Some(Mark::ReferrerPrivate),
            word if UNSAFE.contains(&word) => Some(Mark::ReferrerUnsafe),
            _ => None,
        })
        .unwrap_or(Mark::ReferrerInvalid)
}
