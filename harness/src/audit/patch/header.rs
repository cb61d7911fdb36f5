//! What the policy asks of the header that a remedy is about, and how directives are told.

use super::Bench;
use crate::audit::headers::HeaderRule;
use crate::model::mode::Mode;

pub(super) fn names(line: &str, directive: &str) -> bool {
    line.split_whitespace().next() == Some(directive)
}

pub(super) fn rule<'a>(bench: &'a Bench<'_>) -> Option<&'a HeaderRule> {
    let mut rules = bench.policy.rules(bench.observed.mode == Mode::Tls);
    rules.find(|rule| rule.name == bench.header())
}

/// The value that a policy asks for, where it leaves no choice.
pub(super) fn given(rule: &HeaderRule) -> Option<String> {
    if let Some(value) = rule.is.first() {
        return Some(value.clone());
    }
    if let Some(hsts) = rule.hsts {
        let flag = |wanted: bool, name: &'static str| if wanted { name } else { "" };
        let subdomains = flag(hsts.include_subdomains, "; includeSubDomains");
        let preload = flag(hsts.preload, "; preload");
        return Some(format!("max-age={}{subdomains}{preload}", hsts.max_age_s));
    }
    if !rule.csp.is_empty() {
        return Some(whole(rule));
    }
    let off = rule.off.iter().map(|feature| format!("{feature}=()")).collect::<Vec<_>>();
    (!off.is_empty()).then(|| off.join(", "))
}

/// The strictest content security policy that a rule allows: of sources that exclude each other,
/// the first.
fn whole(rule: &HeaderRule) -> String {
    let directive = |(name, sources): (&String, &Vec<String>)| {
        let alone = sources.first().is_some_and(|source| source == "'none'");
        let kept = if alone { &sources[..1] } else { &sources[..] };
        format!("{name} {}", kept.join(" "))
    };
    // What everything else falls back to is read first.
    let (first, rest): (Vec<_>, Vec<_>) =
        rule.csp.iter().partition(|(name, _)| *name == "default-src");
    first.into_iter().chain(rest).map(directive).collect::<Vec<_>>().join("; ")
}
