//! What a container shares: with the host, with other containers, or with services of its stack.

use serde_json::Value;

use super::super::judgement::{Judgement, Stack};
use super::every;
use crate::config::HostNetwork;

pub(in super::super) fn network(value: &Value, stack: &Stack<'_>) -> Judgement {
    const WHY: &str = "it would use the host's network; [stack] host_network = \"replace\" in \
                       drill.toml gives it the copy's default network instead";
    if value.as_str() == Some("host") {
        return match stack.host_network {
            HostNetwork::Refuse => Judgement::Refuse("host".to_owned(), WHY),
            HostNetwork::Replace => Judgement::Drop(
                "it has the copy's default network, as drill.toml says: what it reached at localhost \
                is not there",
            ),
        };
    }
    let why = "it would use a network that is not sealed";
    every(value, why, |mode| mode == "none" || stack.is_service(mode))
}

pub(in super::super) fn ipc(value: &Value, stack: &Stack<'_>) -> Judgement {
    let why = "it would share memory with processes outside the sandbox";
    every(value, why, |mode| {
        ["private", "shareable", "none"].contains(&mode) || stack.is_service(mode)
    })
}

pub(in super::super) fn pid(value: &Value, stack: &Stack<'_>) -> Judgement {
    every(value, "it would see processes outside the sandbox", |mode| stack.is_service(mode))
}

pub(in super::super) fn cgroup(value: &Value, _: &Stack<'_>) -> Judgement {
    every(value, "it would see the host's control groups", |mode| mode == "private")
}
