//! What a service consists of: its build, mounts, networks, hooks, and how it is deployed.

use super::super::judges::powers::NO_GPU;
use super::{Group, Section, drop, keep, refuse};

pub(super) const SECTIONS: &[Section] = &[
    Section {
        scope: "services.*.build",
        groups: &[
            keep("the drill builds by it", &["context", "dockerfile", "args", "target"]),
            drop(
                "it does not change what is in the image",
                &[
                    "cache_from",
                    "cache_to",
                    "labels",
                    "no_cache",
                    "provenance",
                    "pull",
                    "sbom",
                    "shm_size",
                    "tags",
                ],
            ),
            refuse(
                "an image made by it is not known by its files and arguments",
                &[
                    "additional_contexts",
                    "dockerfile_inline",
                    "extra_hosts",
                    "isolation",
                    "network",
                    "platforms",
                    "secrets",
                    "ssh",
                    "ulimits",
                ],
            ),
            refuse("the build would have the host's devices", &["entitlements", "privileged"]),
        ],
    },
    Section {
        scope: "services.*.blkio_config",
        groups: &[
            keep("a share of the machine, as the original has it", &["weight"]),
            drop(
                "it names devices of the host",
                &[
                    "device_read_bps",
                    "device_read_iops",
                    "device_write_bps",
                    "device_write_iops",
                    "weight_device",
                ],
            ),
        ],
    },
    Section { scope: "services.*.configs", groups: GRANT },
    Section { scope: "services.*.secrets", groups: GRANT },
    Section {
        scope: "services.*.depends_on.*",
        groups: &[keep("only this copy hears of it", &["condition", "required", "restart"])],
    },
    Section {
        scope: "services.*.deploy",
        groups: &[
            keep("as many as the original has", &["replicas"]),
            keep("judged key by key", &["resources"]),
            drop("a container that ends is seen to have ended", &["restart_policy"]),
            drop(
                "only a swarm reads it",
                &[
                    "endpoint_mode",
                    "labels",
                    "mode",
                    "placement",
                    "rollback_config",
                    "update_config",
                ],
            ),
        ],
    },
    Section {
        scope: "services.*.deploy.resources",
        groups: &[keep("judged key by key", &["limits", "reservations"])],
    },
    Section {
        scope: "services.*.deploy.resources.limits",
        groups: &[keep("a limit, as the original has it", &["cpus", "memory", "pids"])],
    },
    Section {
        scope: "services.*.deploy.resources.reservations",
        groups: &[
            keep("a share of the machine, as the original has it", &["cpus", "memory"]),
            drop("only a swarm reads it", &["generic_resources"]),
            drop(NO_GPU, &["devices"]),
        ],
    },
    Section {
        scope: "services.*.healthcheck",
        groups: &[keep(
            "it runs inside the container",
            &[
                "disable",
                "interval",
                "retries",
                "start_interval",
                "start_period",
                "test",
                "timeout",
            ],
        )],
    },
    Section {
        scope: "services.*.networks.*",
        groups: &[
            keep(
                "only this copy hears of it",
                &["aliases", "gw_priority", "interface_name", "priority"],
            ),
            drop(
                "the copy's networks have addresses of their own",
                &["ipv4_address", "ipv6_address", "link_local_ips", "mac_address"],
            ),
            drop("the copy's networks are bridges without options", &["driver_opts"]),
        ],
    },
    Section { scope: "services.*.post_start", groups: HOOK },
    Section { scope: "services.*.pre_stop", groups: HOOK },
    Section {
        scope: "services.*.ulimits.*",
        groups: &[keep("a limit, as the original has it", &["hard", "soft"])],
    },
    Section {
        scope: "services.*.volumes",
        groups: &[
            keep(
                "what is mounted where; judged as a whole",
                &["bind", "read_only", "source", "target", "tmpfs", "type", "volume"],
            ),
            drop("it is for engines in a virtual machine", &["consistency"]),
            refuse("what is in an image is not the stack's", &["image"]),
        ],
    },
    Section {
        scope: "services.*.volumes.bind",
        groups: &[
            keep("what is not there is refused, or has a volume", &["create_host_path"]),
            keep("what is mounted below was looked at, too", &["recursive"]),
            drop("mounts would travel between the host and the copy", &["propagation"]),
            drop("it would relabel the original's files", &["selinux"]),
        ],
    },
    Section {
        scope: "services.*.volumes.volume",
        groups: &[
            keep("it is about the copy's own volume", &["nocopy", "subpath"]),
            drop("the copy's volumes have names and labels of their own", &["labels"]),
        ],
    },
    Section {
        scope: "services.*.volumes.tmpfs",
        groups: &[keep("it is gone with the container", &["mode", "size"])],
    },
];

/// How a service has a config or a secret.
const GRANT: &[Group] =
    &[keep("who has it where inside the container", &["gid", "mode", "source", "target", "uid"])];

/// A command that compose runs in a container as it comes or goes.
const HOOK: &[Group] = &[
    keep("it runs inside the container", &["command", "environment", "user", "working_dir"]),
    refuse("it would have the host's devices", &["privileged"]),
];
