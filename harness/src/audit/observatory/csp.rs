//! `Content-Security-Policy`, from the header and from the page's `<meta http-equiv>`.
//!
//! The policy is reduced to a few facts, and the first bad one decides the mark. Blind to
//! directives it does not know: a misspelt `frame-ancestors` is no one's business here.

use serde::Serialize;

use super::{
    ecma,
    mark::Mark,
    markup,
    policy::Directives,
    site::{Session, Site},
};

/// Sources that allow practically everything.
const BROAD: [&str; 8] =
    ["ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"];

/// Sources that let markup bring its own code along.
const INLINE: [&str; 2] = ["'unsafe-inline'", "data:"];

/// What nonces and digests start with.
const NONCE_OR_DIGEST: [&str; 4] = ["'sha256-", "'sha384-", "'sha512-", "'nonce-"];

/// Directives for content that cannot act.
const PASSIVE: [&str; 2] = ["img-src", "media-src"];

/// What governs where no directive does.
const ANYTHING: &str = "*";

/// What a policy allows, as far as the Observatory tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the facts that the Observatory reports, each on its own"
)]
pub struct Facts {
    /// `frame-ancestors`, in the header, is set and not broad.
    pub anti_clickjacking: bool,
    /// `default-src` is `'none'` alone.
    pub default_none: bool,
    /// `base-uri` is absent, broad or inline.
    pub insecure_base_uri: bool,
    /// `form-action` is absent or broad.
    pub insecure_form_action: bool,
    /// An HTTPS page may load something active over plain HTTP or FTP.
    pub insecure_scheme_active: bool,
    /// An HTTPS page may load images or media over plain HTTP or FTP.
    pub insecure_scheme_passive: bool,
    /// Scripts are trusted by nonce or digest, and pass that trust on.
    pub strict_dynamic: bool,
    /// Scripts or styles may evaluate strings.
    pub unsafe_eval: bool,
    /// Scripts may be inline or from anywhere, or objects from anywhere.
    pub unsafe_inline: bool,
    /// Styles may be inline or from anywhere.
    pub unsafe_inline_style: bool,
    /// Objects may be from anywhere.
    pub unsafe_objects: bool,
}

/// A site's policy, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The conclusion.
    pub mark: Mark,
    /// The facts behind it; nothing where no policy was in force or it did not parse.
    pub facts: Option<Facts>,
    directives: Option<Directives>,
}

impl Analysis {
    /// Whether a policy in force names a directive.
    #[must_use]
    pub fn names(&self, directive: &str) -> bool {
        let directives = self.directives.as_ref();
        directives.is_some_and(|directives| directives.get(directive).is_some())
    }

    /// Every directive in force with its sources, after policies were intersected.
    pub fn directives(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.directives.iter().flat_map(Directives::iter)
    }
}

impl From<Mark> for Analysis {
    fn from(mark: Mark) -> Self {
        Self { mark, facts: None, directives: None }
    }
}

/// Judges the policy.
pub(super) fn evaluate(site: &Site) -> Mark {
    analyse(site).mark
}

/// Judges the policy and shows why.
#[must_use]
pub fn analyse(site: &Site) -> Analysis {
    let Some(session) = site.session() else {
        return Mark::CspMissing.into();
    };
    let headers = &session.landing.headers;
    let in_header = split(headers.value("content-security-policy"));
    let in_page = split(markup::in_page_policies(session.landing).content_security);
    let all = [in_header.clone(), in_page.clone()].concat();
    let Ok(mut enforced) = Directives::parse(&all) else {
        return Mark::CspInvalid.into();
    };
    let header_alone = Directives::parse(&in_header).unwrap_or_default();
    let page_alone = Directives::parse_in_page(&in_page).unwrap_or_default();
    if header_alone.is_empty() && page_alone.is_empty() {
        let reported = headers.value("content-security-policy-report-only");
        let is_reported = reported.is_some_and(|value| !value.is_empty());
        return Analysis::from(if is_reported { Mark::CspReportOnly } else { Mark::CspMissing });
    }
    let trust = apply_trust(&mut enforced);
    let facts = gather(&enforced, &header_alone, session, trust);
    let mut mark = conclude(&facts, trust);
    if mark.passes() && enforced.repeated {
        mark = Mark::CspDuplicateDirectives;
    }
    Analysis { mark, facts: Some(facts), directives: Some(enforced) }
}

/// Cuts header values into policies, which commas separate.
fn split(values: impl IntoIterator<Item = String>) -> Vec<String> {
    values
        .into_iter()
        .flat_map(|value| {
            value.split(',').map(|policy| ecma::trim(policy).to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

/// What `'strict-dynamic'` does to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// It is not there.
    ByOrigin,
    /// It replaces origins by nonces and digests.
    Dynamic,
    /// It is there without nonce or digest, so no script could run.
    Void,
}

/// Takes out of a policy what browsers ignore beside nonces, digests and
/// `'strict-dynamic'`. Changes what governs scripts and styles in place, so a
/// `default-src` that does changes for all that it governs.
fn apply_trust(directives: &mut Directives) -> Trust {
    for directive in ["script-src", "style-src"] {
        if let Some(sources) = directives.governing_mut(directive)
            && has_nonce_or_digest(sources)
        {
            sources.retain(|source| source != "'unsafe-inline'");
        }
    }
    let Some(scripts) = directives.governing_mut("script-src") else {
        return Trust::ByOrigin;
    };
    if !scripts.iter().any(|source| source == "'strict-dynamic'") {
        return Trust::ByOrigin;
    }
    if !has_nonce_or_digest(scripts) {
        return Trust::Void;
    }
    scripts.retain(|source| {
        !BROAD.iter().any(|broad| source.starts_with(broad))
            && !["'self'", "'unsafe-inline'"].contains(&source.as_str())
    });
    Trust::Dynamic
}

/// Reduces a policy to facts.
fn gather(
    enforced: &Directives,
    header_alone: &Directives,
    session: Session<'_>,
    trust: Trust,
) -> Facts {
    let anything = [ANYTHING.to_owned()];
    let or_anything = |sources: Option<_>| sources.unwrap_or(&anything[..]);
    let scripts = or_anything(enforced.governing("script-src"));
    let styles = or_anything(enforced.governing("style-src"));
    let objects = or_anything(enforced.governing("object-src"));
    let base = or_anything(enforced.get("base-uri"));
    let forms = or_anything(enforced.get("form-action"));
    let ancestors = or_anything(header_alone.get("frame-ancestors"));

    let mut active = enforced
        .iter()
        .filter(|(directive, _)| !PASSIVE.contains(directive) && *directive != "script-src")
        .flat_map(|(_, sources)| sources)
        .chain(scripts);
    let mut passive =
        PASSIVE.iter().filter_map(|directive| enforced.governing(directive)).flatten();
    let evaluates = |source: &String| source == "'unsafe-eval'";

    Facts {
        anti_clickjacking: !ancestors.iter().any(is_broad),
        default_none: enforced.get("default-src").is_some_and(|sources| sources == ["'none'"]),
        insecure_base_uri: base.iter().any(is_broad_or_inline),
        insecure_form_action: forms.iter().any(is_broad),
        insecure_scheme_active: session.https && active.any(is_insecure),
        insecure_scheme_passive: session.https && passive.any(is_insecure),
        strict_dynamic: trust == Trust::Dynamic,
        unsafe_eval: scripts.iter().chain(styles).any(evaluates),
        unsafe_inline: scripts.iter().any(is_broad_or_inline) || objects.iter().any(is_broad),
        unsafe_inline_style: styles.iter().any(is_broad_or_inline),
        unsafe_objects: objects.iter().any(is_broad),
    }
}

/// The mark of a policy: its first bad fact, in this order.
fn conclude(facts: &Facts, trust: Trust) -> Mark {
    let bad = [
        (trust == Trust::Void, Mark::CspInvalid),
        (facts.unsafe_inline, Mark::CspUnsafeInline),
        (facts.insecure_scheme_active, Mark::CspInsecureScheme),
        (facts.unsafe_eval, Mark::CspUnsafeEval),
        (facts.insecure_scheme_passive, Mark::CspInsecurePassiveOnly),
        (facts.unsafe_inline_style, Mark::CspUnsafeStyleOnly),
        (facts.default_none, Mark::CspNoUnsafeDefaultNone),
    ];
    bad.into_iter().find_map(|(holds, mark)| holds.then_some(mark)).unwrap_or(Mark::CspNoUnsafe)
}

fn has_nonce_or_digest(sources: &[String]) -> bool {
    let is_one = |source: &String| NONCE_OR_DIGEST.iter().any(|start| source.starts_with(start));
    sources.iter().any(is_one)
}

fn is_broad(source: impl AsRef<str>) -> bool {
    BROAD.contains(&source.as_ref())
}

fn is_broad_or_inline(source: impl AsRef<str>) -> bool {
    BROAD.iter().chain(&INLINE).any(|bad| *bad == source.as_ref())
}

fn is_insecure(source: impl AsRef<str>) -> bool {
    ["http:", "ftp:"].iter().any(|scheme| source.as_ref().starts_with(scheme))
}
