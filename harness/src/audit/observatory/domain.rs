//! Hosts and the domains that someone registered.
//!
//! Whether a script is foreign and whether a cookie may name a domain both hang on the
//! Public Suffix List, of which each reads a different part.

use psl::{List, Psl as _, Type};

/// Which rules of the Public Suffix List hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suffixes {
    /// Those of registries: `co.uk`.
    Registries,
    /// Also those of private companies: `github.io`.
    All,
}

/// The host that an `http://` or `https://` address names. Lenient: it need not be one
/// that could be connected to.
pub(super) fn host_of(address: &str) -> Option<String> {
    let address: String = address
        .trim_end_matches(|c| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\r' | '\n'))
        .collect();
    let (_, rest) = address.split_once("://")?;
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next()?,
        None => match host.split_once(':') {
            Some((name, port)) if !port.contains(':') => name,
            _ => host,
        },
    };
    Some(host.trim_end_matches('.').to_lowercase())
}

/// The domain that someone registered and that a host belongs to. Nothing for an IP
/// address, a suffix alone, or what cannot be a host name.
pub(super) fn registered(host: &str, suffixes: Suffixes) -> Option<&str> {
    if !is_host_name(host) || is_ipv4(host) {
        return None;
    }
    let mut suffix = List.suffix(host.as_bytes())?;
    let mut parent = host;
    // A private suffix stands below one of a registry, which its parent leads to.
    while suffixes == Suffixes::Registries && suffix.typ() == Some(Type::Private) {
        let private = &parent[parent.len() - suffix.as_bytes().len()..];
        parent = private.split_once('.')?.1;
        suffix = List.suffix(parent.as_bytes())?;
    }
    let below = host.len().checked_sub(suffix.as_bytes().len() + 1)?;
    let label_at = host[..below].rfind('.').map_or(0, |dot| dot + 1);
    (label_at < below).then(|| &host[label_at..])
}

/// Whether a string has the structure of a host name; underscores and characters beyond
/// ASCII are let through.
fn is_host_name(host: &str) -> bool {
    let in_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let labels = host.strip_prefix('.').unwrap_or(host).split('.');
    host.len() <= 255
        && labels.into_iter().all(|label| {
            !label.is_empty()
                && label.chars().count() <= 63
                && label.chars().all(|c| in_label(c) || !c.is_ascii())
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Whether a host is four numbers.
fn is_ipv4(host: &str) -> bool {
    let numbers: Vec<&str> = host.split('.').collect();
    numbers.len() == 4
        && host.len() <= 15
        && !host.starts_with('.')
        && !host.ends_with('.')
        && numbers.iter().all(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_in_any_address() {
        let host = |address| host_of(address).expect("an address");
        assert_eq!(host("https://User:pw@CDN.Example.org:8443/x?y#z"), "cdn.example.org");
        assert_eq!(host("https://a.example?x=@b.example"), "a.example");
        assert_eq!(host("https:////a.example\\x"), "a.example");
        assert_eq!(host("https://a.example./x"), "a.example");
        assert_eq!(host("https://[2001:db8::1]:443/"), "2001:db8::1");
        assert_eq!(host("https://"), "");
    }

    #[test]
    fn private_suffixes_hold_only_where_asked() {
        let registries = |host| registered(host, Suffixes::Registries);
        assert_eq!(registries("a.b.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registries("someone.github.io"), Some("github.io"));
        assert_eq!(registered("someone.github.io", Suffixes::All), Some("someone.github.io"));
        assert_eq!(registered("github.io", Suffixes::All), None);
        assert_eq!(registries("github.io"), Some("github.io"));
        assert_eq!(registries("proxy.internal"), Some("proxy.internal"));
    }

    #[test]
    fn addresses_suffixes_and_nonsense_belong_to_no_domain() {
        for host in ["127.0.0.1", "localhost", "co.uk", "", "a b.example", "-a.example", "::1"] {
            assert_eq!(registered(host, Suffixes::Registries), None, "{host}");
        }
    }
}
