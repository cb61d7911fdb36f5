//! All commands and options.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use harness::backup::retention::Policy;
use harness::dataset::Scale;
use harness::model::fingerprint::Strength;
use harness::model::mode::Mode;
use harness::model::profile::Profile;
use harness::plan::Request;

use crate::called;
use crate::existing::VerifyOptions;
use crate::selection::{DataOptions, InitOptions, StackOptions, WholeStackOptions};
use crate::sources::SourceOptions;
use crate::values::{count, policy, profile, scale, seed, strength};

/// Stands for every method that a stack has.
pub(crate) const ALL_METHODS: &str = "all";

/// Rehearses disaster recovery of a Docker Compose stack and proves or refutes the result.
///
/// Exit codes: 0 passed, 1 failed, 2 usage or configuration error, 3 undecided,
/// 130 interrupted and cleaned up.
#[derive(Debug, Parser)]
#[command(name = called::name(), bin_name = called::name(), version, max_term_width = 80)]
#[command(after_help = called::places())]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What standard output carries.
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is in a compose stack, from what that is known, and what of it loses data. Starts
    /// nothing.
    Init(InitOptions),
    /// The rehearsal: clone, back up, destroy, restore, compare, probe.
    #[command(name = called::drill(), alias = called::drill_elsewhere())]
    DrDrill(DrillOptions),
    /// Judge a backup that exists, whoever made it: recognise it by its content, restore it in a
    /// sealed sandbox, and hold what comes back to all that can be proved.
    Verify(Box<VerifyOptions>),
    /// The probes alone: on sealed copies of the stack in both its modes, or on a service that
    /// is there, which is only read.
    Smoke(SmokeOptions),
    /// Backup and restore timings: drills of several methods in turn, and what they took.
    Bench(BenchOptions),
    /// What is wrong with how the stack answers: headers, cookies, hosts and TLS, in both its
    /// modes, with evidence, place and remedy. Of any stack, and of a service that is there.
    Audit(AuditOptions),
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
    /// The operators' runbook.
    Runbook {
        #[command(subcommand)]
        command: RunbookCommand,
    },
    /// Render the record of a run again. It exits as the run did.
    Report(ReportOptions),
    /// Which artefacts of a folder a policy lets go. Deletes nothing unless told to.
    Retention(RetentionOptions),
    /// Measure the stack's volumes at several scales: bytes, and bytes a copy.
    Volumes(VolumesOptions),
    /// Name each prerequisite of a drill, what was found, and the remedy.
    Doctor(DoctorOptions),
    /// Make one static executable for hosts without Rust, with shell completions, man pages and
    /// documents.
    #[command(hide = called::is_alone())]
    Dist(DistOptions),
    /// Write shell completions, man pages and documents into a folder.
    #[command(hide = !called::is_alone())]
    Pages(PagesOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunbookCommand {
    /// Run its command blocks in order, as printed, against a sealed copy of the stack, and stop
    /// at the first that does not do what the text says.
    ///
    /// Exit codes: 0 all did, 1 one did not, 2 a block has no marker, 3 undecided.
    Check(RunbookOptions),
}

#[derive(Debug, Args)]
pub(crate) struct RunbookOptions {
    #[command(flatten)]
    pub(crate) stack: WholeStackOptions,
    /// The text. That of the reference stack, if not given.
    #[arg(long, value_name = "FILE", default_value = called::runbook(), hide_default_value = true)]
    pub(crate) file: PathBuf,
    /// Print the blocks, and which are run, and do nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportOptions {
    /// The run: its id, its folder, or its report.json. The newest, if not given.
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// As what.
    #[arg(long = "as", value_enum, value_name = "KIND", default_value_t = Rendering::Terminal)]
    pub(crate) rendering: Rendering,
    /// Folder below which runs keep their reports.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
    pub(crate) report: PathBuf,
}

/// What a record is rendered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rendering {
    /// The summary with which the run ended.
    Terminal,
    #[value(help = "JUnit XML: a case for each check, and one for the verdict")]
    Junit,
    /// The record itself.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RetentionOptions {
    /// Folder of artefacts, each in a folder with its manifest.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// What is kept: days=30,last=3,daily=7,weekly=4,monthly=12,yearly=1, any of them. The newest
    /// that verifies and whatever is needed by one that stays are kept in any case.
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    pub(crate) policy: Policy,
    /// Delete what may go.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) delete: bool,
    /// Say what may go and delete nothing, as without `--delete`.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VolumesOptions {
    /// Folder of the stack: its compose files and drill.toml. The reference stack, if not given.
    #[arg(long, value_name = "DIR", default_value = called::reference(), hide_default_value = true)]
    pub(crate) stack: PathBuf,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// Scales, separated by commas: three or more give a slope.
    #[arg(long, value_name = "SCALES", value_delimiter = ',', default_value = "5000,20000,80000", value_parser = scale)]
    pub(crate) scale: Vec<Scale>,
    /// Seed of the data.
    #[arg(long, value_name = "N", default_value = "1", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct DrillOptions {
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// How to back up and restore: pg-dump, cold (every volume, the stack being stopped), a
    /// `[[method]]` of drill.toml, or "all", one after the other. If not given: pg-dump where a
    /// PostgreSQL is known, else cold.
    #[arg(long, value_name = "NAME")]
    pub(crate) method: Option<String>,
    /// What is lost: volumes, host, database, media, table, bad-migration, ransomware, partial.
    #[arg(long, value_name = "NAME", default_value = harness::disaster::Disaster::Volumes.name())]
    pub(crate) disaster: String,
    /// How strong the digests of rows are: "exact" is computed in the server, "cryptographic"
    /// is BLAKE3, for an artefact that is judged on another machine or version.
    #[arg(long, value_name = "STRENGTH", default_value = "exact", value_parser = strength())]
    pub(crate) strength: Strength,
    /// Keep the artefact in this folder, with the certificate that it can be judged by later.
    #[arg(long, value_name = "DIR")]
    pub(crate) artefact: Option<PathBuf>,
    /// Restore this artefact instead of taking one, as `verify` does.
    #[arg(long, value_name = "ARTEFACT", conflicts_with_all = ["method", "disaster", "strength", "artefact", "scale", "seed", "data"])]
    pub(crate) from: Option<PathBuf>,
    /// Show values of rows that differ as they are, not their shapes: in the report, too.
    #[arg(long)]
    pub(crate) show_values: bool,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// In a comment, the name would need marks that a terminal shows.
const JUNIT_HELP: &str = "Write the checks as JUnit XML, and the verdict as a case of its own";

/// How a drill runs, whatever it restores.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Drill the stack over HTTPS, as `[tls]` in drill.toml says.
    #[arg(long)]
    pub(crate) tls: bool,
    /// How the server is set while it is restored: production, tuned, or both, separated by
    /// commas, in drills of their own. It is durable again before the service starts.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "production", value_parser = profile())]
    pub(crate) profile: Vec<Profile>,
    /// Folder below which each run writes its own.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
    pub(crate) report: PathBuf,
    /// Leave the restored sandbox running, and say how to reach and remove it.
    #[arg(long)]
    pub(crate) keep: bool,
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", help = JUNIT_HELP)]
    pub(crate) junit: Option<PathBuf>,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl RunOptions {
    /// A request with what these say of the run, under one profile.
    pub(crate) fn request(&self, profile: Profile, request: Request) -> Request {
        let mode = if self.tls { Mode::Tls } else { Mode::Http };
        Request { mode, profile, keep: self.keep, report_base: self.report.clone(), ..request }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SmokeOptions {
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    /// The modes of the stack to bring up; all that it has, if not given.
    #[arg(long, value_enum, conflicts_with = "url")]
    pub(crate) mode: Option<ModeFlag>,
    #[command(flatten)]
    pub(crate) service: ServiceOptions,
    /// Folder below which each run writes its own.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
    pub(crate) report: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AuditOptions {
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    /// A service to look at instead of a copy. It is only read: some fifty requests, `GET` all of
    /// them.
    #[arg(long, value_name = "URL", conflicts_with_all = ["stack", "mode", "document", "check", "patch"])]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) reach: ReachOptions,
    /// A file with `[[accept]]` tables, such as a drill.toml: findings on the service that may stay.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) accept: Option<PathBuf>,
    /// The modes of the stack to bring up; all that it has, if not given.
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeFlag>,
    /// What headers are held to: korrigo, owasp or observatory. They disagree.
    #[arg(long, value_name = "NAME", default_value = "korrigo")]
    pub(crate) policy: String,
    /// Write the findings as SARIF 2.1.0.
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "Write the findings as JUnit XML")]
    pub(crate) junit: Option<PathBuf>,
    /// Write the operators' document, in French, such as docs/audit.md.
    #[arg(long, value_name = "FILE", conflicts_with = "mode")]
    pub(crate) document: Option<PathBuf>,
    /// Fail when this document differs from what a fresh run says, instants and run ids aside.
    #[arg(long, value_name = "FILE", conflicts_with = "mode")]
    pub(crate) check: Option<PathBuf>,
    /// Do not look through a real browser.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Write the remedies that are mechanical as one patch, for `patch -p1` or `git apply` in the
    /// stack's folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Option<PathBuf>,
    /// Folder below which each run writes its own.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
    pub(crate) report: PathBuf,
}

/// A service that is there.
#[derive(Debug, Args)]
pub(crate) struct ServiceOptions {
    /// A service to ask instead of a copy. It is only read; with `SMOKE_USER` and `SMOKE_PASSWORD`
    /// in the environment, a session of that account begins and ends.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) reach: ReachOptions,
}

/// How a service that is there is reached.
#[derive(Debug, Args)]
pub(crate) struct ReachOptions {
    /// Accept any certificate: what would judge it warns, or is skipped.
    #[arg(long, requires = "url")]
    pub(crate) insecure: bool,
    /// Trust the certificate authorities in this PEM file and no others.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca: Option<PathBuf>,
    /// Connect to ADDR for HOST:PORT, as curl does.
    #[arg(long, value_name = "HOST:PORT:ADDR", requires = "url")]
    pub(crate) resolve: Option<String>,
}

/// A mode of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeFlag {
    /// Plain HTTP.
    Http,
    /// HTTPS, with a certificate authority of the run's own.
    Tls,
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// Folder of the stack: its compose files and drill.toml. The reference stack, if not given.
    #[arg(long, value_name = "DIR", default_value = called::reference(), hide_default_value = true)]
    pub(crate) stack: PathBuf,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// Methods, separated by commas, or "all".
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = ALL_METHODS)]
    pub(crate) method: Vec<String>,
    /// Scales, separated by commas: small, medium, large, or numbers of rows.
    #[arg(long, value_name = "SCALE", value_delimiter = ',', default_value = "small", value_parser = scale)]
    pub(crate) scale: Vec<Scale>,
    /// Profiles of the restore, separated by commas, interleaved: production, tuned.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "production,tuned", value_parser = profile())]
    pub(crate) profile: Vec<Profile>,
    /// Drills of each method at each scale, interleaved.
    #[arg(long, value_name = "N", default_value = "3", value_parser = count::<NonZeroU32>)]
    pub(crate) runs: NonZeroU32,
    /// Seed of the data: the same seed gives the same bytes.
    #[arg(long, value_name = "N", default_value = "1", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Folder below which each drill writes its own report.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
    pub(crate) report: PathBuf,
    /// Where the figures go as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DownOptions {
    /// The run to remove; all that `up` and `--keep` left, if not given.
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CleanOptions {
    /// Folder below which runs keep their reports.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
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
    /// Folder of the stack: its compose files and drill.toml. The reference stack, if not given.
    #[arg(long, value_name = "DIR", default_value = called::reference(), hide_default_value = true)]
    pub(crate) stack: PathBuf,
    /// Compose command to use, such as "docker compose" or "docker-compose".
    #[arg(long, value_name = "CMD", env = "DR_DRILL_COMPOSE")]
    pub(crate) compose: Option<String>,
    /// Folder below which runs keep their reports.
    #[arg(long, value_name = "DIR", default_value = called::runs(), hide_default_value = called::is_alone())]
    pub(crate) report: PathBuf,
    /// Install and start what is missing, as root, from the packages of Debian or Ubuntu.
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DistOptions {
    /// Folder for what is made; what an earlier one left there is replaced.
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    pub(crate) out: PathBuf,
    /// Take this executable instead of building one. It may need libraries of its host.
    #[arg(long, value_name = "FILE")]
    pub(crate) executable: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PagesOptions {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct FingerprintOptions {
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
    /// Where the certificate goes; lists of rows go beside it. Standard output without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How strong the digests of rows are: "exact" is computed in the server, "cryptographic"
    /// compares across major versions and machines.
    #[arg(long, value_name = "STRENGTH", default_value = "exact", value_parser = strength())]
    pub(crate) strength: Strength,
    /// Rows to list, so that a divergence can be explained when the source is gone: whole
    /// tables, small ones first.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, requires = "out")]
    pub(crate) keep_rows: u64,
    /// Rows of each table to keep in full, readable by their owner only.
    #[arg(long, value_name = "N", default_value_t = 32, requires = "out")]
    pub(crate) keep_samples: usize,
    /// Sessions and threads; as many as there are cores, if not given.
    #[arg(long, value_name = "N", value_parser = count::<NonZeroUsize>)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    /// The baseline: a certificate.
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// What is judged: a certificate alone, or what is there now.
    #[command(flatten)]
    pub(crate) after: SourceOptions,
    /// A file with `[[accept]]` tables, such as a drill.toml: divergences that may stay.
    #[arg(long, value_name = "FILE")]
    pub(crate) accept: Option<PathBuf>,
    /// Show values of rows as they are, not their shapes.
    #[arg(long)]
    pub(crate) show_values: bool,
    /// Sessions and threads; as many as there are cores, if not given.
    #[arg(long, value_name = "N", value_parser = count::<NonZeroUsize>)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// What standard output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object a line; the last is the verdict.
    Json,
}
