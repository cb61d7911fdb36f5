//! Packages of the host's own distribution, where that is Debian, Ubuntu or of their kind.
//! Installs what a drill needs, as root and without a question; refuses anything else.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::process::{Command, Output, Runner};

/// Lists and packages, on a slow line.
const APT_TIMEOUT: Duration = Duration::from_secs(900);

/// Another apt may be at work, such as unattended upgrades: seconds to wait for it.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=120";

/// Whether this process may do everything.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this host's packages are Debian's kind.
#[must_use]
pub fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

/// Brings the lists of packages up to date.
pub async fn update(runner: &Runner) -> Result<()> {
    let output = apt_get(runner, ["update"]).run().await?;
    output.require(|| "cannot update the lists of packages").map(drop)
}

/// Whether the lists know a package, and it can be installed.
pub async fn is_known(runner: &Runner, package: &str) -> Result<bool> {
    let output = runner.command("apt-cache").args(["policy", package]).env("LC_ALL", "C");
    Ok(has_candidate(&output.run().await?.text()))
}

fn has_candidate(policy: &str) -> bool {
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
    candidate.is_some_and(|version| version.trim() != "(none)")
}

/// Installs packages. The lists are updated only if they do not have them.
pub async fn install(runner: &Runner, packages: &[&str]) -> Result<()> {
    let by_hand = format!("install by hand: `sudo apt-get install {}`", packages.join(" "));
    if !has_apt() || !is_root() {
        let why = if has_apt() { "this needs root" } else { "this host has no apt-get" };
        return Err(Error::undecided(format!("cannot install {}", packages.join(", ")))
            .because(why)
            .hint(by_hand));
    }
    if try_install(runner, packages).await?.succeeded() {
        return Ok(());
    }
    update(runner).await?;
    let output = try_install(runner, packages).await?;
    output
        .require(|| format!("cannot install {}", packages.join(", ")))
        .map(drop)
        .map_err(|cause| cause.hint(by_hand))
}

async fn try_install(runner: &Runner, packages: &[&str]) -> Result<Output> {
    let command = apt_get(runner, ["install", "--yes", "--no-install-recommends"]);
    command.args(packages.iter().copied()).run().await
}

fn apt_get<A: AsRef<OsStr>>(runner: &Runner, words: impl IntoIterator<Item = A>) -> Command {
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    let command = runner.command("apt-get").args(["-o", LOCK_TIMEOUT]).args(words);
    command.env("DEBIAN_FRONTEND", "noninteractive").timeout(APT_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_candidate_is_not_known() {
        assert!(has_candidate("docker.io:\n  Installed: (none)\n  Candidate: 20.10.24\n"));
        assert!(!has_candidate("docker-ce:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }
}
