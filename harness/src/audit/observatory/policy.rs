//! Reading content security policies the way the Observatory does.
//!
//! Several policies are all in force, so their sources are intersected. The Observatory
//! approximates that: it sorts the sources of a directive and compares neighbours only,
//! which makes the sorting order part of the algorithm. Where the approximation is
//! wrong, it is wrong here too.

use std::collections::{BTreeMap, BTreeSet};

use super::ecma;

/// The shortest policy that is read at all, in UTF-16 units.
const SHORTEST_POLICY: usize = 6;

/// Directives that a policy in the page cannot carry.
const NOT_IN_PAGE: [&str; 3] = ["frame-ancestors", "report-uri", "sandbox"];

/// Directives that may be repeated, with a warning.
const REPEATABLE: [&str; 2] = ["report-uri", "report-to"];

/// The order in which the Unicode collation puts what occurs in sources: every character
/// of printable ASCII but capitals, which are lowered before.
const COLLATION: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";

/// The directives in force, and the sources that each allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Directives {
    sources: BTreeMap<String, Vec<String>>,
    /// Whether a repeatable directive was repeated.
    pub(super) repeated: bool,
}

/// A policy is too short, repeats a directive, or has a malformed escape.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unparseable;

/// A source on its way through the intersection.
#[derive(Debug)]
struct Source {
    text: String,
    /// Which policy it comes from.
    policy: usize,
    keep: bool,
}

impl Directives {
    /// Reads policies and intersects them.
    pub(super) fn parse(policies: &[String]) -> Result<Self, Unparseable> {
        let cleaned: Vec<String> = policies
            .iter()
            .map(|policy| ecma::trim(&policy.replace(['\r', '\n'], "")).to_owned())
            .collect();
        if cleaned.iter().any(|policy| policy.encode_utf16().count() < SHORTEST_POLICY) {
            return Err(Unparseable);
        }
        let mut merged: BTreeMap<String, Vec<Source>> = BTreeMap::new();
        let mut repeated = false;
        for (index, policy) in cleaned.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for entry in policy.split(';') {
                let mut words = entry
                    .split(ecma::is_space)
                    .filter(|word| !word.is_empty())
                    .map(str::to_lowercase);
                let Some(directive) = words.next() else {
                    continue;
                };
                if !seen.insert(directive.clone()) {
                    if !REPEATABLE.contains(&directive.as_str()) {
                        return Err(Unparseable);
                    }
                    repeated = true;
                }
                let earlier = merged.remove(&directive).unwrap_or_default();
                let mut sources = intersect(earlier, values(&directive, words, index), index)?;
                if index == 0 && cleaned.len() > 1 {
                    // From the second policy on, a source stays only if it is found again.
                    for source in &mut sources {
                        source.keep = false;
                    }
                }
                merged.insert(directive, sources);
            }
        }
        let sources =
            merged.into_iter().map(|(directive, sources)| (directive, flatten(sources))).collect();
        Ok(Self { sources, repeated })
    }

    /// Reads policies that stand in the page, without what is void there.
    pub(super) fn parse_in_page(policies: &[String]) -> Result<Self, Unparseable> {
        let mut parsed = Self::parse(policies)?;
        parsed.sources.retain(|directive, _| !NOT_IN_PAGE.contains(&directive.as_str()));
        Ok(parsed)
    }

    /// Whether nothing was declared. A repetition counts as something, even of a
    /// directive that was dropped.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty() && !self.repeated
    }

    /// What a directive allows, if it is declared.
    pub(super) fn get(&self, directive: &str) -> Option<&[String]> {
        self.sources.get(directive).map(Vec::as_slice)
    }

    /// What governs a directive: its own sources, or those of `default-src`.
    pub(super) fn governing(&self, directive: &str) -> Option<&[String]> {
        self.get(directive).or_else(|| self.get("default-src"))
    }

    /// The same, to be changed. A change to `default-src` is seen by every directive that
    /// it governs.
    pub(super) fn governing_mut(&mut self, directive: &str) -> Option<&mut Vec<String>> {
        let declared = self.sources.contains_key(directive);
        self.sources.get_mut(if declared { directive } else { "default-src" })
    }

    /// Every directive with its sources.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.sources.iter().map(|(directive, sources)| (directive.as_str(), sources.as_slice()))
    }
}

/// The sources that one policy gives a directive; a list of sources that is empty is
/// `'none'`.
fn values(directive: &str, words: impl Iterator<Item = String>, policy: usize) -> Vec<Source> {
    let source = |text| Source { text, policy, keep: policy == 0 };
    let mut sources: Vec<Source> = words.map(source).collect();
    if sources.is_empty() && directive.ends_with("-src") {
        sources.push(source("'none'".to_owned()));
    }
    sources
}

/// Joins what earlier policies left of a directive with what the next one says.
fn intersect(
    earlier: Vec<Source>,
    next: Vec<Source>,
    policy: usize,
) -> Result<Vec<Source>, Unparseable> {
    // Within the first policy a repeated directive replaces the one before.
    let mut sources = if policy == 0 { Vec::new() } else { earlier };
    sources.extend(next);
    sources.sort_by_cached_key(|source| collation_key(&source.text));
    for at in 1..sources.len() {
        let (before, rest) = sources.split_at_mut(at);
        let (previous, source) = (&before[at - 1], &mut rest[0]);
        if source.policy == previous.policy {
            // What a shorter source of the same policy covers is superfluous.
            if source.text.starts_with(&previous.text) {
                source.keep = false;
            }
        } else if path_matches(&previous.text, &source.text)? {
            source.keep = true;
        }
    }
    sources.retain(|source| source.keep);
    Ok(sources)
}

/// The texts of what is left, each once; nothing left means that nothing is allowed.
fn flatten(sources: Vec<Source>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut texts: Vec<String> = sources
        .into_iter()
        .map(|source| source.text)
        .filter(|text| seen.insert(text.clone()))
        .collect();
    if texts.is_empty() {
        texts.push("'none'".to_owned());
    }
    texts
}

/// Sorts as the Unicode collation does for what occurs in sources. Control characters do
/// not count; characters beyond ASCII, which no source may have, come last.
fn collation_key(text: &str) -> Vec<u32> {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| match COLLATION.find(c) {
            Some(position) => u32::try_from(position).unwrap_or(u32::MAX),
            None => 128 + u32::from(c),
        })
        .collect()
}

/// Whether a source covers another as a path covers a path (CSP 3, path-part match).
/// The comparison runs over whole sources, the scheme being the first segment.
fn path_matches(wide: &str, narrow: &str) -> Result<bool, Unparseable> {
    let exact = !wide.ends_with('/');
    let mut wide: Vec<&str> = wide.split('/').collect();
    let narrow: Vec<&str> = narrow.split('/').collect();
    if wide.len() > narrow.len() || (exact && wide.len() != narrow.len()) {
        return Ok(false);
    }
    if !exact {
        wide.pop();
    }
    for (a, b) in wide.into_iter().zip(narrow) {
        let decoded = |segment| ecma::decode_component(segment).ok_or(Unparseable);
        if decoded(a)? != decoded(b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(policies: &[&str], directive: &str) -> Vec<String> {
        let policies: Vec<String> = policies.iter().map(|&policy| policy.to_owned()).collect();
        let parsed = Directives::parse(&policies).expect("the policies parse");
        parsed.get(directive).expect("declared").to_vec()
    }

    fn fails(policy: &str) -> bool {
        Directives::parse(&[policy.to_owned()]).is_err()
    }

    #[test]
    fn one_policy_keeps_its_sources_without_superfluous_ones() {
        assert_eq!(
            sources(&["script-src https://a.example/ 'self' https://a.example/js/"], "script-src"),
            ["'self'", "https://a.example/"]
        );
        assert_eq!(sources(&["IMG-SRC HTTPS://A.example"], "img-src"), ["https://a.example"]);
        assert_eq!(sources(&["img-src"], "img-src"), ["'none'"]);
        assert_eq!(sources(&["sandbox"], "sandbox"), ["'none'"]);
    }

    #[test]
    fn several_policies_are_intersected() {
        assert_eq!(
            sources(
                &[
                    "default-src https://a.example https://b.example",
                    "default-src https://b.example"
                ],
                "default-src"
            ),
            ["https://b.example"]
        );
        assert_eq!(
            sources(
                &["default-src https://a.example/x/", "default-src https://a.example/x/y/"],
                "default-src"
            ),
            ["https://a.example/x/y/"]
        );
        assert_eq!(
            sources(&["default-src http:", "default-src https:"], "default-src"),
            ["'none'"]
        );
    }

    #[test]
    fn a_directive_of_a_later_policy_alone_ends_up_as_none() {
        assert_eq!(
            sources(&["default-src 'self'", "script-src https://a.example"], "script-src"),
            ["'none'"]
        );
        assert_eq!(
            sources(&["default-src 'self'", "script-src https://a.example"], "default-src"),
            ["'self'"]
        );
    }

    #[test]
    fn what_two_policies_share_survives_a_third_that_lacks_it() {
        assert_eq!(
            sources(
                &[
                    "default-src https://a.example",
                    "default-src https://a.example",
                    "default-src https://z.example"
                ],
                "default-src"
            ),
            ["https://a.example"]
        );
    }

    #[test]
    fn short_repeated_and_malformed_policies_do_not_parse() {
        assert!(fails("  "));
        assert!(fails("defa\r\n"));
        assert!(fails("img-src a; IMG-SRC b"));
        assert!(!fails(";;;;;;"));
        assert!(!fails("report-uri /a; report-uri /b"));
        let malformed = ["img-src %zz".to_owned(), "img-src %zz".to_owned()];
        assert_eq!(Directives::parse(&malformed), Err(Unparseable));
    }

    #[test]
    fn a_repeated_reporting_directive_keeps_its_last_value() {
        assert_eq!(sources(&["report-uri /a; report-uri /b"], "report-uri"), ["/b"]);
    }

    #[test]
    fn the_page_cannot_say_who_frames_it() {
        let only = Directives::parse_in_page(&["frame-ancestors 'none'".to_owned()]);
        assert!(only.expect("parses").is_empty());
        // The warning outlives the directive that it warns of.
        let twice = Directives::parse_in_page(&["report-uri /a; report-uri /b".to_owned()]);
        assert!(!twice.expect("parses").is_empty());
    }
}
