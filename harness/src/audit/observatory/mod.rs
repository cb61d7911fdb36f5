//! The MDN HTTP Observatory's grading, algorithm 6: twelve tests, a score and a grade.
//!
//! Written from its behaviour so as to agree with it, mistakes included; pure, so a grade
//! can be had of a site that the Observatory cannot reach. The observer fills in a
//! [`Site`], [`evaluate`] grades it.
//!
//! # Where it is blind
//!
//! A grade is no verdict. What the Observatory does not see must be found elsewhere:
//!
//! - HSTS for one hour costs 10 points, which bonuses make up for: A+. `max-age=abc` and
//!   `max-age="3600"` even pass, and `includeSubDomains` is not asked for.
//! - A session cookie without `Secure` costs 10 points where HSTS passes: A+ again. That a
//!   cookie is a session is guessed from its name (`login`, `sess`).
//! - One page is looked at, for its first answer: no other route, method or error page.
//! - CSP: unknown and misspelt directives pass, so do a missing `base-uri` or `form-action`
//!   and any `frame-ancestors`, however wide. A directive that only a later policy names
//!   counts as `'none'`.
//! - Subresource integrity: style sheets, and digests that match nothing. A script from
//!   `HTTPS://` in capitals counts as the site's own.
//! - CORS: one preflight, from one origin.
//!
//! # Where this differs
//!
//! The Observatory gives up on a site whose scripts or redirects name a host that it cannot
//! parse, or a host without a dot; here that is graded. It takes a body that is JSON for no
//! page at all; here it is read as markup. It has a mark for HTML that cannot be parsed,
//! which its parser never gives; here there is none.

mod cookies;
mod cors;
pub mod csp;
mod domain;
mod ecma;
mod grade;
mod hsts;
mod isolation;
mod jar;
mod mark;
mod markup;
mod policy;
mod preload;
mod redirection;
mod referrer;
mod site;
mod sri;
mod x_headers;

use serde::{Serialize, Serializer};

pub use grade::grade;
pub use mark::Mark;
pub use preload::{PreloadEntry, PreloadList};
pub use site::{Headers, Hop, Landing, Preflight, SetCookie, Site};

/// The version of the algorithm that this agrees with.
pub const ALGORITHM: u32 = 6;

/// The points of a site before any test.
pub const FULL_SCORE: i32 = 100;

/// One of the twelve tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    /// What the page may load and run.
    ContentSecurityPolicy,
    /// How cookies are protected.
    Cookies,
    /// What the page may embed.
    CrossOriginEmbedderPolicy,
    /// Who may hold on to the page's window.
    CrossOriginOpenerPolicy,
    /// Who may read the page.
    CrossOriginResourceSharing,
    /// Where plain HTTP leads.
    Redirection,
    /// What other sites learn of the page's address.
    ReferrerPolicy,
    /// Whether browsers insist on HTTPS.
    StrictTransportSecurity,
    /// Whether scripts are held against digests.
    SubresourceIntegrity,
    /// Whether browsers guess content types.
    XContentTypeOptions,
    /// Who may frame the page.
    XFrameOptions,
    /// Who may embed the response.
    CrossOriginResourcePolicy,
}

impl Test {
    /// All of them, in the Observatory's order.
    pub const ALL: [Self; 12] = [
        Self::ContentSecurityPolicy,
        Self::Cookies,
        Self::CrossOriginEmbedderPolicy,
        Self::CrossOriginOpenerPolicy,
        Self::CrossOriginResourceSharing,
        Self::Redirection,
        Self::ReferrerPolicy,
        Self::StrictTransportSecurity,
        Self::SubresourceIntegrity,
        Self::XContentTypeOptions,
        Self::XFrameOptions,
        Self::CrossOriginResourcePolicy,
    ];

    /// The name that the Observatory reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ContentSecurityPolicy => "content-security-policy",
            Self::Cookies => "cookies",
            Self::CrossOriginEmbedderPolicy => "cross-origin-embedder-policy",
            Self::CrossOriginOpenerPolicy => "cross-origin-opener-policy",
            Self::CrossOriginResourceSharing => "cross-origin-resource-sharing",
            Self::Redirection => "redirection",
            Self::ReferrerPolicy => "referrer-policy",
            Self::StrictTransportSecurity => "strict-transport-security",
            Self::SubresourceIntegrity => "subresource-integrity",
            Self::XContentTypeOptions => "x-content-type-options",
            Self::XFrameOptions => "x-frame-options",
            Self::CrossOriginResourcePolicy => "cross-origin-resource-policy",
        }
    }

    /// Judges a site by this test alone.
    #[must_use]
    pub fn judge(self, site: &Site) -> TestResult {
        TestResult::from(match self {
            Self::ContentSecurityPolicy => csp::evaluate(site),
            Self::Cookies => cookies::evaluate(site),
            Self::CrossOriginEmbedderPolicy => isolation::evaluate_embedder(site),
            Self::CrossOriginOpenerPolicy => isolation::evaluate_opener(site),
            Self::CrossOriginResourceSharing => cors::evaluate(site),
            Self::Redirection => redirection::evaluate(site),
            Self::ReferrerPolicy => referrer::evaluate(site),
            Self::StrictTransportSecurity => hsts::evaluate(site),
            Self::SubresourceIntegrity => sri::evaluate(site),
            Self::XContentTypeOptions => x_headers::evaluate_nosniff(site),
            Self::XFrameOptions => x_headers::evaluate_framing(site),
            Self::CrossOriginResourcePolicy => isolation::evaluate_resource(site),
        })
    }
}

impl Serialize for Test {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What one test concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TestResult {
    /// The test.
    pub test: Test,
    /// Its conclusion.
    pub result: Mark,
    /// Whether it passed.
    pub pass: bool,
    /// Points for or against.
    pub modifier: i32,
}

impl From<Mark> for TestResult {
    fn from(mark: Mark) -> Self {
        Self { test: mark.test(), result: mark, pass: mark.passes(), modifier: mark.modifier() }
    }
}

/// A graded site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`ALGORITHM`].
    pub algorithm: u32,
    /// The results of [`Test::ALL`], in its order.
    pub tests: Vec<TestResult>,
    /// From 0 up; above 100 with bonuses.
    pub score: i32,
    /// The letter of the score, from `A+` to `F`.
    pub grade: &'static str,
}

/// Why a site has no grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ungraded {
    /// Neither HTTPS nor HTTP answers.
    Down,
    /// The landing page answers with an error other than 401 or 403.
    Status(u16),
}

impl std::fmt::Display for Ungraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down => write!(f, "the site answers over neither HTTPS nor HTTP"),
            Self::Status(status) => write!(f, "the landing page answers with status {status}"),
        }
    }
}

impl std::error::Error for Ungraded {}

/// Grades a site.
pub fn evaluate(site: &Site) -> Result<Report, Ungraded> {
    let session = site.session().ok_or(Ungraded::Down)?;
    let status = session.landing.status;
    if !matches!(status, 200..=399 | 401 | 403) {
        return Err(Ungraded::Status(status));
    }
    let tests: Vec<TestResult> = Test::ALL.iter().map(|test| test.judge(site)).collect();
    let score = grade::score(tests.iter().map(|test| test.result));
    Ok(Report { algorithm: ALGORITHM, tests, score, grade: grade(score) })
}
