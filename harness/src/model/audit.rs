//! What an audit saw and judged, as one serialisable record: every document about it is rendered
//! from this and from nothing else.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::mode::Mode;

/// An audit of a stack in its modes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When it ended, in UTC. Documents are compared without it.
    pub made_at: String,
    /// Runs that it consists of. Documents are compared without them.
    pub runs: Vec<String>,
    /// Folder of the stack, as it was given.
    pub stack: String,
    /// The policy on headers.
    pub policy: String,
    /// One a mode.
    pub modes: Vec<ModeRecord>,
    /// The stores, and how they grow.
    pub stores: StoresRecord,
}

/// One mode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModeRecord {
    /// Which.
    pub mode: Mode,
    /// Public address.
    pub target: String,
    /// Answers that were judged.
    pub answers: usize,
    /// Distinct statuses among them.
    pub statuses: Vec<u16>,
    /// Statuses of the matrix that no route gave.
    pub unseen: Vec<u16>,
    /// One a header of the policy.
    pub headers: Vec<HeaderRecord>,
    /// One a kind of `Set-Cookie` line.
    pub cookies: Vec<CookieRecord>,
    /// One a forged or unusual host.
    pub hosts: Vec<HostRecord>,
    /// Status of each step of logging in.
    pub login: Vec<(String, u16)>,
    /// The TLS end.
    pub tls: Option<TlsRecord>,
    /// Django's configuration.
    pub django: Option<DjangoRecord>,
    /// One a step in a real browser; empty where nobody looked through one.
    #[serde(default)]
    pub visits: Vec<VisitRecord>,
    /// The Observatory's grade and points.
    pub grade: Option<(String, i32)>,
    /// What was judged.
    pub findings: Vec<Finding>,
}

/// A header of the policy, over all answers of a mode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HeaderRecord {
    /// Its name.
    pub name: String,
    /// The requirement it serves.
    pub requirement: String,
    /// It must not be there.
    pub absent: bool,
    /// Answers with exactly one line of it.
    pub on: usize,
    /// Answers in all.
    pub of: usize,
    /// Its distinct values.
    pub values: Vec<String>,
}

/// A kind of `Set-Cookie` line.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CookieRecord {
    /// Name of the cookie.
    pub name: String,
    /// Its attributes, without dates.
    pub attributes: Vec<String>,
}

/// What came of a forged or unusual host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Name of the case.
    pub id: String,
    /// Statuses that are right.
    pub right: Vec<u16>,
    /// The status that came; none where the connection was closed.
    pub status: Option<u16>,
    /// Whether it is right, and the answer repeats nothing forged.
    pub good: bool,
}

/// The TLS end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsRecord {
    /// Versions that are accepted, old and new.
    pub accepted: Vec<String>,
    /// Versions that are refused.
    pub refused: Vec<String>,
    /// Names in the server's certificate.
    pub names: Vec<String>,
}

/// A step in a real browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitRecord {
    /// Its name.
    pub id: String,
    /// Path of the page at its end.
    pub path: String,
    /// Whether it came to its end.
    pub reached: bool,
    /// How many things the content security policy blocked.
    pub violations: usize,
    /// Errors of the console, apart from those that are meant.
    pub complaints: usize,
    /// Name of its screenshot in the evidence.
    pub screenshot: String,
}

/// Django's configuration, as far as a document shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DjangoRecord {
    /// Version.
    pub version: String,
    /// Settings module in use.
    pub module: String,
    /// Checks that were run, those of deployments included.
    pub checks_run: usize,
    /// Ids of the checks that complained.
    pub complaints: Vec<String>,
    /// Silenced checks.
    pub silenced: Vec<String>,
    /// Middleware, in order.
    pub middleware: Vec<String>,
    /// Applications.
    pub apps: Vec<String>,
    /// `ALLOWED_HOSTS`.
    pub allowed_hosts: Vec<String>,
    /// Whether the key is as strong as the rules ask.
    pub strong_key: bool,
    /// Settings that are shown, with their values.
    pub settings: Vec<(String, String)>,
}

/// The stores of a stack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoresRecord {
    /// Volumes, with the services that mount them.
    pub volumes: Vec<VolumeRecord>,
    /// How much there is at each scale of the deterministic dataset.
    pub sizes: Vec<SizeRecord>,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRecord {
    /// Its name in the stack.
    pub name: String,
    /// `critical`, `rebuildable` or `cache`, as `drill.toml` says; critical where it says nothing.
    pub class: String,
    /// Whether `drill.toml` says so.
    pub classified: bool,
    /// Copies in the stack and bytes of the volume, as they were measured for `drill.toml`.
    pub measured: Vec<(u64, u64)>,
    /// Bytes that each copy adds, by the measurements.
    pub growth_bytes: Option<u64>,
    /// Services that mount it.
    pub services: Vec<String>,
}

/// How much there is at a scale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeRecord {
    /// The scale.
    pub scale: String,
    /// Rows, over all tables.
    pub rows: u64,
    /// Files, one a scanned copy.
    pub files: u64,
    /// Bytes of all files.
    pub media_bytes: u64,
    /// Large objects in the database.
    pub large_objects: u64,
}

impl AuditRecord {
    /// Every finding with its mode.
    pub fn findings(&self) -> impl Iterator<Item = (Mode, &Finding)> {
        self.modes.iter().flat_map(|mode| mode.findings.iter().map(move |it| (mode.mode, it)))
    }
}
