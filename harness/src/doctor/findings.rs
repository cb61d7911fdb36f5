//! What observations mean. Pure: numbers and texts in, findings out.

use super::{Finding, Fix, Level};
use crate::stack::reach::Whereabouts;

const GIB: u64 = 1 << 30;

/// Oldest engine on which drills are run.
const ENGINE_OLDEST: [u32; 2] = [20, 10];

/// Oldest compose on which drills are run.
const COMPOSE_OLDEST: [u32; 2] = [1, 29];

/// What the engine's socket on this host said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Socket {
    /// Something listens.
    Open,
    /// This user may not connect.
    Denied,
    /// Nothing listens.
    Closed,
    /// `DOCKER_HOST` or a context names another one.
    Elsewhere,
}

/// The engine and the permission to use it. `version` is absent when it does not answer.
pub(super) fn engine(client: bool, version: Option<&str>, socket: Socket) -> Vec<Finding> {
    const NAME: &str = "container engine";
    const PERMISSION: &str = "permission";
    if let Some(version) = version {
        let found = format!("version {version}");
        let engine = if is_at_least(version, ENGINE_OLDEST) {
            Finding::ok(NAME, found)
        } else {
            Finding::new(NAME, Level::Warn, found).remedy("drills are tested on 20.10 and later")
        };
        return vec![engine, Finding::ok(PERMISSION, "this user may use the engine")];
    }
    if !client {
        let missing = Finding::new(NAME, Level::Missing, "no docker command");
        return vec![missing.remedy("apt-get install docker.io").fixed_by(Fix::InstallEngine)];
    }
    vec![match socket {
        Socket::Denied => Finding::new(PERMISSION, Level::Missing, "the socket refuses this user")
            .remedy("sudo usermod -aG docker $USER, then log in again"),
        Socket::Closed => Finding::new(NAME, Level::Missing, "installed, not running")
            .remedy("systemctl start docker")
            .fixed_by(Fix::StartEngine),
        Socket::Open => Finding::new(NAME, Level::Missing, "listens, does not answer")
            .remedy("systemctl restart docker; `docker info` says more"),
        Socket::Elsewhere => Finding::new(NAME, Level::Missing, "does not answer")
            .remedy("DOCKER_HOST is set: check that the engine it names is up"),
    }]
}

/// Where the engine is, if it is not beyond doubt this host's own.
pub(super) fn place(place: &Whereabouts) -> Option<Finding> {
    let found = format!(
        "elsewhere ({}): containers that this host has no way to are reached through a relay, files \
         that it does not have are carried to it",
        place.endpoint
    );
    (!place.is_here).then(|| Finding::ok("place of the engine", found))
}

/// The compose tools that answer, the one to be used first.
pub(super) fn compose(found: &[(String, String)]) -> Finding {
    const NAME: &str = "compose";
    let Some((_, version)) = found.first() else {
        return Finding::new(NAME, Level::Missing, "neither docker compose nor docker-compose")
            .remedy("apt-get install docker-compose-v2 (Ubuntu), or docker-compose (Debian)")
            .fixed_by(Fix::InstallCompose);
    };
    let all = found.iter().map(|(command, version)| format!("{command} {version}"));
    let shown = format!("{} (the first is used)", all.collect::<Vec<_>>().join(", "));
    let shown = if found.len() > 1 { shown } else { format!("{} {version}", found[0].0) };
    if is_at_least(version, COMPOSE_OLDEST) {
        Finding::ok(NAME, shown)
    } else {
        Finding::new(NAME, Level::Warn, shown).remedy("drills are tested on 1.29 and later")
    }
}

/// debootstrap, which makes a base image where no registry answers.
pub(super) fn debootstrap(installed: bool, base: Option<&str>) -> Finding {
    const NAME: &str = "debootstrap";
    match (installed, base) {
        (true, _) => Finding::ok(NAME, "installed"),
        (false, Some(base)) => Finding::ok(NAME, format!("not needed: {base} is there")),
        (false, None) => Finding::new(NAME, Level::Warn, "not installed")
            .remedy("needed where no image registry answers: apt-get install debootstrap")
            .fixed_by(Fix::InstallDebootstrap),
    }
}

/// What the operators' scripts use, beside a compose tool; each a command and its package.
pub(super) const TOOLS: [&str; 3] = ["curl", "rclone", "zstd"];

/// The tools of the operators' scripts, of which these are not there.
pub(super) fn tools(missing: &[&str]) -> Finding {
    const NAME: &str = "tools of the scripts";
    if missing.is_empty() {
        return Finding::ok(NAME, TOOLS.join(", "));
    }
    let missing = missing.join(" ");
    Finding::new(NAME, Level::Warn, format!("not installed: {missing}"))
        .remedy(format!("needed by the runbook and its scripts: apt-get install {missing}"))
        .fixed_by(Fix::InstallTools)
}

/// Free space, with the least that works and the least that is comfortable, in GiB.
pub(super) fn disk(name: &str, free_bytes: u64, least: u64, comfortable: u64) -> Finding {
    let found = format!("{} free", gib(free_bytes));
    let remedy = format!("free some: {comfortable} GiB are comfortable, {least} GiB the least");
    amount(name, found, remedy, free_bytes, least * GIB, comfortable * GIB)
}

/// Memory that processes could still take.
pub(super) fn memory(available_bytes: u64) -> Finding {
    let found = format!("{} available", gib(available_bytes));
    let remedy = "end other programs: the reference stack takes about 1 GiB";
    amount("memory", found, remedy.to_owned(), available_bytes, GIB, 2 * GIB)
}

fn amount(
    name: &str,
    found: String,
    remedy: String,
    bytes: u64,
    least: u64,
    comfortable: u64,
) -> Finding {
    let level = match bytes {
        bytes if bytes < least => Level::Missing,
        bytes if bytes < comfortable => Level::Warn,
        _ => return Finding::ok(name, found),
    };
    Finding::new(name, level, found).remedy(remedy)
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}

/// Cores.
pub(super) fn cores(count: usize) -> Finding {
    if count >= 2 {
        return Finding::ok("cores", count.to_string());
    }
    Finding::new("cores", Level::Warn, count.to_string())
        .remedy("two or more: with one, health checks compete with the drill")
}

/// The operating system, by Rust's name for it.
pub(super) fn system(name: &str, release: &str) -> Finding {
    if name == "linux" {
        return Finding::ok("system", format!("Linux, {release}"));
    }
    Finding::new("system", Level::Missing, name)
        .remedy("run on Linux, with an engine there or elsewhere: drills are tested on no other")
}

/// The toolchain, from what `rustc --version` printed, against the oldest that builds this.
pub(super) fn toolchain(printed: Option<&str>, oldest: &str) -> Finding {
    const NAME: &str = "rust";
    let Some(version) = printed.and_then(|line| line.split(' ').nth(1)) else {
        return Finding::new(NAME, Level::Missing, "no rustc").remedy("https://rustup.rs");
    };
    if numbers(version) >= numbers(oldest) {
        return Finding::ok(NAME, version);
    }
    Finding::new(NAME, Level::Missing, version).remedy(format!("rustup update: {oldest} or later"))
}

/// What killed runs left: things in the engine, and temporary folders.
pub(super) fn leftovers(runs: usize, things: usize, folders: usize) -> Finding {
    const NAME: &str = "leftovers";
    if runs + folders == 0 {
        return Finding::ok(NAME, "none");
    }
    let found = format!("{things} things of {runs} killed runs, {folders} temporary folders");
    Finding::new(NAME, Level::Warn, found).remedy("cargo xtask clean")
}

/// `MemAvailable` of `/proc/meminfo` (proc(5)), in bytes.
pub(super) fn available_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kib * 1024)
}

/// `PRETTY_NAME` of `/etc/os-release` (os-release(5)).
pub(super) fn release_name(os_release: &str) -> String {
    let line = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.map_or_else(|| "unknown release".to_owned(), |name| name.trim_matches('"').to_owned())
}

fn is_at_least(version: &str, oldest: [u32; 2]) -> bool {
    numbers(version).as_slice() >= oldest.as_slice()
}

/// `20.10.24+dfsg1` as `[20, 10, 24]`.
fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
        digits.parse().ok()
    });
    parts.map_while(|part| part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_named_and_can_be_installed() {
        assert_eq!(tools(&[]).level, Level::Ok);
        let finding = tools(&["rclone"]);
        assert_eq!((finding.level, finding.fix), (Level::Warn, Some(Fix::InstallTools)));
        assert!(finding.found.contains("rclone"), "{finding:?}");
    }

    #[test]
    fn an_engine_elsewhere_is_said_and_one_of_this_host_is_not() {
        let at = |is_here| Whereabouts {
            endpoint: "ssh://backup".to_owned(),
            root: "/var/lib/docker".into(),
            is_here,
        };
        assert_eq!(place(&at(true)), None);
        let finding = place(&at(false)).expect("said");
        assert_eq!(finding.level, Level::Ok);
        assert!(finding.found.contains("ssh://backup"), "{finding:?}");
    }

    #[test]
    fn an_engine_that_answers_is_fine_and_an_old_one_is_a_warning() {
        let found = engine(true, Some("20.10.24+dfsg1"), Socket::Open);
        assert!(found.iter().all(|finding| finding.level == Level::Ok));
        assert_eq!(engine(true, Some("19.3.1"), Socket::Open)[0].level, Level::Warn);
    }

    #[test]
    fn each_reason_for_a_silent_engine_has_its_own_remedy() {
        let cases = [
            (engine(false, None, Socket::Closed), Some(Fix::InstallEngine), "docker.io"),
            (engine(true, None, Socket::Closed), Some(Fix::StartEngine), "start docker"),
            (engine(true, None, Socket::Denied), None, "usermod"),
            (engine(true, None, Socket::Open), None, "restart"),
            (engine(true, None, Socket::Elsewhere), None, "DOCKER_HOST"),
        ];
        for (findings, fix, remedy) in cases {
            assert_eq!(findings[0].level, Level::Missing);
            assert_eq!(findings[0].fix, fix);
            assert!(findings[0].remedy.as_ref().is_some_and(|text| text.contains(remedy)));
        }
    }

    #[test]
    fn the_compose_that_would_be_used_is_named_first() {
        let pair = |command: &str, version: &str| (command.to_owned(), version.to_owned());
        let both = compose(&[pair("docker compose", "2.40.3"), pair("docker-compose", "1.29.2")]);
        assert_eq!(both.found, "docker compose 2.40.3, docker-compose 1.29.2 (the first is used)");
        assert_eq!(both.level, Level::Ok);
        assert_eq!(compose(&[pair("docker-compose", "1.25.0")]).level, Level::Warn);
        assert_eq!(compose(&[]).fix, Some(Fix::InstallCompose));
    }

    #[test]
    fn debootstrap_is_missed_only_without_a_base_image() {
        assert_eq!(debootstrap(true, None).level, Level::Ok);
        assert_eq!(debootstrap(false, Some("debian:bookworm-slim")).level, Level::Ok);
        assert_eq!(debootstrap(false, None).level, Level::Warn);
    }

    #[test]
    fn amounts_are_judged_by_two_limits() {
        assert_eq!(disk("disk", 20 * GIB, 3, 8).level, Level::Ok);
        assert_eq!(disk("disk", 5 * GIB, 3, 8).level, Level::Warn);
        assert_eq!(disk("disk", GIB, 3, 8).level, Level::Missing);
        assert_eq!(memory(3 * GIB).level, Level::Ok);
        assert_eq!(memory(GIB / 2).level, Level::Missing);
        assert_eq!(cores(1).level, Level::Warn);
        assert_eq!(system("macos", "").level, Level::Missing);
        assert_eq!(leftovers(0, 0, 0).level, Level::Ok);
        assert_eq!(leftovers(1, 9, 0).level, Level::Warn);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(toolchain(Some("rustc 1.100.0 (abc 2026-01-01)"), "1.90").level, Level::Ok);
        assert_eq!(toolchain(Some("rustc 1.90.0-nightly"), "1.90").level, Level::Ok);
        assert_eq!(toolchain(Some("rustc 1.9.0"), "1.90").level, Level::Missing);
        assert_eq!(toolchain(None, "1.90").level, Level::Missing);
    }

    #[test]
    fn files_of_the_system_are_read() {
        let meminfo = "MemTotal:       24105 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(available_memory(meminfo), Some(2 << 20));
        assert_eq!(available_memory(""), None);
        assert_eq!(release_name("ID=debian\nPRETTY_NAME=\"Debian 12\"\n"), "Debian 12");
    }
}
