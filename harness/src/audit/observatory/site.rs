//! What was observed of a site: everything the grader looks at, and nothing more.
//!
//! The observer fetches the site once over HTTP and once over HTTPS, follows redirects
//! itself, keeps the raw header lines of what it landed on, and sends one CORS preflight.

use url::Url;

use super::preload::PreloadList;

/// Headers of which a second line is dropped where others are joined: what Node.js does,
/// on which the grader runs.
const SECOND_LINE_DROPPED: [&str; 18] = [
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

/// The header lines of one response, as they came over the wire, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Takes name and value of each line; values without the white space around them.
    pub fn new<N, V>(lines: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let lines = lines.into_iter().map(|(n, v)| (n.into(), v.into()));
        Self(lines.collect())
    }

    /// The values of a header's lines, in order.
    pub fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A header as the grader's HTTP client hands it over: several lines joined by `, `,
    /// or the first alone where joining would make no sense.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let mut lines = self.lines(name);
        let mut value = lines.next()?.to_owned();
        if !SECOND_LINE_DROPPED.contains(&name) {
            for line in lines {
                value.push_str(", ");
                value.push_str(line);
            }
        }
        Some(value)
    }
}

/// A `Set-Cookie` line and the address whose response carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// Where it was set.
    pub url: Url,
    /// The header's value.
    pub line: String,
}

/// What a walk along redirects ended at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// Address of the last response.
    pub url: Url,
    /// Its status code.
    pub status: u16,
    /// Its header lines.
    pub headers: Headers,
    /// Its body as text.
    pub body: String,
    /// Whether every certificate on the way was trusted. False when the walk had to be
    /// repeated without verification; true where no TLS was involved.
    pub verified: bool,
    /// Cookies that the redirects before it set.
    pub cookies_on_the_way: Vec<SetCookie>,
}

/// One response of the walk that starts over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The address asked.
    pub url: Url,
    /// The status it answered with.
    pub status: u16,
}

/// The answer to a CORS preflight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preflight {
    /// The `Origin` that was sent.
    pub origin: Option<String>,
    /// The header lines that came back.
    pub headers: Headers,
}

/// A site, as observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The host name asked for, in lower case, without port.
    pub host: String,
    /// Where HTTPS led; nothing if no connection could be made.
    pub https: Option<Landing>,
    /// Where plain HTTP led; nothing if no connection could be made.
    pub http: Option<Landing>,
    /// Every response of the walk over plain HTTP, the first and the last included.
    pub http_route: Vec<Hop>,
    /// The preflight of the landing page; nothing if it failed.
    pub preflight: Option<Preflight>,
    /// The HSTS preload list to look hosts up in.
    pub preload: PreloadList,
}

/// The landing that most tests look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session<'a> {
    /// What was landed on.
    pub(super) landing: &'a Landing,
    /// Whether the walk *started* over HTTPS: the grader never looks where it went.
    pub(super) https: bool,
}

impl Site {
    /// HTTPS where it answered, plain HTTP otherwise.
    pub(super) fn session(&self) -> Option<Session<'_>> {
        let secure = self.https.as_ref().map(|landing| Session { landing, https: true });
        secure.or_else(|| self.http.as_ref().map(|landing| Session { landing, https: false }))
    }

    /// A header of the landing that most tests look at.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.session()?.landing.headers.value(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_header_are_joined_but_a_second_content_type_is_dropped() {
        let headers = Headers::new([
            ("X-Frame-Options", "DENY"),
            ("content-type", "text/html"),
            ("x-frame-options", "SAMEORIGIN"),
            ("Content-Type", "application/json"),
        ]);
        assert_eq!(headers.value("x-frame-options").as_deref(), Some("DENY, SAMEORIGIN"));
        assert_eq!(headers.value("content-type").as_deref(), Some("text/html"));
        assert_eq!(headers.value("etag"), None);
    }
}
