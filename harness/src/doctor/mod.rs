//! Diagnosis of the machine: each thing that a drill needs, what was found, and the remedy.
//! Looking changes nothing; [`fix`] installs what the host's packages offer.

mod findings;
mod fix;
mod look;
mod volumes;

use serde::Serialize;

pub use fix::fix;
pub use look::{Subject, examine};

/// How far a prerequisite is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Met.
    Ok,
    /// A drill can run, but something may disappoint.
    Warn,
    /// A drill cannot run.
    Missing,
}

/// What can be done about a finding without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// Install a container engine, and start it.
    InstallEngine,
    /// Start the engine that is installed.
    StartEngine,
    /// Install a compose tool.
    InstallCompose,
    /// Install debootstrap and Debian's keys.
    InstallDebootstrap,
    /// Install what the operators' scripts use.
    InstallTools,
}

/// One prerequisite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is needed.
    pub name: String,
    /// How far it is met.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do, unless it is met.
    pub remedy: Option<String>,
    /// What [`fix`] would do about it.
    pub fix: Option<Fix>,
}

impl Finding {
    fn new(name: &str, level: Level, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), level, found: found.into(), remedy: None, fix: None }
    }

    fn ok(name: &str, found: impl Into<String>) -> Self {
        Self::new(name, Level::Ok, found)
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn fixed_by(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}
