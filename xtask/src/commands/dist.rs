//! `dist`: one static executable for hosts without Rust, with what belongs to it and the sums of
//! all. It carries the reference stack and the documents (`build.rs`).
//!
//! Static with musl: a static glibc would still load libraries of the host, which may be another's
//! version, to resolve names (nsswitch.conf(5)).

use std::env::consts::ARCH;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use harness::error::Attempt;
use harness::model::event::Events;
use harness::process::Runner;
use harness::{Error, Result};
use sha2::{Digest, Sha256};

use super::interrupt;
use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::{DistOptions, Format};
use crate::reference::hex;

/// What the executable is called.
const NAME: &str = "dr-drill";
const SUMS: &str = "SHA256SUMS";
const BUILD_TIMEOUT: Duration = Duration::from_secs(3600);

/// Builds an executable and puts what belongs to it beside it.
pub(crate) async fn run(options: DistOptions, format: Format) -> Result<Ending> {
    if called::is_alone() {
        return Err(Error::usage("there is nothing here to build it from").hint(
            "copy this executable as it is; in the repository, `xtask dist` makes a new one",
        ));
    }
    let runner = Runner::new(interrupt::token(format));
    let made = display::shown(format, async |events| make(&runner, &options, events).await).await?;
    if format == Format::Human {
        let Made { bytes, is_static, .. } = made;
        let kind = if is_static { "static" } else { "needs libraries of its host" };
        let (megabytes, out) = (bytes as f64 / 1e6, options.out.display());
        display::text(&format!("{out}/{NAME}  {megabytes:.1} MB, {kind}\n{out}/{SUMS}\n"));
    }
    let ending = Ending::done().report(options.out.join(SUMS));
    Ok(ending.with("bytes", made.bytes).with("static", made.is_static))
}

struct Made {
    bytes: u64,
    is_static: bool,
}

async fn make(runner: &Runner, options: &DistOptions, events: &Events) -> Result<Made> {
    let built = match &options.executable {
        Some(file) => file.clone(),
        None => build(runner, events).await?,
    };
    let is_static = is_static(runner, &built).await?;
    if options.executable.is_none() && !is_static {
        return Err(Error::undecided(format!("{} is not static", built.display()))
            .hint("look for flags of the linker in RUSTFLAGS and in .cargo/config.toml"));
    }
    let out = &options.out;
    forget(out)?;
    let executable = out.join(NAME);
    let cannot = || format!("cannot write {}", executable.display());
    fs::create_dir_all(out).attempt(cannot)?;
    // Not over the old one: it may be running.
    let new = out.join(".new");
    fs::copy(&built, &new).attempt(|| format!("cannot copy {}", built.display()))?;
    fs::set_permissions(&new, Permissions::from_mode(0o755)).attempt(cannot)?;
    fs::rename(&new, &executable).attempt(cannot)?;
    // By itself, so that it is known to start.
    let absolute = std::path::absolute(&executable).attempt(cannot)?;
    let pages = runner.command(absolute).arg("pages").arg(out).run().await?;
    pages.require(|| "the executable cannot write its pages")?;
    let bytes = fs::metadata(&executable).attempt(cannot)?.len();
    sums(out)?;
    Ok(Made { bytes, is_static })
}

/// Builds it, and gives back where it is.
async fn build(runner: &Runner, events: &Events) -> Result<PathBuf> {
    let target = format!("{ARCH}-unknown-linux-musl");
    require(runner, &target).await?;
    events.note(format!("builds for {target}; without an earlier build, this takes minutes"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = ["build", "--package", "xtask", "--profile", "static", "--target", &target];
    let built = runner.command(cargo).args(words).timeout(BUILD_TIMEOUT).run().await?;
    built.require(|| "cargo cannot build it")?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    Ok(folder.join(target).join("static/xtask"))
}

/// What a build for musl takes besides a toolchain.
async fn require(runner: &Runner, target: &str) -> Result<()> {
    let words = ["--print", "target-libdir", "--target", target];
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = runner.command(rustc).args(words).run().await?;
    let folder = folder.require(|| "cannot ask rustc for its libraries")?.text();
    if !Path::new(folder.trim()).is_dir() {
        return Err(Error::undecided(format!("Rust has no standard library for {target}"))
            .hint(format!("rustup target add {target}")));
    }
    // SQLite, ring and zstd have parts in C.
    let compiler = runner.command("musl-gcc").arg("--version").run().await;
    match compiler {
        Ok(found) if found.succeeded() => Ok(()),
        _ => Err(Error::undecided("there is no musl-gcc, which compiles the parts in C")
            .hint("apt-get install musl-tools")),
    }
}

/// Whether an executable starts without a loader, and so without libraries (elf(5)).
async fn is_static(runner: &Runner, file: &Path) -> Result<bool> {
    if !file.is_file() {
        return Err(Error::usage(format!("there is no file {}", file.display()))
            .hint("--executable names one that cargo built"));
    }
    let headers = runner.command("readelf").args(["--wide", "--program-headers"]).arg(file);
    let headers = headers.run().await?.require(|| "cannot read its headers")?.text();
    Ok(!headers.contains(" INTERP "))
}

/// Removes what an earlier one made, and nothing else.
fn forget(out: &Path) -> Result<()> {
    let sums = out.join(SUMS);
    let listed = fs::read_to_string(&sums).unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split_once("  ").map(|(_, name)| name));
    let is_below =
        |name: &&str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let names = names.filter(is_below);
    for file in names.map(|name| out.join(name)).chain([sums]).filter(|file| file.is_file()) {
        fs::remove_file(&file).attempt(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

/// Writes the sums of all files, as sha256sum(1) checks them.
fn sums(out: &Path) -> Result<()> {
    let cannot = || format!("cannot write the sums of {}", out.display());
    let mut text = Vec::new();
    for entry in walkdir::WalkDir::new(out).sort_by_file_name() {
        let entry = entry.attempt(cannot)?;
        if entry.file_type().is_file() {
            let digest = Sha256::digest(fs::read(entry.path()).attempt(cannot)?);
            let name = entry.path().strip_prefix(out).attempt(cannot)?.display();
            writeln!(text, "{}  {name}", hex(&digest)).attempt(cannot)?;
        }
    }
    fs::write(out.join(SUMS), text).attempt(cannot)
}
