//! Options of `verify`: which backup, what may open it, and what it is held to.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use harness::model::reference::ReferenceColumn;

use crate::flags::RunOptions;
use crate::values::{age, column};

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// The backup: files, folders or repositories that belong together, such as a dump, its roles and
    /// an archive of files. It is only read.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Say what each is and what it says of itself, and restore nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// PATH is a folder of backups: judge the newest in full, and say of the others whether they are
    /// whole.
    #[arg(long)]
    pub(crate) all: bool,
    /// Bring the backup first: a command for `sh`, which leaves it at PATH. The time that it takes
    /// counts in the recovery time.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) fetch: Option<String>,
    /// A file of keys that opens what age has encrypted. What gpg has encrypted, its keyring opens.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// A command that prints the password of a repository of restic or Borg. If not given, their own
    /// variables count.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
    /// Fail a backup that is older, by what it says or by its newest row: 26h, 35d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) max_age: Option<Duration>,
    /// What must be true of it: rows, files and questions, in TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// A certificate that `fingerprint --out` took of production when the backup was taken: rows and
    /// catalogue are held to it, exactly.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// A column whose values are paths in an archive of the backup; repeat it. If not given, columns
    /// are looked for whose values are.
    #[arg(long, value_name = "TABLE.COLUMN", value_parser = column)]
    pub(crate) references: Vec<ReferenceColumn>,
    /// Image whose server it is restored into, instead of one of Debian's packages.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Restore as a superuser: for event triggers and other things that nobody else may make. The
    /// sandbox has no network all the same.
    #[arg(long)]
    pub(crate) trust: bool,
    /// Memory that the sandbox may use, as compose has it: 4g.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Cores that the sandbox may use: 1.5.
    #[arg(long, value_name = "CORES")]
    pub(crate) cpus: Option<f64>,
    /// Give up a restore that takes longer: 12h.
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) time_limit: Option<Duration>,
    /// Folder of the stack that uses the backup: a sealed copy boots on what was restored and is asked
    /// what a drill asks. For an artefact of this tool's own, the reference stack if not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) stack: Option<PathBuf>,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}
