//! Looks at the machine, the engine and the stack. What cannot be seen is a finding too.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

use super::findings::{self, Socket};
use super::{Finding, Level, volumes};
use crate::config::{Config, Variable};
use crate::detect;
use crate::disk::free_bytes;
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::process::Runner;
use crate::stack::compose::{Compose, StackSource};
use crate::stack::engine::Engine;
use crate::stack::images::{self, BaseSpec, Images, SUITE};
use crate::stack::reach::Whereabouts;
use crate::stack::reap;

const SOCKET: &str = "/var/run/docker.sock";

/// Least and comfortable free space where the engine keeps images and volumes, in GiB.
const ENGINE_DISK: (u64, u64) = (3, 8);
/// The same for artefacts and the build, in GiB.
const TARGET_DISK: (u64, u64) = (1, 4);

/// What is to be drilled on this machine.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Folder of the stack.
    pub stack_dir: PathBuf,
    /// The compose tool asked for, if any.
    pub compose: Option<String>,
    /// Folder below which runs keep their reports.
    pub report_base: PathBuf,
    /// Whether this program is built on this machine, which takes a toolchain.
    pub builds: bool,
}

/// Looks at everything a drill of `subject` needs. Changes nothing.
pub async fn examine(runner: &Runner, subject: &Subject) -> Vec<Finding> {
    let mut findings = machine(subject);
    if subject.builds {
        findings.push(findings::toolchain(
            said(runner, "rustc", "--version").await.as_deref(),
            env!("CARGO_PKG_RUST_VERSION"),
        ));
    }
    let mut absent = Vec::new();
    for tool in findings::TOOLS {
        if said(runner, tool, "--version").await.is_none() {
            absent.push(tool);
        }
    }
    findings.push(findings::tools(&absent));
    let engine = Engine::find(runner).await.ok();
    let client = engine.is_some() || said(runner, "docker", "--version").await.is_some();
    findings.extend(findings::engine(client, engine.as_ref().map(Engine::version), socket()));
    let composes = composes(runner, subject.compose.as_deref()).await;
    let pairs = composes.iter().map(|compose| {
        let shown = compose.to_string();
        let command = shown.strip_suffix(compose.version()).unwrap_or(&shown).trim_end();
        (command.to_owned(), compose.version().to_owned())
    });
    findings.push(findings::compose(&pairs.collect::<Vec<_>>()));
    match engine {
        Some(engine) => findings.extend(inside(&engine, composes.first(), subject).await),
        None => findings.push(findings::debootstrap(has_debootstrap(), None)),
    }
    findings.extend(losses(runner, subject).await);
    findings
}

fn machine(subject: &Subject) -> Vec<Finding> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let release = findings::release_name(&read("/etc/os-release"));
    let unknown = |name: &str| Finding::new(name, Level::Warn, "cannot be told on this host");
    let memory = findings::available_memory(&read("/proc/meminfo"));
    let (least, comfortable) = TARGET_DISK;
    vec![
        findings::system(std::env::consts::OS, &release),
        thread::available_parallelism()
            .map_or_else(|_| unknown("cores"), |count| findings::cores(count.get())),
        memory.map_or_else(|| unknown("memory"), findings::memory),
        free_bytes(&subject.report_base).map_or_else(
            || unknown("disk for reports"),
            |free| findings::disk("disk for reports", free, least, comfortable),
        ),
    ]
}

/// What only an engine that answers can tell.
async fn inside(engine: &Engine, compose: Option<&Compose>, subject: &Subject) -> Vec<Finding> {
    let images = Images::new(engine, &Events::ignored());
    let base = images.find_base(SUITE).await.ok().flatten();
    let mut findings = place(engine).await;
    findings.push(findings::debootstrap(has_debootstrap(), base.as_deref()));
    if let Some(compose) = compose {
        findings.extend(stack(engine, &images, compose, base.as_deref(), &subject.stack_dir).await);
    }
    findings.push(match reap::find(engine).await {
        Ok(runs) => {
            let dead = runs.values().filter(|run| !run.alive).collect::<Vec<_>>();
            let things = dead.iter().map(|run| run.things.len()).sum();
            findings::leftovers(dead.len(), things, images::stale().len())
        }
        Err(error) => failed("leftovers", &error),
    });
    findings
}

/// Where the engine is, if not here, and how much room it has.
async fn place(engine: &Engine) -> Vec<Finding> {
    const NAME: &str = "disk of the engine";
    let place = match Whereabouts::of(engine).await {
        Ok(place) => place,
        Err(error) => return vec![failed(NAME, &error)],
    };
    let (least, comfortable) = ENGINE_DISK;
    let root = place.root.display();
    let disk = match place.root_here().and_then(free_bytes) {
        Some(free) => findings::disk(NAME, free, least, comfortable),
        None => Finding::new(NAME, Level::Warn, format!("{root} is not known to be on this host"))
            .remedy(format!("see to it that {least} GiB are free there")),
    };
    findings::place(&place).into_iter().chain([disk]).collect()
}

async fn stack(
    engine: &Engine,
    images: &Images,
    compose: &Compose,
    debian: Option<&str>,
    stack_dir: &Path,
) -> Vec<Finding> {
    const NAME: &str = "stack";
    let (config, resolved) = match resolve(compose, stack_dir).await {
        Ok(found) => found,
        Err(error) => return vec![failed(NAME, &error)],
    };
    let services = resolved["services"].as_object().map_or(0, serde_json::Map::len);
    let found = match find_images(images, &resolved, &config, debian, stack_dir).await {
        Ok(Some(images)) => {
            Finding::ok(NAME, format!("{services} services, their {images} images are built"))
        }
        Ok(None) => Finding::ok(
            NAME,
            format!("{services} services; the first run builds their images, which takes minutes"),
        ),
        Err(error) => failed(NAME, &error),
    };
    let volumes =
        volumes::look(engine, &resolved, &config, &absolute(stack_dir).unwrap_or_default()).await;
    std::iter::once(found).chain(volumes).collect()
}

/// What of the stack loses data, before anything of it runs.
async fn losses(runner: &Runner, subject: &Subject) -> Vec<Finding> {
    let (dir, compose) = (subject.stack_dir.clone(), subject.compose.clone());
    let asked = detect::read::Subject { dir, compose, ..detect::read::Subject::default() };
    // Why it cannot be read is said where the stack is looked at.
    let Ok(found) = detect::read::detect(runner, &asked).await else { return Vec::new() };
    let finding = |warning: &detect::Warning| {
        let name = format!("{} {}", warning.id, warning.service);
        Finding::new(&name, Level::Warn, warning.detail.clone()).remedy(warning.remedy.clone())
    };
    found.warnings.iter().map(finding).collect()
}

/// What `drill.toml` says, and the stack as compose resolves it.
async fn resolve(compose: &Compose, stack_dir: &Path) -> Result<(Config, Value)> {
    let config = Config::load(stack_dir)?;
    let variables = config.environment.iter().map(|(name, variable)| match variable {
        Variable::Given(value) => (name.clone(), value.clone()),
        // Nothing is started: any value of that length does.
        Variable::Random { random } => (name.clone(), "x".repeat(*random)),
    });
    let variables = variables.collect();
    let files = config.stack.files.clone();
    let source =
        StackSource { dir: absolute(stack_dir)?, files, variables, ..StackSource::default() };
    let resolved = compose.config(&source).await?;
    Ok((config, resolved))
}

/// How many images a stack needs, if all of these are there.
async fn find_images(
    images: &Images,
    resolved: &Value,
    config: &Config,
    debian: Option<&str>,
    stack_dir: &Path,
) -> Result<Option<usize>> {
    let dir = absolute(stack_dir)?;
    let base = config.stack.base.as_ref().map(|base| BaseSpec { context: dir.join(base) });
    let found = match (debian, &base) {
        (None, Some(_)) => None,
        _ => images.find_all(resolved, base.as_ref(), debian.unwrap_or_default()).await?,
    };
    Ok(found.map(|found| found.into_values().collect::<BTreeSet<_>>().len()))
}

fn absolute(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize().attempt(|| format!("cannot find {}", dir.display()))
}

fn failed(name: &str, error: &Error) -> Finding {
    let finding = Finding::new(name, Level::Missing, error.chain());
    match error.next_step() {
        Some(remedy) => finding.remedy(remedy),
        None => finding,
    }
}

/// The compose tools that answer, in the order of preference.
async fn composes(runner: &Runner, asked: Option<&str>) -> Vec<Compose> {
    let mut found = Vec::<Compose>::new();
    let mut seen = BTreeSet::new();
    for command in asked.into_iter().chain(["docker compose", "docker-compose"]) {
        if seen.insert(command) {
            found.extend(Compose::find(runner, Some(command)).await.ok());
        }
    }
    found
}

async fn said(runner: &Runner, program: &str, argument: &str) -> Option<String> {
    let output = runner.command(program).arg(argument).run().await.ok()?;
    output.succeeded().then(|| output.text())
}

fn has_debootstrap() -> bool {
    ["/usr/sbin/debootstrap", "/sbin/debootstrap"].into_iter().any(|file| Path::new(file).exists())
}

fn socket() -> Socket {
    if std::env::var_os("DOCKER_HOST").is_some() {
        return Socket::Elsewhere;
    }
    match UnixStream::connect(SOCKET).map_err(|cause| cause.kind()) {
        Ok(_) => Socket::Open,
        Err(IoErrorKind::PermissionDenied) => Socket::Denied,
        Err(_) => Socket::Closed,
    }
}
