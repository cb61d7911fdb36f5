//! Marks: everything a test can conclude, what it is worth, and whether it passes.
//!
//! Names and points are the MDN HTTP Observatory's, algorithm 6. The one table below is
//! the only place where they stand.

use serde::{Serialize, Serializer};

use super::Test;

/// Declares [`Mark`] and its lookups from one row per mark.
macro_rules! marks {
    ($($test:ident { $($mark:ident $name:literal $modifier:literal $passes:ident $meaning:literal;)+ })+) => {
        /// What a test concluded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Mark {
            $($(#[doc = concat!("`", $name, "`")] $mark,)+)+
        }

        impl Mark {
            /// Every mark, in the order of the table.
            pub const ALL: &[Self] = &[$($(Self::$mark,)+)+];

            /// The name that the Observatory reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($(Self::$mark => $name,)+)+ }
            }

            /// The test that can conclude it.
            #[must_use]
            pub fn test(self) -> Test {
                match self { $($(Self::$mark)|+ => Test::$test,)+ }
            }

            /// Points added to the score of 100, or taken from it.
            #[must_use]
            pub fn modifier(self) -> i32 {
                match self { $($(Self::$mark => $modifier,)+)+ }
            }

            /// Whether the test counts as passed.
            #[must_use]
            pub fn passes(self) -> bool {
                match self { $($(Self::$mark => marks!(@ $passes),)+)+ }
            }

            /// One sentence for a report.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $($(Self::$mark => $meaning,)+)+ }
            }
        }
    };
    (@ pass) => { true };
    (@ fail) => { false };
}

marks! {
    ContentSecurityPolicy {
        CspNoUnsafeDefaultNone "csp-implemented-with-no-unsafe-default-src-none" 10 pass
            "A policy without unsafe sources forbids by default what it does not list.";
        CspNoUnsafe "csp-implemented-with-no-unsafe" 5 pass
            "A policy without unsafe sources is enforced.";
        CspUnsafeStyleOnly "csp-implemented-with-unsafe-inline-in-style-src-only" 0 pass
            "A policy is enforced; only styles may come inline or from anywhere.";
        CspInsecurePassiveOnly "csp-implemented-with-insecure-scheme-in-passive-content-only" -10 pass
            "A policy is enforced, but images or media may come over plain HTTP.";
        CspUnsafeEval "csp-implemented-with-unsafe-eval" -10 fail
            "A policy is enforced, but lets scripts evaluate strings.";
        CspUnsafeInline "csp-implemented-with-unsafe-inline" -20 fail
            "A policy is enforced, but scripts or objects may come inline or from anywhere.";
        CspInsecureScheme "csp-implemented-with-insecure-scheme" -20 fail
            "A policy is enforced, but active content may come over plain HTTP.";
        CspDuplicateDirectives "csp-implemented-but-duplicate-directives" 0 pass
            "A policy is enforced, but names a reporting directive twice.";
        CspInvalid "csp-header-invalid" -25 fail
            "The policy cannot be parsed, or contradicts itself.";
        CspMissing "csp-not-implemented" -25 fail
            "No policy is enforced.";
        CspReportOnly "csp-not-implemented-but-reporting-enabled" -25 fail
            "A policy is only reported on, not enforced.";
    }
    Cookies {
        CookiesSecureSameSite "cookies-secure-with-httponly-sessions-and-samesite" 5 pass
            "Every cookie is Secure and SameSite, and session cookies are HttpOnly.";
        CookiesSecure "cookies-secure-with-httponly-sessions" 0 pass
            "Every cookie is Secure, and session cookies are HttpOnly.";
        CookiesNone "cookies-not-found" 0 pass
            "No cookie is set.";
        CookiesInsecureButHsts "cookies-without-secure-flag-but-protected-by-hsts" -5 fail
            "A cookie is not Secure, but HSTS keeps it off plain HTTP.";
        CookiesSessionInsecureButHsts "cookies-session-without-secure-flag-but-protected-by-hsts" -10 fail
            "A session cookie is not Secure, but HSTS keeps it off plain HTTP.";
        CookiesInsecure "cookies-without-secure-flag" -20 fail
            "A cookie is not Secure.";
        CookiesSameSiteInvalid "cookies-samesite-flag-invalid" -20 fail
            "A SameSite attribute has no known value, or is None without Secure.";
        CookiesAntiCsrfWithoutSameSite "cookies-anticsrf-without-samesite-flag" -20 fail
            "An anti-CSRF token is not SameSite.";
        CookiesSessionWithoutHttpOnly "cookies-session-without-httponly-flag" -30 fail
            "A session cookie is not HttpOnly.";
        CookiesSessionInsecure "cookies-session-without-secure-flag" -40 fail
            "A session cookie is not Secure.";
    }
    CrossOriginEmbedderPolicy {
        CoepMissing "coep-not-implemented" 0 pass
            "No embedder policy is sent.";
        CoepRequireCorp "coep-implemented-with-require-corp" 10 pass
            "Only resources that consent may be embedded.";
        CoepCredentialless "coep-implemented-with-credentialless" 10 pass
            "Resources of other origins are embedded without credentials.";
        CoepUnsafeNone "coep-implemented-with-unsafe-none" 0 pass
            "The embedder policy is the default: none.";
        CoepInvalid "coep-header-invalid" -5 fail
            "The embedder policy cannot be recognised.";
    }
    CrossOriginOpenerPolicy {
        CoopMissing "coop-not-implemented" 0 pass
            "No opener policy is sent.";
        CoopSameOrigin "coop-implemented-with-same-origin" 10 pass
            "The page is cut off from openers of other origins.";
        CoopSameOriginAllowPopups "coop-implemented-with-same-origin-allow-popups" 10 pass
            "The page is cut off from openers of other origins, except pop-ups of its own.";
        CoopNoopenerAllowPopups "coop-implemented-with-noopener-allow-popups" 10 pass
            "The page is cut off from its opener, whatever its origin.";
        CoopUnsafeNone "coop-implemented-with-unsafe-none" 0 pass
            "The opener policy is the default: none.";
        CoopInvalid "coop-header-invalid" -5 fail
            "The opener policy cannot be recognised.";
    }
    CrossOriginResourceSharing {
        CorsMissing "cross-origin-resource-sharing-not-implemented" 0 pass
            "Other origins cannot read the content.";
        CorsPublic "cross-origin-resource-sharing-implemented-with-public-access" 0 pass
            "Any origin can read the content, without credentials.";
        CorsRestricted "cross-origin-resource-sharing-implemented-with-restricted-access" 0 pass
            "Named origins can read the content.";
        CorsUniversal "cross-origin-resource-sharing-implemented-with-universal-access" -50 fail
            "Whatever origin asks can read the content with the user's credentials.";
    }
    Redirection {
        RedirectionPreloaded "redirection-all-redirects-preloaded" 0 pass
            "Every host on the way is on the HSTS preload list.";
        RedirectionToHttps "redirection-to-https" 0 pass
            "Plain HTTP redirects to HTTPS on the same host first.";
        RedirectionNotNeeded "redirection-not-needed-no-http" 0 pass
            "Nothing answers over plain HTTP.";
        RedirectionOffHost "redirection-off-host-from-http" -5 fail
            "The first redirect leaves the host, which never gets to send HSTS.";
        RedirectionNotFirstToHttps "redirection-not-to-https-on-initial-redirection" -10 fail
            "The first redirect stays on plain HTTP.";
        RedirectionNotToHttps "redirection-not-to-https" -20 fail
            "The redirects do not end at HTTPS.";
        RedirectionMissing "redirection-missing" -20 fail
            "Plain HTTP is served without a redirect.";
        RedirectionInvalidCert "redirection-invalid-cert" -20 fail
            "A certificate on the way is not trusted.";
    }
    ReferrerPolicy {
        ReferrerPrivate "referrer-policy-private" 5 pass
            "Other sites learn at most the origin, and none over plain HTTP.";
        ReferrerMissing "referrer-policy-not-implemented" 0 pass
            "No referrer policy is sent; browsers default to a private one.";
        ReferrerUnsafe "referrer-policy-unsafe" -5 fail
            "Other sites learn more than browsers tell them by default.";
        ReferrerInvalid "referrer-policy-header-invalid" -5 fail
            "The referrer policy cannot be recognised.";
    }
    StrictTransportSecurity {
        HstsPreloaded "hsts-preloaded" 5 pass
            "The host is on the HSTS preload list.";
        HstsSixMonths "hsts-implemented-max-age-at-least-six-months" 0 pass
            "HSTS holds for at least six months.";
        HstsShort "hsts-implemented-max-age-less-than-six-months" -10 fail
            "HSTS holds for less than six months.";
        HstsMissing "hsts-not-implemented" -20 fail
            "HSTS is not sent.";
        HstsInvalid "hsts-header-invalid" -20 fail
            "The HSTS header cannot be recognised, or was sent twice.";
        HstsNoHttps "hsts-not-implemented-no-https" -20 fail
            "HSTS is impossible: nothing answers over HTTPS.";
        HstsInvalidCert "hsts-invalid-cert" -20 fail
            "HSTS is void: the certificate is not trusted.";
    }
    SubresourceIntegrity {
        SriAllSecure "sri-implemented-and-all-scripts-loaded-securely" 5 pass
            "Scripts of the site's own carry digests, and no script is a risk.";
        SriExternalSecure "sri-implemented-and-external-scripts-loaded-securely" 5 pass
            "Scripts of other sites carry digests and come over HTTPS.";
        SriNotHtml "sri-not-implemented-response-not-html" 0 pass
            "The response is not HTML.";
        SriNoScripts "sri-not-implemented-but-no-scripts-loaded" 0 pass
            "The page has no script element.";
        SriOwnOriginOnly "sri-not-implemented-but-all-scripts-loaded-from-secure-origin" 0 pass
            "Every script comes from the site itself.";
        SriMissingButSecure "sri-not-implemented-but-external-scripts-loaded-securely" -5 fail
            "A script of another site carries no digest.";
        SriInsecureTransport "sri-implemented-but-external-scripts-not-loaded-securely" -20 fail
            "A script of another site carries a digest, but may come over plain HTTP.";
        SriMissingAndInsecure "sri-not-implemented-and-external-scripts-not-loaded-securely" -50 fail
            "A script of another site carries no digest and may come over plain HTTP.";
    }
    XContentTypeOptions {
        NosniffSet "x-content-type-options-nosniff" 0 pass
            "Browsers are told not to guess content types.";
        NosniffMissing "x-content-type-options-not-implemented" -5 fail
            "Browsers may guess content types.";
        NosniffInvalid "x-content-type-options-header-invalid" -5 fail
            "The header is not exactly `nosniff`.";
    }
    XFrameOptions {
        FramingByCsp "x-frame-options-implemented-via-csp" 5 pass
            "The policy's frame-ancestors says who may frame the page.";
        FramingDenied "x-frame-options-sameorigin-or-deny" 5 pass
            "No other origin may frame the page.";
        FramingAllowFrom "x-frame-options-allow-from-origin" 0 pass
            "One origin may frame the page, in a form that browsers no longer heed.";
        FramingMissing "x-frame-options-not-implemented" -20 fail
            "Any page may frame this one.";
        FramingInvalid "x-frame-options-header-invalid" -20 fail
            "The header cannot be recognised, or was sent twice.";
    }
    CrossOriginResourcePolicy {
        CorpMissing "corp-not-implemented" 0 pass
            "No resource policy is sent.";
        CorpSameOrigin "corp-implemented-with-same-origin" 10 pass
            "Only the same origin may embed the response.";
        CorpSameSite "corp-implemented-with-same-site" 10 pass
            "Only the same site may embed the response.";
        CorpCrossOrigin "corp-implemented-with-cross-origin" 0 pass
            "Any origin may embed the response.";
        CorpInvalid "corp-header-invalid" -5 fail
            "The resource policy cannot be recognised, or was sent twice.";
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Keeps the worse of two marks by a test's own order, best first. That order is not
/// the order of the points: two marks that cost the same may differ in it.
pub(super) fn worsen(worst: &mut Option<Mark>, mark: Mark, order: &[Mark]) {
    let rank = |mark: Mark| order.iter().position(|&other| other == mark);
    if worst.is_none_or(|worst| rank(mark) > rank(worst)) {
        *worst = Some(mark);
    }
}
