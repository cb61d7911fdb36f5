//! All commands and options.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use harness::dataset::Scale;
use harness::drill::DEFAULT_BASE;
use harness::model::fingerprint::Strength;

/// Rehearses disaster recovery of a Docker Compose stack and proves or refutes the result.
///
/// Exit codes: 0 passed, 1 failed, 2 usage or configuration error, 3 undecided,
/// 130 interrupted and cleaned up.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The rehearsal: clone, back up, destroy, restore, compare, probe.
    DrDrill(DrillOptions),
    /// Start a sealed, seeded copy of the stack and leave it running.
    Up(StackOptions),
    /// Remove sealed copies that were left running on purpose.
    Down(DownOptions),
    /// Remove what killed runs left behind; live runs are left alone.
    Clean(CleanOptions),
    /// Take a certificate of a database, of a directory, or of both.
    Fingerprint(FingerprintOptions),
    /// Hold a certificate against another, or against a live database and directory.
    ///
    /// Exit codes: 0 equal, 1 different, 3 undecided.
    Compare(CompareOptions),
    /// Name each prerequisite of a drill, what was found, and the remedy.
    Doctor(DoctorOptions),
}

/// Which stack, with what data, driven by what.
#[derive(Debug, Clone, Args)]
pub(crate) struct StackOptions {
    /// Folder of the stack: its compose files and drill.toml.
    #[arg(long, value_name = "DIR", default_value = "compose")]
    pub(crate) stack: PathBuf,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// How much data: small (20,000 rows, 200 files), medium (1 M rows, 1 GB), large, or a
    /// number of rows.
    #[arg(long, value_name = "SCALE", default_value = "small", value_parser = scale)]
    pub(crate) scale: Scale,
    /// Seed of the data: the same seed gives the same bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct DrillOptions {
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    /// How to back up and restore.
    #[arg(long, value_name = "NAME", default_value = harness::backup::pg_dump::NAME)]
    pub(crate) method: String,
    /// What is lost.
    #[arg(long, value_name = "NAME", default_value = harness::disaster::VOLUMES)]
    pub(crate) disaster: String,
    /// Folder below which each run writes its own.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_BASE)]
    pub(crate) report: PathBuf,
    /// Leave the restored sandbox running, and say how to reach and remove it.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What standard output carries.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DownOptions {
    /// The run to remove; all that `up` and `--keep` left, if not given.
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CleanOptions {
    /// Folder below which runs keep their reports.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_BASE)]
    pub(crate) report: PathBuf,
    /// Remove the images that drills built, too.
    #[arg(long)]
    pub(crate) images: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long, conflicts_with = "images")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Folder of the stack: its compose files and drill.toml.
    #[arg(long, value_name = "DIR", default_value = "compose")]
    pub(crate) stack: PathBuf,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// Folder below which runs keep their reports.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_BASE)]
    pub(crate) report: PathBuf,
    /// Install and start what is missing, as root, from the packages of Debian or Ubuntu.
    #[arg(long)]
    pub(crate) fix: bool,
    /// What standard output carries.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FingerprintOptions {
    /// The database, as `postgres://user@host:5432/name`; its password in PGPASSWORD.
    #[arg(long, value_name = "URL", required_unless_present = "media")]
    pub(crate) database: Option<String>,
    /// The directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) media: Option<String>,
    /// Where the certificate goes; lists of rows go beside it. Standard output without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How strong the digests of rows are: "exact" is computed in the server, "cryptographic"
    /// compares across major versions and machines.
    #[arg(long, value_name = "STRENGTH", default_value = "exact", value_parser = strength)]
    pub(crate) strength: Strength,
    /// Rows to list, so that a divergence can be explained when the source is gone: whole
    /// tables, small ones first.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, requires = "out")]
    pub(crate) keep_rows: u64,
    /// Rows of each table to keep in full, readable by their owner only.
    #[arg(long, value_name = "N", default_value_t = 32, requires = "out")]
    pub(crate) keep_samples: usize,
    /// Sessions and threads; as many as there are cores, if not given.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// What standard output carries.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    /// The baseline: a certificate.
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// What is judged: a certificate, or a postgres://… and a directory, either or both.
    #[arg(value_name = "B", required = true, num_args = 1..=2)]
    pub(crate) after: Vec<String>,
    /// Show values of rows as they are, not their shapes.
    #[arg(long)]
    pub(crate) show_values: bool,
    /// Sessions and threads; as many as there are cores, if not given.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// What standard output carries.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

/// What standard output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object a line; the last is the verdict.
    Json,
}

fn scale(text: &str) -> Result<Scale, String> {
    text.parse::<Scale>().map_err(|error| match error.next_step() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

fn strength(text: &str) -> Result<Strength, String> {
    match text {
        "exact" => Ok(Strength::Exact),
        "cryptographic" => Ok(Strength::Cryptographic),
        _ => Err("known: exact, cryptographic".to_owned()),
    }
}
