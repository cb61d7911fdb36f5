//! Options that say which stack is meant, as compose's own have it, and with what data. A drill has
//! profiles of its own, so compose's are asked for under another name there.

use std::path::{Path, PathBuf};

use clap::Args;
use harness::config::Selection;
use harness::dataset::Scale;
use harness::model::origin::Origin;
use harness::plan::Request;
use harness::stack::isolation::Limits;

use crate::called;
use crate::flags::{Command, RunbookCommand};
use crate::values::{data, rate, scale, seed};

impl Command {
    /// Whether what it is to read lies below a folder.
    pub(crate) fn reads_below(&self, folder: &Path) -> bool {
        let (stack, file) = match self {
            Self::DrDrill(options) => (options.stack.dir(), None),
            Self::Smoke(options) => (options.stack.dir(), None),
            Self::Audit(options) => (options.stack.dir(), None),
            Self::Up(options) => (options.dir(), None),
            Self::Verify(options) => {
                (options.stack.as_deref().unwrap_or_else(|| called::reference().as_ref()), None)
            }
            Self::Bench(options) => (options.stack.as_path(), None),
            Self::Volumes(options) => (options.stack.as_path(), None),
            Self::Doctor(options) => (options.stack.as_path(), None),
            Self::Runbook { command: RunbookCommand::Check(options) } => {
                (options.stack.stack.as_path(), Some(&options.file))
            }
            Self::Init(_)
            | Self::Down(_)
            | Self::Clean(_)
            | Self::Fingerprint(_)
            | Self::Compare(_)
            | Self::Report(_)
            | Self::Retention(_)
            | Self::Dist(_)
            | Self::Pages(_) => return false,
        };
        stack.starts_with(folder) || file.is_some_and(|file| file.starts_with(folder))
    }
}

/// What of a stack is meant, as compose's own options say it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectionOptions {
    /// Compose file, as compose's own `--file`: repeat it, later ones override.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// File of variables that is read instead of the stack's `.env`: repeat it, later ones override.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// The project's name instead of the one that compose would find.
    #[arg(long, value_name = "NAME")]
    pub(crate) project_name: Option<String>,
    /// Service that the copy does not have; repeat it.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) without: Vec<String>,
}

impl SelectionOptions {
    /// The selection, with services of these profiles.
    pub(crate) fn with_profiles(&self, profiles: &[String]) -> Selection {
        let Self { file, env_file, project_name, without } = self;
        Selection {
            files: file.clone(),
            env_files: env_file.clone(),
            profiles: profiles.to_owned(),
            project_name: project_name.clone(),
            without: without.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InitOptions {
    /// Folder of the stack: its compose files. The folder of the first `--file`, or the current
    /// one, if not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) stack: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: SelectionOptions,
    /// Profile whose services belong to the stack; repeat it.
    #[arg(long, alias = "compose-profile", value_name = "NAME")]
    pub(crate) profile: Vec<String>,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// Write a drill.toml into the stack's folder, each line with its ground. One that is there
    /// stays.
    #[arg(long)]
    pub(crate) write: bool,
}

/// A stack as its compose files have it, with what data, driven by what.
#[derive(Debug, Clone, Args)]
pub(crate) struct WholeStackOptions {
    /// Folder of the stack: its compose files and drill.toml. The reference stack, if not given.
    #[arg(long, value_name = "DIR", default_value = called::reference(), hide_default_value = true)]
    pub(crate) stack: PathBuf,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// How much data: small (20,000 rows, 200 files), medium (1 M rows, 1 GB), large, or a
    /// number of rows.
    #[arg(long, value_name = "SCALE", default_value = "small", value_parser = scale)]
    pub(crate) scale: Scale,
    /// Seed of the data: the same seed gives the same bytes.
    #[arg(long, value_name = "N", default_value = "1", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
}

impl WholeStackOptions {
    /// The request of a copy with these, and with nothing else said of it.
    pub(crate) fn request(&self) -> Request {
        let Self { stack, compose, scale, seed } = self;
        let compose = compose.clone();
        let report_base = called::runs().into();
        Request { compose, scale: *scale, seed: *seed, report_base, ..Request::of(stack) }
    }
}

/// Where the data of a copy comes from, and what reading and running it may take.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataOptions {
    /// Where the data comes from: live (the running project, which is only read), sample
    /// (generated, where the stack says how), or empty (what images make of empty volumes, to try
    /// things out). If not given: sample where drill.toml says how, else live.
    #[arg(long, value_name = "ORIGIN", value_parser = data())]
    pub(crate) data: Option<Origin>,
    /// How fast the running project's dump and files may be read, in bytes a second: 20MB.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) max_rate: Option<u64>,
    /// Memory that each container of the copy may use, as compose has it: 512m.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Cores that each container of the copy may use: 1.5.
    #[arg(long, value_name = "CORES")]
    pub(crate) cpus: Option<f64>,
}

impl DataOptions {
    /// A request with these.
    pub(crate) fn of(&self, data: Origin, request: Request) -> Request {
        let cpus = self.cpus.map(|cpus| cpus.to_string());
        let limits = Limits { memory: self.memory.clone(), cpus };
        Request { data: Some(data), max_rate: self.max_rate, limits, ..request }
    }
}

/// The same, of as much of it as is asked for.
#[derive(Debug, Clone, Args)]
pub(crate) struct StackOptions {
    #[command(flatten)]
    pub(crate) whole: WholeStackOptions,
    #[command(flatten)]
    pub(crate) selection: SelectionOptions,
    /// Profile of compose whose services belong to the stack; repeat it.
    #[arg(long = "compose-profile", value_name = "NAME")]
    pub(crate) compose_profile: Vec<String>,
}

impl StackOptions {
    /// The request of a copy with these, and with nothing else said of it.
    pub(crate) fn request(&self) -> Request {
        Request { selection: self.selection(), ..self.whole.request() }
    }

    /// Folder of the stack.
    pub(crate) fn dir(&self) -> &Path {
        &self.whole.stack
    }

    /// What of the stack is asked for.
    pub(crate) fn selection(&self) -> Selection {
        self.selection.with_profiles(&self.compose_profile)
    }
}
