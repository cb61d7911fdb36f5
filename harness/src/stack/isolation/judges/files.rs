//! Files and variables of the host that the copy would be made of.

use serde_json::Value;

use super::super::host;
use super::super::judgement::{Judgement, Stack};
use super::shown;

/// A file of a config or a secret: compose mounts it read-only.
pub(in super::super) fn file(value: &Value, stack: &Stack<'_>) -> Judgement {
    let Some(path) = value.as_str() else {
        return Judgement::Refuse(shown(value), "it is no path");
    };
    match host::forbids(&stack.dir.join(path)) {
        Some(why) => Judgement::Refuse(path.to_owned(), why),
        None => Judgement::Keep,
    }
}

/// A variable that a config or a secret is read from when the copy starts.
pub(in super::super) fn variable(value: &Value, _: &Stack<'_>) -> Judgement {
    let is_set = value.as_str().is_some_and(|name| std::env::var_os(name).is_some());
    if is_set {
        return Judgement::Keep;
    }
    Judgement::Refuse(shown(value), "the variable is not set where the drill is started")
}

/// A build section, or the folder that it would say.
pub(in super::super) fn context(value: &Value, stack: &Stack<'_>) -> Judgement {
    let context = value.as_str().or_else(|| value["context"].as_str()).unwrap_or(".");
    // What is no folder here is the address of a repository.
    if stack.dir.join(context).is_dir() {
        return Judgement::Keep;
    }
    Judgement::Refuse(format!("context {context}"), "it is not a folder of this host")
}
