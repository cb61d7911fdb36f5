//! What is wrong with the value of a header, under a rule.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{HeaderRule, Hsts};

/// What is wrong, in words; nothing if the value is right.
pub(super) fn trouble(rule: &HeaderRule, value: &str, over_tls: bool) -> Option<String> {
    if !rule.is.is_empty() && !rule.is.iter().any(|right| right == value) {
        return Some(format!("it is {value:?}, not {}", quoted(&rule.is)));
    }
    let hsts = rule.hsts.and_then(|hsts| hsts_trouble(hsts, value));
    hsts.or_else(|| csp_trouble(rule, value, over_tls)).or_else(|| features_on(&rule.off, value))
}

/// Whether two values of a header mean the same: order within a policy does not count.
pub(super) fn same(name: &str, left: &str, right: &str) -> bool {
    if name.eq_ignore_ascii_case("Content-Security-Policy") {
        return csp(left) == csp(right);
    }
    left.trim().eq_ignore_ascii_case(right.trim())
}

fn quoted(values: &[String]) -> String {
    values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" or ")
}

/// RFC 6797, 6.1: directives in any order, `max-age` a number and exactly once.
fn hsts_trouble(wanted: Hsts, value: &str) -> Option<String> {
    let mut said = Vec::new();
    let mut flags = BTreeSet::new();
    for part in value.split(';').map(str::trim) {
        match part.split_once('=') {
            Some((name, age)) if name.trim().eq_ignore_ascii_case("max-age") => {
                said.push(age.trim().trim_matches('"').to_owned());
            }
            _ => {
                flags.insert(part.to_ascii_lowercase());
            }
        }
    }
    let [age] = &said[..] else { return Some(format!("it has {} max-age: {value:?}", said.len())) };
    let Ok(age_s) = age.parse::<u64>() else {
        return Some(format!("max-age is no number, so browsers ignore it: {value:?}"));
    };
    if age_s < wanted.max_age_s {
        return Some(format!("max-age is {age_s} s, less than {} s", wanted.max_age_s));
    }
    let lacks = |flag: &str, wanted: bool| wanted && !flags.contains(flag);
    if lacks("includesubdomains", wanted.include_subdomains) {
        return Some(format!("includeSubDomains is not there: {value:?}"));
    }
    lacks("preload", wanted.preload).then(|| format!("preload is not there: {value:?}"))
}

/// Directives by name; of two with one name the first counts (CSP3, 2.2.1).
fn csp(value: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for directive in value.split(';') {
        let mut words = directive.split_whitespace();
        let Some(name) = words.next() else { continue };
        let sources = words.map(str::to_owned).collect();
        found.entry(name.to_ascii_lowercase()).or_insert(sources);
    }
    found
}

fn csp_trouble(rule: &HeaderRule, value: &str, over_tls: bool) -> Option<String> {
    if rule.csp.is_empty() && rule.only_tls.is_empty() {
        return None;
    }
    let found = csp(value);
    for (name, allowed) in &rule.csp {
        let Some(sources) = found.get(name) else { return Some(format!("{name} is not there")) };
        if let Some(source) = sources.iter().find(|source| !allowed.contains(source)) {
            return Some(format!("{name} allows {source}"));
        }
    }
    for name in &rule.only_tls {
        match (over_tls, found.contains_key(name)) {
            (true, false) => return Some(format!("{name} is not there, over TLS")),
            (false, true) => return Some(format!("{name} is there, without TLS")),
            _ => {}
        }
    }
    None
}

fn features_on(off: &[String], value: &str) -> Option<String> {
    let parts = value.split(',').map(|part| part.trim().replace(' ', "")).collect::<Vec<_>>();
    let on = off.iter().find(|feature| !parts.contains(&format!("{feature}=()")))?;
    Some(format!("{on} is not off: {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::headers::Policy;

    fn found(header: &str, value: &str, over_tls: bool) -> Option<String> {
        let policy = Policy::named("korrigo").expect("there");
        let mut rules = policy.rules(over_tls);
        trouble(rules.find(|rule| rule.name == header).expect("a rule"), value, over_tls)
    }

    #[test]
    fn hsts_that_the_observatory_lets_pass_is_named() {
        let hsts = |value| found("Strict-Transport-Security", value, true);
        assert_eq!(hsts("max-age=31536000; includeSubDomains; preload"), None);
        assert_eq!(hsts("preload; Max-Age=\"63072000\"; includesubdomains"), None);
        for (value, named) in [
            ("max-age=3600; includeSubDomains; preload", "3600 s"),
            ("max-age=abc; includeSubDomains; preload", "no number"),
            ("includeSubDomains; preload", "0 max-age"),
            ("max-age=31536000; preload", "includeSubDomains"),
            ("max-age=31536000; includeSubDomains", "preload"),
        ] {
            assert!(hsts(value).is_some_and(|said| said.contains(named)), "{value}");
        }
    }

    #[test]
    fn a_csp_is_held_to_each_directive_and_to_its_mode() {
        let right = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: \
                     blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri \
                     'none'; form-action 'self'";
        let csp = |value: &str, over_tls| found("Content-Security-Policy", value, over_tls);
        assert_eq!(csp(right, false), None);
        assert_eq!(csp(&format!("{right}; upgrade-insecure-requests"), true), None);
        assert!(csp(right, true).is_some_and(|said| said.contains("upgrade-insecure-requests")));
        let wide = right.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'");
        assert!(csp(&wide, false).is_some_and(|said| said.contains("'unsafe-inline'")));
        let short = right.replace("base-uri 'none'; ", "");
        assert!(csp(&short, false).is_some_and(|said| said.contains("base-uri")));
    }

    #[test]
    fn a_feature_that_is_on_is_named() {
        let said = found("Permissions-Policy", "camera=(), microphone=*, geolocation=()", false);
        assert!(said.is_some_and(|said| said.contains("microphone")));
    }
}
