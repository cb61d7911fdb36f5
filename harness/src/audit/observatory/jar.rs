//! The cookies that a client would keep of those a site sets.
//!
//! A cookie for a foreign domain or a public suffix is refused, so is one whose name
//! promises what its attributes do not hold (`__Secure-`, `__Host-`); a later cookie of
//! the same name, domain and path replaces an earlier one. An expired cookie is kept.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

use super::{
    domain::{Suffixes, registered},
    ecma,
    site::{Session, SetCookie},
};

/// Names under which a domain may be claimed although no registry has them (RFC 6761).
const SPECIAL_USE: [&str; 5] = ["local", "example", "invalid", "localhost", "test"];

/// A cookie as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cookie {
    /// Its name, as sent.
    pub(super) name: String,
    domain: String,
    path: String,
    /// Sent over HTTPS alone.
    pub(super) secure: bool,
    /// Hidden from scripts.
    pub(super) http_only: bool,
    /// Which requests from other sites carry it; nothing if unsaid or unknown.
    pub(super) same_site: Option<SameSite>,
}

/// A value of `SameSite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SameSite {
    /// Requests of the same site alone carry it.
    Strict,
    /// Navigation from other sites carries it too.
    Lax,
    /// Every request carries it.
    None,
}

/// The cookies kept after a walk along redirects.
pub(super) fn kept(session: Session<'_>) -> Vec<Cookie> {
    let landing = session.landing;
    let last = landing
        .headers
        .lines("set-cookie")
        .map(|line| SetCookie { url: landing.url.clone(), line: line.to_owned() });
    let mut jar: Vec<Cookie> = Vec::new();
    for set in landing.cookies_on_the_way.iter().cloned().chain(last) {
        let Some(cookie) = accept(&set) else { continue };
        jar.retain(|old| {
            (&old.name, &old.domain, &old.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
        jar.push(cookie);
    }
    jar
}

/// What a `Set-Cookie` line says, before anyone decides whether to believe it.
#[derive(Debug, Default)]
struct Claim {
    name: String,
    domain: Option<String>,
    path: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: Option<SameSite>,
}

/// Keeps a cookie, or refuses it.
fn accept(set: &SetCookie) -> Option<Cookie> {
    let claim = parse(&set.line)?;
    let host = set.url.host_str()?.trim_matches(['[', ']']);
    if let Some(domain) = &claim.domain
        && !may_claim(host, &canonical(domain)?)
    {
        return None;
    }
    let path = claim.path.unwrap_or_else(|| default_path(&set.url));
    let bound_to_host = claim.domain.is_none() && path == "/";
    if claim.name.starts_with("__Secure-") && !claim.secure
        || claim.name.starts_with("__Host-") && !(claim.secure && bound_to_host)
    {
        return None;
    }
    Some(Cookie {
        name: claim.name,
        domain: claim.domain.unwrap_or_else(|| host.to_owned()),
        path,
        secure: claim.secure,
        http_only: claim.http_only,
        same_site: claim.same_site,
    })
}

/// Reads a `Set-Cookie` line (RFC 6265, 5.2); nothing if it names no cookie.
fn parse(line: &str) -> Option<Claim> {
    let mut parts = ecma::trim(line).split(';');
    let pair = parts.next()?.split(['\n', '\r', '\0']).next()?;
    let (name, value) = pair.split_once('=')?;
    let (name, value) = (ecma::trim(name), ecma::trim(value));
    if name.is_empty() || [name, value].iter().any(|text| text.contains(|c| c < ' ')) {
        return None;
    }
    let mut claim = Claim { name: name.to_owned(), ..Claim::default() };
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = ecma::trim(value);
        match ecma::trim(key).to_lowercase().as_str() {
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value);
                if !domain.is_empty() {
                    claim.domain = Some(domain.to_lowercase());
                }
            }
            "path" => claim.path = value.starts_with('/').then(|| value.to_owned()),
            "secure" => claim.secure = true,
            "httponly" => claim.http_only = true,
            "samesite" => {
                claim.same_site = match value.to_lowercase().as_str() {
                    "strict" => Some(SameSite::Strict),
                    "lax" => Some(SameSite::Lax),
                    "none" => Some(SameSite::None),
                    _ => None,
                }
            }
            _ => {}
        }
    }
    Some(claim)
}

/// A claimed domain as it is compared: without a dot before it, and in ASCII.
fn canonical(domain: &str) -> Option<String> {
    let domain = ecma::trim(domain);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    let url = Url::parse(&format!("http://{domain}")).ok()?;
    url.host_str().map(str::to_owned)
}

/// Whether a host may set a cookie for a domain: its own or one above it, but no public
/// suffix.
fn may_claim(host: &str, domain: &str) -> bool {
    let special = match domain.rsplit_once('.') {
        Some((_, top)) => SPECIAL_USE.contains(&top),
        None => ["localhost", "invalid"].contains(&domain),
    };
    let registrable = special
        || registered(domain, Suffixes::All).is_some()
        || domain.parse::<Ipv6Addr>().is_ok();
    let above = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let is_address = host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok();
    registrable && (host == domain || (above && !is_address))
}

/// The path of a cookie that names none (RFC 6265, 5.1.4).
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(last) => url.path()[..last].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(address: &str, line: &str) -> Option<Cookie> {
        accept(&SetCookie { url: Url::parse(address).expect("an address"), line: line.to_owned() })
    }

    #[test]
    fn a_cookie_is_kept_for_the_host_or_a_domain_above_it() {
        let host = "https://www.mozilla.org/a/b";
        for line in ["a=b", "a=b; Domain=mozilla.org", "a=b; domain=.MOZILLA.org", "a=; Path=x"] {
            assert!(accepted(host, line).is_some(), "{line}");
        }
        for line in
            ["a=b; Domain=org", "a=b; Domain=example.org", "a=b; Domain=zilla.org", "b", "=b"]
        {
            assert!(accepted(host, line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_public_suffix_cannot_be_claimed_even_by_itself() {
        assert!(accepted("https://github.io/", "a=b; Domain=github.io").is_none());
        assert!(accepted("https://github.io/", "a=b").is_some());
        assert!(accepted("https://127.0.0.1/", "a=b; Domain=127.0.0.1").is_none());
        assert!(accepted("https://localhost/", "a=b; Domain=localhost").is_some());
        assert!(accepted("https://app.test/", "a=b; Domain=app.test").is_some());
        assert!(accepted("https://app.test/", "a=b; Domain=test").is_none());
    }

    #[test]
    fn a_prefix_must_hold_what_it_promises() {
        let host = "https://mozilla.org/a/b";
        assert!(accepted(host, "__Secure-a=b").is_none());
        assert!(accepted(host, "__Secure-a=b; Secure").is_some());
        assert!(accepted(host, "__secure-a=b").is_some());
        assert!(accepted(host, "__Host-a=b; Secure; Path=/").is_some());
        assert!(accepted(host, "__Host-a=b; Secure").is_none());
        assert!(accepted(host, "__Host-a=b; Secure; Path=/; Domain=mozilla.org").is_none());
        assert!(accepted("https://mozilla.org/", "__Host-a=b; Secure").is_some());
    }

    #[test]
    fn attributes_are_read_in_any_case_and_the_last_one_counts() {
        let cookie = accepted(
            "https://mozilla.org/",
            " a = b ; SECURE=no;httponly ; SameSite=Lax; samesite=None; Path=/x; path=y",
        )
        .expect("kept");
        assert!(cookie.secure && cookie.http_only);
        assert_eq!(cookie.same_site, Some(SameSite::None));
        assert_eq!((cookie.name.as_str(), cookie.path.as_str()), ("a", "/"));
    }
}
