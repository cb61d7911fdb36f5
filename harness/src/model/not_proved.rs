//! What a verdict does not cover, in a fixed vocabulary. It is listed whatever the verdict is: a
//! pass without this list is read as more than it is.

use serde::{Deserialize, Serialize};

/// What kind of thing was not proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// That production's own data comes back: the drill had other data.
    RealData,
    /// That data came back whose loss somebody has accepted.
    Accepted,
    /// That a service works: it was left out of the copy.
    Service,
    /// That a volume comes back: it counts as rebuildable or as a cache.
    Volume,
    /// That files come back which containers wrote outside of every volume.
    Container,
    /// That the server is set as it was.
    Settings,
    /// That the rows of a database are what they were: its files were compared, not its rows.
    Rows,
    /// What the service answers: no service is known that answers requests, or it was empty before.
    Answers,
    /// What is lost between backup and disaster: nothing was written meanwhile.
    DataLoss,
    /// What the restored stack tries to send: nothing took it down.
    Egress,
    /// That what came back is what the source held: nobody has certified the source.
    Equality,
    /// That roles have what they had: the backup has none.
    Privileges,
    /// That files which rows name are there: the backup has none, or nobody knows the columns.
    References,
    /// That it comes back in its own version of the server.
    Version,
    /// That a part comes back that was left out on purpose.
    LeftOut,
}

impl Gap {
    /// The word used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RealData => "real-data",
            Self::Accepted => "accepted",
            Self::Service => "service",
            Self::Volume => "volume",
            Self::Container => "container",
            Self::Settings => "settings",
            Self::Rows => "rows",
            Self::Answers => "answers",
            Self::DataLoss => "data-loss",
            Self::Egress => "egress",
            Self::Equality => "equality",
            Self::Privileges => "privileges",
            Self::References => "references",
            Self::Version => "version",
            Self::LeftOut => "left-out",
        }
    }
}

/// Something that was not proved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotProved {
    /// What kind of thing.
    pub gap: Gap,
    /// Which one; empty where the kind says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Why.
    pub why: String,
}

impl NotProved {
    /// A gap with its subject and its reason.
    pub fn new(gap: Gap, subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self { gap, subject: subject.into(), why: why.into() }
    }

    /// As one line.
    #[must_use]
    pub fn line(&self) -> String {
        match self.subject.as_str() {
            "" => format!("{}: {}", self.gap.name(), self.why),
            subject => format!("{} {subject}: {}", self.gap.name(), self.why),
        }
    }
}
