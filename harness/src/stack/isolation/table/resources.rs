//! What stands beside the services: the stack's own keys, networks, volumes, configs and secrets.

use super::super::judges::files;
use super::{Section, drop, judge, keep, refuse};

/// Compose reads these when it resolves the files; what they bring is judged key by key.
pub(super) const RESOLVED: &str =
    "compose was to resolve it; it would read files again when the copy starts";

pub(super) const SECTIONS: &[Section] = &[
    Section {
        scope: "",
        groups: &[
            keep("judged one by one", &["services", "networks", "volumes", "configs", "secrets"]),
            drop("the copy is a project of its own", &["name"]),
            drop("it tells compose nothing that it needs", &["version"]),
            refuse(RESOLVED, &["include"]),
            refuse("a model runs outside the sandbox", &["models"]),
        ],
    },
    Section {
        scope: "networks.*",
        groups: &[
            drop("the copy's networks have names and labels of their own", &["name", "labels"]),
            drop("the copy's networks are new", &["external", "attachable"]),
            drop("every network of the copy is internal: no way out", &["internal"]),
            drop("the copy's networks are bridges", &["driver", "driver_opts"]),
            drop(
                "the copy's networks have ranges of their own",
                &["ipam", "enable_ipv4", "enable_ipv6"],
            ),
        ],
    },
    Section {
        scope: "volumes.*",
        groups: &[
            drop("the copy's volumes have names and labels of their own", &["name", "labels"]),
            drop("the copy's volumes are new and empty", &["external"]),
            drop(
                "a driver and its options may lead to the original's files; the copy's volumes are the engine's own",
                &["driver", "driver_opts"],
            ),
        ],
    },
    Section {
        scope: "configs.*",
        groups: &[
            keep("it is in the stack's own files", &["content"]),
            judge(files::file, FILE, &["file"]),
            judge(files::variable, VARIABLE, &["environment"]),
            drop("the copy's have names and labels of their own", &["name", "labels"]),
            refuse(EXTERNAL, &["external"]),
            refuse("only a swarm has templates", &["template_driver"]),
        ],
    },
    Section {
        scope: "secrets.*",
        groups: &[
            judge(files::file, FILE, &["file"]),
            judge(files::variable, VARIABLE, &["environment"]),
            drop("the copy's have names and labels of their own", &["name", "labels"]),
            refuse(EXTERNAL, &["external"]),
            refuse("a store outside the sandbox would be asked", &["driver", "driver_opts"]),
            refuse("only a swarm has templates", &["template_driver"]),
        ],
    },
];

const FILE: &str = "it is mounted read-only: a file or folder that is there, holds neither sockets \
                    nor devices and is no part of the host's system";
const VARIABLE: &str = "the variable is set where the drill is started: the stack's .env is not read \
                        again when the copy starts";
const EXTERNAL: &str = "it belongs to somebody else: give it a file in an override";
