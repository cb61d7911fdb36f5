//! What the auditors saw: plain values, without judgement.

use std::collections::BTreeMap;

use super::django;
use super::finding::Place;
use super::mode::Mode;

/// An answer as it came over the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Name and value of each header line, in order; values without the white space around.
    pub lines: Vec<(String, String)>,
    /// The beginning of the body, as text.
    pub body: String,
}

impl Answer {
    /// The values of a header's lines, in order.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.lines.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The first value of a header.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }
}

/// A cell of the matrix: one request, and what nginx and Django answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The matrix's name of it: `static.file`.
    pub id: String,
    /// Method.
    pub method: String,
    /// Path, without what changes from run to run.
    pub path: String,
    /// Name the request was sent to, if not the service's own; empty for none.
    pub host: Option<String>,
    /// Whether it went over TLS.
    pub over_tls: bool,
    /// The statuses that the matrix knows of.
    pub expected: Vec<u16>,
    /// Through the proxy.
    pub answer: Answer,
    /// From the backend itself, where the proxy passes the route on.
    pub backend: Option<Answer>,
}

impl Exchange {
    /// As findings name it: `GET /api/ → 401`.
    #[must_use]
    pub fn subject(&self) -> String {
        let scheme = if self.over_tls { "https" } else { "http" };
        format!("{} {} → {} ({scheme})", self.method, self.path, self.answer.status)
    }

    /// Whether the backend answered, as far as status codes tell: what nginx answers by itself
    /// has its own error pages.
    #[must_use]
    pub fn is_of_backend(&self) -> bool {
        self.backend.as_ref().is_some_and(|backend| backend.status == self.answer.status)
    }
}

/// Logging in with a jar that does as browsers do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// Status of each step, by its request: the form's token, the login, the account's own page.
    pub statuses: Vec<(String, u16)>,
    /// Cookies that the jar would not send back, because they are `Secure` and the connection
    /// was not.
    pub withheld: Vec<String>,
}

/// A request that a client library would have straightened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCase {
    /// Name of the case: `two-hosts`.
    pub id: String,
    /// What it is, in a few words.
    pub title: String,
    /// The head that was sent.
    pub sent: String,
    /// Statuses that are right.
    pub right: Vec<u16>,
    /// What must appear nowhere in the answer.
    pub lacks: Vec<String>,
    /// The answer; absent where the connection was closed without one.
    pub answer: Option<Answer>,
}

/// The TLS end of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// What came of offering old versions, by name.
    pub old: Vec<(&'static str, Result<OldTlsAnswer, String>)>,
    /// What came of offering today's versions alone, by name.
    pub modern: Vec<(&'static str, Result<(), String>)>,
    /// Why the chain, the name or the dates were not accepted, if they were not.
    pub distrust: Option<String>,
    /// The certificates sent, the server's own first.
    pub chain: Vec<Certificate>,
    /// When this was seen, in seconds since 1970.
    pub seen_at_s: i64,
}

/// A certificate, as far as rules look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name of whom it is for.
    pub subject: String,
    /// Distinguished name of who signed it.
    pub issuer: String,
    /// Names and addresses it is valid for.
    pub names: Vec<String>,
    /// Instants between which it is valid, in seconds since 1970.
    pub valid_s: (i64, i64),
}

/// A line of a browser's console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// `SEVERE`, `WARNING` ….
    pub level: String,
    /// `security`, `network`, `javascript` ….
    pub source: String,
    /// What it says.
    pub text: String,
}

/// Something that a content security policy blocked in a browser (CSP3, 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The directive that blocks it: `script-src-elem`.
    pub directive: String,
    /// What is blocked: an address, or `inline`, `eval` ….
    pub blocked: String,
    /// The page or the script that has it or asks for it; empty where that is not known.
    pub file: String,
    /// Line there, from 1; 0 where it is not known.
    pub line: u32,
}

/// A step of a visit with a real browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Name of the step.
    pub id: String,
    /// Where it ended.
    pub url: String,
    /// What the policy blocked.
    pub violations: Vec<Violation>,
    /// What the console said of it, apart from what is known to be meant.
    pub complaints: Vec<Complaint>,
    /// Why the step did not come to its end, if it did not.
    pub stuck: Option<String>,
}

/// Everything that was seen of a service in one mode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The mode.
    pub mode: Mode,
    /// Its public name.
    pub host: String,
    /// The matrix.
    pub exchanges: Vec<Exchange>,
    /// Logging in; absent where there was no account to log in with.
    pub login: Option<Login>,
    /// The hosts.
    pub hosts: Vec<HostCase>,
    /// The TLS end.
    pub tls: Option<Tls>,
    /// What a browser saw; empty where none was asked.
    pub visits: Vec<Visit>,
    /// Text of every file of the proxy's configuration, by its path there.
    pub proxy: Vec<(String, String)>,
    /// What Django says of its configuration; absent where nobody asked it.
    pub django: Option<django::Facts>,
    /// The day on which this was seen: `2026-11-25`.
    pub day: String,
    /// Files of the stack's folder that may cause what was seen: path below it → text.
    pub files: BTreeMap<String, String>,
    /// Variables of Django's service, and the line that gives each its value, unless it is the
    /// value that makes this mode.
    pub given: BTreeMap<String, Place>,
    /// The same of the proxy's.
    pub given_to_proxy: BTreeMap<String, Place>,
    /// Variables of the environment and the values that make this mode, as `drill.toml` has them.
    pub switches: BTreeMap<String, String>,
    /// Whether nobody knows what application answers: remedies name no setting of Django then.
    pub foreign: bool,
}

/// What a server answered to the offer of a version of TLS that is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldTlsAnswer {
    /// It goes on with the handshake in this version, as on the wire: 0x0302 is TLS 1.1.
    Accepted(u16),
    /// It refused with an alert (RFC 5246, 7.2.2): 70 is `protocol_version`.
    Alert(u8),
    /// It closed the connection.
    Closed,
    /// It answered with something that is no TLS.
    NotTls,
}

impl OldTlsAnswer {
    /// Whether the version was refused.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Alert(_) | Self::Closed)
    }

    /// In words, as `offered …: ` has them.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Accepted(version) => format!("accepted, as version {version:#06x}"),
            Self::Alert(70) => "refused, alert protocol_version".to_owned(),
            Self::Alert(40) => "refused, alert handshake_failure".to_owned(),
            Self::Alert(alert) => format!("refused, alert {alert}"),
            Self::Closed => "refused, connection closed".to_owned(),
            Self::NotTls => "answered with something that is no TLS".to_owned(),
        }
    }
}
