//! The keys of a service.

use super::super::judges::{files, mounts, namespaces, powers};
use super::resources::RESOLVED;
use super::{Section, drop, judge, keep, refuse};

pub(super) const SECTIONS: &[Section] = &[Section {
    scope: "services.*",
    groups: &[
        keep(
            "what runs inside the container is what the copy is for",
            &[
                "command",
                "entrypoint",
                "environment",
                "group_add",
                "image",
                "init",
                "platform",
                "read_only",
                "stdin_open",
                "tty",
                "user",
                "working_dir",
            ],
        ),
        keep(
            "only this copy hears of it",
            &[
                "attach",
                "depends_on",
                "domainname",
                "expose",
                "healthcheck",
                "hostname",
                "links",
                "stop_grace_period",
                "stop_signal",
            ],
        ),
        keep("it takes power away", &["cap_drop"]),
        keep(
            "a share or a limit of the machine, as the original has it",
            &[
                "blkio_config",
                "cpu_count",
                "cpu_percent",
                "cpu_period",
                "cpu_quota",
                "cpu_shares",
                "cpus",
                "cpuset",
                "mem_limit",
                "mem_reservation",
                "mem_swappiness",
                "memswap_limit",
                "pids_limit",
                "scale",
                "shm_size",
                "tmpfs",
            ],
        ),
        keep(
            "judged key by key",
            &["configs", "deploy", "networks", "post_start", "pre_stop", "secrets"],
        ),
        judge(
            files::context,
            "the image is built of it by the drill, from a folder of this host",
            &["build"],
        ),
        judge(
            mounts::mounts,
            "a volume of the stack, a tmpfs, or a file or folder of the host that is no part of its \
             system. A folder that the stack writes to becomes a volume that is filled from it; a file \
             is copied; what is only read is mounted: it is there, and holds neither sockets nor devices",
            &["volumes"],
        ),
        judge(mounts::from, "volumes of a service of the stack", &["volumes_from"]),
        judge(
            namespaces::network,
            "`none`, or that of a service of the stack; `host` is replaced by the default network where \
             drill.toml says so",
            &["network_mode"],
        ),
        judge(
            namespaces::ipc,
            "`private`, `shareable`, `none`, or that of a service of the stack",
            &["ipc"],
        ),
        judge(namespaces::pid, "that of a service of the stack", &["pid"]),
        judge(namespaces::cgroup, "`private`", &["cgroup"]),
        judge(powers::capabilities, "what the engine gives by default", &["cap_add"]),
        judge(
            powers::security_options,
            "`no-new-privileges` and the engine's own profiles",
            &["security_opt"],
        ),
        judge(powers::sysctls, "what the container has for itself", &["sysctls"]),
        judge(powers::ulimits, "limits that rank the copy before nobody", &["ulimits"]),
        judge(powers::runtime, "`runc`; `nvidia` is dropped", &["runtime"]),
        judge(powers::isolation, "`default`", &["isolation"]),
        judge(powers::storage, "`size`", &["storage_opt"]),
        judge(
            powers::oom_score,
            "not below nought: the host's processes would die in its place",
            &["oom_score_adj"],
        ),
        drop("the host's processes would die in its place", &["oom_kill_disable"]),
        drop("two containers cannot have one name", &["container_name"]),
        drop("the copy opens no port of the host", &["ports"]),
        drop(
            "no name and no address outside is known to the copy",
            &["dns", "dns_opt", "dns_search", "extra_hosts"],
        ),
        drop("the copy's networks have addresses of their own", &["mac_address"]),
        drop("the copy's logs stay in the engine, to be read by the drill", &["logging"]),
        drop("a container that ends is seen to have ended", &["restart"]),
        drop(
            "the copy runs what is here: nothing is pulled anew",
            &["pull_policy", "pull_refresh_after"],
        ),
        drop("what is in the configuration is what starts", &["profiles"]),
        drop("it is for those who write the stack", &["develop"]),
        drop(
            "proxies, updaters and schedulers of the host act on labels that they see",
            &["labels"],
        ),
        drop("a runtime may give more for it than the sandbox has", &["annotations"]),
        refuse(RESOLVED, &["env_file", "extends", "label_file"]),
        refuse("it would have the host's devices", &["privileged"]),
        drop(powers::NO_GPU, &["gpus"]),
        refuse("it would have devices of the host", &["devices", "device_cgroup_rules"]),
        refuse("it would command the engine", &["use_api_socket"]),
        refuse("a program of the host would run in its place", &["provider"]),
        refuse("a model runs outside the sandbox", &["models"]),
        refuse("it would have an account of the host's domain", &["credential_spec"]),
        refuse("it would leave the engine's user namespace", &["userns_mode"]),
        refuse("it would name the host", &["uts"]),
        refuse("it would join a group of the host", &["cgroup_parent"]),
        refuse("it would run before what the host has to do", &["cpu_rt_period", "cpu_rt_runtime"]),
        refuse("it would reach containers outside the sandbox", &["external_links"]),
    ],
}];
