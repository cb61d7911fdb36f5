//! The grammar of `[[probe]]` in `drill.toml`, as serde reads it. Nothing is judged here:
//! [`validate`](crate::probe::validate) says what a combination lacks or what it must not have.
//!
//! Every string is a template: `{{name}}` stands for a fact of the drill or a captured value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One probe: a journey of steps that share a cookie jar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "keys of the grammar, each on its own")]
pub struct Probe {
    /// Unique; lowercase letters, digits, `.`, `-`. Reported as `probe.<id>`.
    pub id: String,
    /// The requirement it serves, such as `FR-5`.
    pub requirement: String,
    /// What a pass means, in one line.
    pub title: String,
    /// What a broken expectation means.
    #[serde(default)]
    pub severity: Severity,
    /// Runs only against such a target; skipped elsewhere.
    #[serde(default)]
    pub when: Option<When>,
    /// It changes the service, so it runs only in a sandbox. Needed by every probe with
    /// a command or with a method other than GET, HEAD and OPTIONS.
    #[serde(default)]
    pub writes: bool,
    /// What it changes is its own, and no other probe looks at it: it may run beside others that
    /// write.
    #[serde(default)]
    pub beside: bool,
    /// All that it changes is a session of the account that it logs in with, and ends: it runs
    /// against `--url` too, where the account is given.
    #[serde(default)]
    pub session: bool,
    /// It judges the certificate: where certificates are not verified, it warns.
    #[serde(default)]
    pub certificate: bool,
    /// Part of the round that stops the recovery clock. Such a probe must not write.
    #[serde(default)]
    pub health: bool,
    /// The id of a probe whose steps run first, in the same cookie jar: logging in.
    #[serde(default)]
    pub begin_with: Option<String>,
    /// How unsafe requests prove that they are not forged by another site.
    #[serde(default)]
    pub csrf: Option<Csrf>,
    /// What is done, in order. The first broken expectation ends the journey.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

/// What a broken expectation means for the probe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The check fails.
    #[default]
    Fail,
    /// The check warns.
    Warn,
}

/// A kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The public address is `https`.
    Tls,
    /// The public address is `http`.
    Plain,
}

/// Copies a cookie into a header of every unsafe request, with `Origin` and `Referer`,
/// as a front end in a browser does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Csrf {
    /// The cookie, such as `csrftoken`.
    pub cookie: String,
    /// The header, such as `X-CSRFToken`.
    pub header: String,
}

/// One step: a request or a command, and what it must see.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Method and path: `GET /api/health/`; or several, of which each must see the same.
    #[serde(default)]
    pub request: Option<OneOrMany<String>>,
    /// A command in a service, instead of a request.
    #[serde(default)]
    pub exec: Option<Command>,
    /// Offers this version of TLS and none that is newer, instead of a request.
    #[serde(default)]
    pub handshake: Option<OldTls>,
    /// Uses this scheme instead of the target's, on its conventional port.
    #[serde(default)]
    pub scheme: Option<Scheme>,
    /// Headers to send. `Host` replaces the public name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON to send.
    #[serde(default)]
    pub json: Option<Value>,
    /// Form fields to send, URL-encoded; as multipart beside `files`.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    /// Files to send as multipart, by field.
    #[serde(default)]
    pub files: BTreeMap<String, Upload>,
    /// Follows redirects, up to ten, on the target's own host.
    #[serde(default)]
    pub follow: bool,
    /// Limit of one attempt, in seconds; 10 for a request and 60 for a command if absent.
    #[serde(default)]
    pub timeout_s: Option<u64>,
    /// Repeats the step until its expectations hold, for at most this many seconds.
    #[serde(default)]
    pub until_s: Option<u64>,
    /// What must be seen.
    #[serde(default)]
    pub expect: Expect,
    /// Values to take from the answer, by the name that later steps use.
    #[serde(default)]
    pub capture: BTreeMap<String, Capture>,
}

/// A command in a service of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The service.
    pub service: String,
    /// Program and arguments; no shell.
    pub command: Vec<String>,
}

/// A URL scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it is written in a URL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A generated file. Its hashes are `{{files.FIELD.sha256}}` and `{{files.FIELD.blake3}}`,
/// its size `{{files.FIELD.size}}`, in the expectations of its step and in later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The file name sent.
    pub name: String,
    /// What it holds. No two runs of a probe send the same bytes.
    pub content: Content,
    /// Pages of a PDF; 1 if absent.
    #[serde(default)]
    pub pages: Option<u32>,
}

/// What a generated file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// A minimal valid PDF.
    Pdf,
    /// A line of text.
    Text,
}

/// What a step must see. A step that expects nothing is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// A status, a class such as `"2xx"`, or a list of these.
    #[serde(default)]
    pub status: Option<OneOrMany<StatusPattern>>,
    /// Headers that appear exactly once, with exactly this value.
    #[serde(default)]
    pub header: BTreeMap<String, String>,
    /// Headers of which a value contains this text, or each of these.
    #[serde(default)]
    pub header_contains: BTreeMap<String, OneOrMany<String>>,
    /// Headers that must not appear.
    #[serde(default)]
    pub header_absent: Vec<String>,
    /// Media type without parameters: `text/css`; or several that will do.
    #[serde(default)]
    pub content_type: Option<OneOrMany<String>>,
    /// Text that the body, or a command's output, contains.
    #[serde(default)]
    pub contains: Option<OneOrMany<String>>,
    /// Text that the body, or a command's output, must not contain.
    #[serde(default)]
    pub lacks: Option<OneOrMany<String>>,
    /// JSON pointer → the value there.
    #[serde(default)]
    pub json: BTreeMap<String, Value>,
    /// JSON pointers at which there is a value, be it null.
    #[serde(default)]
    pub json_exists: Vec<String>,
    /// JSON pointers at which there is a value other than null.
    #[serde(default)]
    pub json_not_null: Vec<String>,
    /// SHA-256 of the body, hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// BLAKE3 of the body, hexadecimal.
    #[serde(default)]
    pub blake3: Option<String>,
    /// Size of the body, in bytes.
    #[serde(default)]
    pub size: Option<Number>,
    /// Exit code of a command.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Whether a handshake must be refused.
    #[serde(default)]
    pub refused: Option<bool>,
}

/// A version of TLS that nobody should accept any more (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OldTls {
    /// TLS 1.0.
    #[serde(rename = "1.0")]
    V1_0,
    /// TLS 1.1.
    #[serde(rename = "1.1")]
    V1_1,
}

impl OldTls {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "TLS 1.0",
            Self::V1_1 => "TLS 1.1",
        }
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "this takes one value or a list of them")]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// A status, or a class of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a status is a number such as 200 or a class such as \"2xx\"")]
pub enum StatusPattern {
    /// This one.
    Code(u16),
    /// `"1xx"` to `"5xx"`.
    Class(String),
}

/// A number, or a template that yields one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a size is a number of bytes or a template")]
pub enum Number {
    /// The number.
    Literal(u64),
    /// The template.
    Template(String),
}

/// Where a captured value is found. Exactly one key. What comes from a cookie, or under
/// a name that speaks of a token, password or secret, is never printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// A JSON pointer into the body.
    #[serde(default)]
    pub json: Option<String>,
    /// A response header.
    #[serde(default)]
    pub header: Option<String>,
    /// A cookie that the jar would send back to the same address.
    #[serde(default)]
    pub cookie: Option<String>,
}
