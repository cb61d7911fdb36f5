//! Installs and starts what findings miss, from the packages of Debian or Ubuntu, as root.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Finding, Fix, findings};
use crate::error::{Error, Result};
use crate::model::event::Events;
use crate::packages;
use crate::process::Runner;
use crate::stack::engine::Engine;

/// Packages with a compose tool, best first: Docker's own archive, Ubuntu, Debian.
const COMPOSE_PACKAGES: [&str; 3] =
    ["docker-compose-plugin", "docker-compose-v2", "docker-compose"];

const START_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Applies the fixes of `findings`, and notes every command that it ran.
pub async fn fix(runner: &Runner, events: &Events, findings: &[Finding]) -> Result<()> {
    let fixes = findings.iter().filter_map(|finding| finding.fix).collect::<Vec<_>>();
    if fixes.is_empty() {
        events.note("nothing that packages could fix");
        return Ok(());
    }
    if !packages::is_root() || !packages::has_apt() {
        let why = if packages::has_apt() { "only root can" } else { "this host has no apt-get" };
        return Err(Error::undecided("cannot install packages")
            .because(why)
            .hint("apply the remedies above by hand, or run this as root on Debian or Ubuntu"));
    }
    let known = runner.commands().len();
    let result = apply(runner, events, &fixes).await;
    for command in runner.commands().iter().skip(known) {
        let end =
            command.exit_code.map_or_else(|| "ended".to_owned(), |code| format!("exit {code}"));
        events.note(format!("ran {} ({end}, {:.1} s)", command.command, command.seconds));
    }
    result
}

async fn apply(runner: &Runner, events: &Events, fixes: &[Fix]) -> Result<()> {
    let packages = wanted(runner, events, fixes).await?;
    if !packages.is_empty() {
        events.note(format!("installing {}", packages.join(", ")));
        packages::install(runner, &packages).await?;
    }
    // Last, since it may fail where installing does not: in a container, for one.
    if fixes.iter().any(|fix| matches!(fix, Fix::InstallEngine | Fix::StartEngine)) {
        start(runner, events).await?;
    }
    Ok(())
}

async fn wanted(runner: &Runner, events: &Events, fixes: &[Fix]) -> Result<Vec<&'static str>> {
    let mut wanted = Vec::new();
    if fixes.iter().any(|fix| *fix != Fix::StartEngine) {
        events.note("updating the lists of packages");
        packages::update(runner).await?;
    }
    for fix in fixes {
        match fix {
            Fix::StartEngine => {}
            Fix::InstallEngine => {
                wanted.push("docker.io");
                // Debian 13 and later have the client apart.
                if packages::is_known(runner, "docker-cli").await? {
                    wanted.push("docker-cli");
                }
            }
            Fix::InstallCompose => wanted.push(compose_package(runner).await?),
            // What is there already is left as it is.
            Fix::InstallTools => wanted.extend(findings::TOOLS),
            Fix::InstallDebootstrap => wanted.extend(["debootstrap", "debian-archive-keyring"]),
        }
    }
    Ok(wanted)
}

async fn compose_package(runner: &Runner) -> Result<&'static str> {
    for package in COMPOSE_PACKAGES {
        if packages::is_known(runner, package).await? {
            return Ok(package);
        }
    }
    Err(Error::undecided("no package of this host has a compose tool")
        .hint("https://docs.docker.com/compose/install/linux/"))
}

/// Starts the engine, unless its package did, and waits until it answers.
async fn start(runner: &Runner, events: &Events) -> Result<()> {
    if Engine::find(runner).await.is_ok() {
        return Ok(());
    }
    events.note("starting the container engine");
    let words = if Path::new("/run/systemd/system").exists() {
        ["systemctl", "start", "docker"]
    } else {
        ["service", "docker", "start"]
    };
    let command = runner.command(words[0]).args(&words[1..]);
    let output = command.run().await?.require(|| "cannot start the container engine");
    output.map_err(|cause| cause.hint("`journalctl -u docker` or /var/log/docker.log says why"))?;
    let started = Instant::now();
    loop {
        match Engine::find(runner).await {
            Ok(_) => return Ok(()),
            Err(cause) if started.elapsed() >= START_TIMEOUT => return Err(cause),
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
