//! What a container may do to the kernel that it shares with the host.

use serde_json::Value;

use super::super::judgement::{Judgement, Stack};
use super::{every, every_name, shown};

/// What a container has without asking
/// (<https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities>).
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The engine's own profiles, and what takes power away.
const SECURITY_OPTIONS: [&str; 4] =
    ["no-new-privileges", "no-new-privileges=true", "apparmor=docker-default", "seccomp=builtin"];

/// What each container has for itself (sysctl names of network, System V and POSIX IPC).
const NAMESPACED: [&str; 5] = ["net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."];

/// Limits (`setrlimit(2)`) but for `nice` and `rtprio`.
const LIMITS: [&str; 14] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nofile",
    "nproc",
    "rss",
    "rttime",
    "sigpending",
    "stack",
];

/// Why nothing of the copy computes on a graphics card.
pub(in super::super) const NO_GPU: &str =
    "the copy has no graphics card: what is recovered does not depend on one";

pub(in super::super) fn capabilities(value: &Value, _: &Stack<'_>) -> Judgement {
    every(value, "it is not among the capabilities that the engine gives by default", |asked| {
        let name = asked.to_uppercase();
        DEFAULT_CAPABILITIES.contains(&name.strip_prefix("CAP_").unwrap_or(&name))
    })
}

pub(in super::super) fn security_options(value: &Value, _: &Stack<'_>) -> Judgement {
    every(value, "it would loosen what holds the container, or is not known not to", |option| {
        // Older notation.
        SECURITY_OPTIONS.contains(&option.replacen(':', "=", 1).as_str())
    })
}

pub(in super::super) fn sysctls(value: &Value, _: &Stack<'_>) -> Judgement {
    every_name(value, "the host and the container share it", |name| {
        NAMESPACED.iter().any(|own| name.starts_with(own))
    })
}

pub(in super::super) fn ulimits(value: &Value, _: &Stack<'_>) -> Judgement {
    every_name(value, "it could run before what the host has to do", |name| LIMITS.contains(&name))
}

pub(in super::super) fn runtime(value: &Value, _: &Stack<'_>) -> Judgement {
    if value.as_str() == Some("nvidia") {
        return Judgement::Drop(NO_GPU);
    }
    let why = "what another runtime gives a container is not known";
    every(value, why, |name| ["runc", "io.containerd.runc.v2"].contains(&name))
}

pub(in super::super) fn isolation(value: &Value, _: &Stack<'_>) -> Judgement {
    let why = "what another isolation gives a container is not known";
    every(value, why, |name| name == "default")
}

pub(in super::super) fn storage(value: &Value, _: &Stack<'_>) -> Judgement {
    every_name(value, "it would steer the engine's storage driver", |name| name == "size")
}

pub(in super::super) fn oom_score(value: &Value, _: &Stack<'_>) -> Judgement {
    let score = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    match score {
        Some(0..) => Judgement::Keep,
        Some(_) => Judgement::Drop("the host's processes would die in its place"),
        None => Judgement::Refuse(shown(value), "it is no number"),
    }
}
