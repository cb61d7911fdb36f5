//! Cookies: `Secure`, `HttpOnly`, `SameSite`, and how far HSTS makes up for them.
//!
//! Sessions and anti-CSRF tokens are recognised by name alone. Blind to lifetime, to
//! prefixes that could be there, and to a session whose name says nothing (`sid`).

use super::{
    ecma, hsts,
    jar::{self, Cookie, SameSite},
    mark::{Mark, worsen},
    site::Site,
};

/// A cookie of a hosting company that its customers cannot change.
const NOT_THE_SITES_OWN: &str = "heroku-session-affinity";

/// The failures, from the least on.
const ORDER: [Mark; 7] = [
    Mark::CookiesInsecureButHsts,
    Mark::CookiesInsecure,
    Mark::CookiesSessionInsecureButHsts,
    Mark::CookiesSameSiteInvalid,
    Mark::CookiesAntiCsrfWithoutSameSite,
    Mark::CookiesSessionWithoutHttpOnly,
    Mark::CookiesSessionInsecure,
];

/// Judges the cookies that a client would keep.
pub(super) fn evaluate(site: &Site) -> Mark {
    let Some(session) = site.session() else {
        return Mark::CookiesNone;
    };
    let mut cookies = jar::kept(session);
    cookies.retain(|cookie| cookie.name != NOT_THE_SITES_OWN);
    if cookies.is_empty() {
        return Mark::CookiesNone;
    }
    let hsts = hsts::evaluate(site).passes();
    let mut worst = None;
    let mut raw = session.landing.headers.lines("set-cookie");
    if raw.any(has_unknown_same_site) {
        worsen(&mut worst, Mark::CookiesSameSiteInvalid, &ORDER);
    }
    for mark in cookies.iter().flat_map(|cookie| failures(cookie, hsts)) {
        worsen(&mut worst, mark, &ORDER);
    }
    let fine = if cookies.iter().all(|cookie| cookie.same_site.is_some()) {
        Mark::CookiesSecureSameSite
    } else {
        Mark::CookiesSecure
    };
    worst.unwrap_or(fine)
}

/// What is wrong with one cookie.
fn failures(cookie: &Cookie, hsts: bool) -> impl Iterator<Item = Mark> {
    let name = cookie.name.to_lowercase();
    let is_session = name.contains("login") || name.contains("sess");
    let is_anti_csrf = name.contains("csrf");
    let (exposed, session_exposed) = if hsts {
        (Mark::CookiesInsecureButHsts, Mark::CookiesSessionInsecureButHsts)
    } else {
        (Mark::CookiesInsecure, Mark::CookiesSessionInsecure)
    };
    let cross_site = cookie.same_site == Some(SameSite::None);
    [
        (!cookie.secure && cross_site, Mark::CookiesSameSiteInvalid),
        (!cookie.secure, exposed),
        (is_anti_csrf && cookie.same_site.is_none(), Mark::CookiesAntiCsrfWithoutSameSite),
        (is_session && !cookie.secure, session_exposed),
        (is_session && !cookie.http_only, Mark::CookiesSessionWithoutHttpOnly),
    ]
    .into_iter()
    .filter_map(|(wrong, mark)| wrong.then_some(mark))
}

/// Whether a line has a `SameSite` that is empty or no known word. Looks at every part of
/// the line, the cookie's own name and value included.
fn has_unknown_same_site(line: &str) -> bool {
    line.split(';').any(|part| {
        let mut sides = part.split('=').map(ecma::trim);
        let named = sides.next().is_some_and(|key| key.eq_ignore_ascii_case("samesite"));
        let known = sides.next().is_some_and(|value| {
            ["lax", "strict", "none"].contains(&value.to_lowercase().as_str())
        });
        named && !known
    })
}
