//! `drill.toml`: what the drill must know about a stack and cannot read from its compose
//! files. Types, defaults, and validation that names the nearest known key.

mod accept;
mod browser;
mod django;
mod egress;
mod include;
mod invariant;
mod ledger;
pub mod lines;
mod method;
pub mod probe;
mod route;
mod selection;
mod tls;
mod unknown;
mod volume;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::accept::acceptances;
pub use self::browser::{BrowserConfig, BrowserStep};
pub use self::django::DjangoConfig;
pub use self::egress::EgressConfig;
pub use self::invariant::{Holds, Invariant};
pub use self::ledger::{LEDGER_JOURNEY, LEDGER_KEY, LedgerConfig};
pub use self::method::{BUILT_IN, MethodConfig, RestoreInto, Step, TARGET};
pub use self::probe::Probe;
pub use self::route::Route;
pub use self::selection::Selection;
pub use self::tls::TlsConfig;
pub use self::volume::{Measured, VolumeClass, VolumeConfig, growth};
use crate::error::{Error, Result};
use crate::model::accept::Accept;
use crate::model::reference::ReferenceColumn;

/// Name of the file in the stack's folder.
pub const FILE_NAME: &str = "drill.toml";

/// File names that compose itself looks for, in its order.
const FILE_NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// Names of the override that compose reads beside one of these, in its order.
const OVERRIDES: [&str; 4] = [
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
];

/// Every key there is, with its meaning: the manual, and what unknown keys are held against.
pub const REFERENCE: &str = include_str!("reference.toml");

/// Everything `drill.toml` says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Files below the stack's folder that hold lists of this one, each of which adds up.
    pub include: Vec<PathBuf>,
    /// The compose files.
    pub stack: StackConfig,
    /// Variables the compose files are resolved with. They win over the stack's `.env`.
    pub environment: BTreeMap<String, Variable>,
    /// The PostgreSQL database whose rows are compared; absent when the stack has none.
    pub database: Option<DatabaseConfig>,
    /// The media store; absent when the stack has none.
    pub media: Option<MediaConfig>,
    /// What the stack's volumes are worth.
    #[serde(rename = "volume")]
    pub volumes: Vec<VolumeConfig>,
    /// The data that the sandbox starts with.
    pub dataset: DatasetConfig,
    /// How the service is reached.
    pub service: ServiceConfig,
    /// Where Django is asked about its configuration; absent when the service is not Django.
    pub django: Option<DjangoConfig>,
    /// What the stack is like over TLS; absent when it has no such mode.
    pub tls: Option<TlsConfig>,
    /// What the figures are held against.
    pub objectives: Objectives,
    /// What the services are known to send.
    pub egress: EgressConfig,
    /// The acknowledged writes of a drill.
    pub ledger: LedgerConfig,
    /// Ways to back up and restore beside those that are built in.
    #[serde(rename = "method")]
    pub methods: Vec<MethodConfig>,
    /// What must be true of the data before the backup and after the restore.
    #[serde(rename = "invariant")]
    pub invariants: Vec<Invariant>,
    /// Requests and commands that must succeed after the restore.
    #[serde(rename = "probe")]
    pub probes: Vec<Probe>,
    /// The cells of the audit's matrix.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
    /// Findings of the audit, and divergences, that may stay.
    #[serde(rename = "accept")]
    pub accepts: Vec<Accept>,
    /// What somebody does in a real browser; absent where nobody looks through one.
    pub browser: Option<BrowserConfig>,
}

/// The compose files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StackConfig {
    /// Compose files below the stack's folder, later ones override. Default: the first
    /// that compose itself would look for.
    pub files: Vec<PathBuf>,
    /// Folder whose image is the base of all others, below the stack's folder.
    pub base: Option<PathBuf>,
    /// What becomes of services that use the host's network.
    pub host_network: HostNetwork,
}

/// What becomes of a service with `network_mode: host` in a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostNetwork {
    /// The stack is refused.
    #[default]
    Refuse,
    /// It has the stack's default network instead. What it reached at localhost is not there.
    Replace,
}

/// A variable's value: given, or made anew for each run.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Variable {
    /// A value.
    Given(String),
    /// Letters and digits from the system's random source.
    Random {
        /// How many.
        random: usize,
    },
}

/// The database.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DatabaseConfig {
    /// Its service.
    pub service: String,
    /// Its volume; absent where its data lies in none that has a name.
    pub volume: Option<String>,
    /// Name, if the service's `POSTGRES_DB` does not give it.
    pub name: Option<String>,
    /// User, if the service's `POSTGRES_USER` does not give it.
    pub user: Option<String>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { service: "db".to_owned(), volume: None, name: None, user: None }
    }
}

/// The media store.
#[derive(Debug, Clone, Deserialize)]
pub struct MediaConfig {
    /// Its volume.
    pub volume: String,
    /// Columns that name files below the volume's root.
    #[serde(default)]
    pub references: Vec<ReferenceColumn>,
    /// Service whose Django models are asked for further such columns.
    pub models: Option<String>,
}

impl MediaConfig {
    /// Whether it says, or the models do, which columns name files.
    #[must_use]
    pub fn has_references(&self) -> bool {
        !self.references.is_empty() || self.models.is_some()
    }
}

/// The data that the sandbox starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DatasetConfig {
    /// Who generates it.
    pub generator: Generator,
}

/// Who generates the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// Nobody: the stack starts with what it creates itself.
    #[default]
    None,
    /// The generator of the reference stack.
    Korrigo,
}

/// How the service is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ServiceConfig {
    /// Service that answers requests from outside; absent when none does.
    pub entry: Option<String>,
    /// Port it listens on inside the sandbox.
    pub port: u16,
    /// Host name that requests carry.
    pub host: String,
    /// How long services may take to become ready, in seconds.
    pub ready_timeout_s: u64,
    /// What the entry passes requests on to, for the audit to ask by itself.
    pub backend: Option<BackendConfig>,
}

/// What answers behind the entry.
#[derive(Debug, Clone, Deserialize)]
pub struct BackendConfig {
    /// The service.
    pub service: String,
    /// Port it listens on inside the sandbox.
    pub port: u16,
}

impl ServiceConfig {
    /// The service that answers requests, for whoever must ask it.
    ///
    /// # Errors
    /// Usage when none is known.
    pub fn entry(&self) -> Result<&str> {
        self.entry.as_deref().ok_or_else(|| {
            Error::usage("no service of the stack is known to answer requests")
                .hint("name it in drill.toml: [service] entry = \"…\", and its port")
        })
    }
}

impl Config {
    /// Whether acknowledged writes are kept during a drill: they are looked up in a database.
    #[must_use]
    pub fn keeps_ledger(&self) -> bool {
        self.ledger.enabled && self.database.is_some()
    }

    /// Whether nobody said which requests prove the service's health, so that the entry is asked
    /// for what it has to offer, before the backup and after the restore.
    #[must_use]
    pub fn asks_unasked(&self) -> bool {
        self.service.entry.is_some() && !self.probes.iter().any(|probe| probe.health)
    }

    /// The database, for whatever cannot do without one.
    ///
    /// # Errors
    /// Usage when the stack has none that the drill can read.
    pub fn require_database(&self) -> Result<&DatabaseConfig> {
        self.database.as_ref().ok_or_else(|| {
            Error::usage("the stack has no PostgreSQL database that is known")
                .hint("name it in drill.toml: [database] service = \"…\", volume = \"…\"")
        })
    }
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            entry: None,
            port: 80,
            host: "localhost".to_owned(),
            ready_timeout_s: 180,
            backend: None,
        }
    }
}

/// What the figures are held against. An objective that is not set is not checked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Objectives {
    /// Recovery time objective (RTO), in seconds.
    pub recovery_time_s: Option<f64>,
    /// Recovery point objective (RPO), in seconds.
    pub data_loss_s: Option<f64>,
}

impl Objectives {
    fn validate(&self) -> Result<()> {
        let set = [("recovery_time_s", self.recovery_time_s), ("data_loss_s", self.data_loss_s)];
        for (key, seconds) in set {
            if let Some(seconds) = seconds.filter(|it| !it.is_finite() || *it < 0.0) {
                return Err(Error::usage(format!("objectives.{key} = {seconds} is no duration"))
                    .hint("give seconds, such as 300.0, or leave it out: it is not checked then"));
            }
        }
        Ok(())
    }
}

impl Config {
    /// Reads the configuration of the stack in `dir`. Without a `drill.toml` the defaults hold.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::load_selected(dir, &Selection::default())
    }

    /// The same, with the compose files that the operator names instead of those of `drill.toml`.
    pub fn load_selected(dir: &Path, selection: &Selection) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::usage(format!("stack folder {} does not exist", dir.display()))
                .hint("name the folder of a compose stack with --stack DIR"));
        }
        let file = dir.join(FILE_NAME);
        let mut config = match read(&file)? {
            Some(text) => {
                let mut config = Self::parse(&text, &file)?;
                accept::locate(&mut config.accepts, &text, FILE_NAME);
                config
            }
            None => Self::default(),
        };
        include::resolve(&mut config, dir)?;
        if !selection.files.is_empty() {
            config.stack.files = selection.absolute_files()?;
        }
        config.stack.files = config.compose_files(dir)?;
        accept::validate(&config.accepts)?;
        config.objectives.validate()?;
        config.egress.validate()?;
        config.ledger.validate()?;
        invariant::validate(&config.invariants)?;
        volume::validate(&config.volumes)?;
        method::validate(&config.methods)?;
        Ok(config)
    }

    fn parse(text: &str, file: &Path) -> Result<Self> {
        let wrong = |cause: String| {
            Error::usage(format!("{} is not valid", file.display()))
                .details(cause.trim_end().lines())
                .hint("docs/drill-toml.md has every key with its meaning")
        };
        let mut unknown = Vec::new();
        let document = toml::Deserializer::parse(text).map_err(|cause| wrong(cause.to_string()))?;
        let config = serde_ignored::deserialize(document, |path| unknown.push(path.to_string()))
            .map_err(|mut cause: toml::de::Error| {
                cause.set_input(Some(text));
                wrong(cause.to_string())
            })?;
        match unknown.first() {
            None => Ok(config),
            Some(path) => Err(unknown::error(path, file)),
        }
    }

    fn compose_files(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        if self.stack.files.is_empty() {
            let found = FILE_NAMES.iter().find(|name| dir.join(name).is_file());
            return found.map(|name| with_override(dir, name)).ok_or_else(|| {
                let looked_for = FILE_NAMES.join(", ");
                Error::usage(format!("{} has no compose file", dir.display())).hint(format!(
                    "looked for {looked_for}; name yours with --file, or in drill.toml: [stack] files = [\"…\"]"
                ))
            });
        }
        match self.stack.files.iter().find(|file| !dir.join(file).is_file()) {
            None => Ok(self.stack.files.clone()),
            Some(absent) => {
                let absent = dir.join(absent);
                Err(Error::usage(format!("compose file {} does not exist", absent.display()))
                    .hint("--file names it, or drill.toml under [stack] files"))
            }
        }
    }
}

/// The file that compose finds by itself, and the override that it reads with it.
fn with_override(dir: &Path, name: &str) -> Vec<PathBuf> {
    let overrides = OVERRIDES.iter().find(|name| dir.join(name).is_file());
    std::iter::once(&name).chain(overrides).map(PathBuf::from).collect()
}

/// The text of a file, if it is there.
fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::usage(format!("cannot read {}", file.display()))
            .because(cause)
            .hint("it must be a readable UTF-8 text file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("drill.toml"))
    }

    #[test]
    fn the_reference_has_no_unknown_key() {
        parse(REFERENCE).expect("the reference is valid");
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = parse("[database]\nservce = \"db\"\n").expect_err("a typing error");
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert!(error.to_string().contains("database.servce"), "{error}");
        assert!(error.next_step().expect("a hint").contains("\"service\""), "{error:?}");
    }

    #[test]
    fn a_wrong_type_shows_the_line() {
        let error = parse("[service]\nport = \"eighty\"\n").expect_err("not a number");
        assert!(error.detail_lines().iter().any(|line| line.contains("port = \"eighty\"")));
    }

    #[test]
    fn a_folder_without_a_compose_file_is_refused() {
        let empty = tempfile::tempdir().expect("temporary folder");
        let error = Config::load(empty.path()).expect_err("nothing there");
        assert!(error.to_string().contains("has no compose file"));
    }
}
