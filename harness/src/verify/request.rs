//! What is asked of a verification.

use std::path::PathBuf;
use std::time::Duration;

use super::application::Application;
use super::judge::expectations::Expected;
use crate::model::existing::Set;
use crate::model::fingerprint::Certificate;
use crate::model::reference::ReferenceColumn;
use crate::stack::isolation::Limits;

/// A restore that takes longer than this is given up.
pub const TIME_LIMIT: Duration = Duration::from_secs(12 * 3600);

/// What is asked of a verification.
#[derive(Debug, Clone)]
pub struct Request {
    /// What makes the backup, together.
    pub paths: Vec<PathBuf>,
    /// The other backups of the same folder, the newest first.
    pub others: Vec<Set>,
    /// Image of the server, instead of one of Debian's packages.
    pub image: Option<String>,
    /// How old it may be.
    pub max_age: Option<Duration>,
    /// What an operator expects of it.
    pub expected: Expected,
    /// What production was when it was taken.
    pub certificate: Option<Certificate>,
    /// Columns whose values are paths in an archive of the set.
    pub references: Vec<ReferenceColumn>,
    /// What prints the password of a repository.
    pub password_command: Option<String>,
    /// The stack that is to boot on what was restored.
    pub application: Option<Application>,
    /// Whether it is restored as a superuser.
    pub trust: bool,
    /// What the sandbox may use.
    pub limits: Limits,
    /// How long the restore may take.
    pub time_limit: Duration,
    /// Seconds that bringing it took, before this began.
    pub fetched_s: Option<f64>,
    /// Folder below which the run's own folder is made.
    pub report_base: PathBuf,
    /// Whether the sandbox stays.
    pub keep: bool,
}

impl Request {
    /// A request that nothing else is said of.
    #[must_use]
    pub fn of(paths: Vec<PathBuf>, report_base: PathBuf) -> Self {
        Self {
            paths,
            others: Vec::new(),
            image: None,
            max_age: None,
            expected: Expected::default(),
            certificate: None,
            references: Vec::new(),
            password_command: None,
            application: None,
            trust: false,
            limits: Limits::default(),
            time_limit: TIME_LIMIT,
            fetched_s: None,
            report_base,
            keep: false,
        }
    }
}
