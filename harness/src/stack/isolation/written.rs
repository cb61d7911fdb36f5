//! Compose files as they are written, read only to say which key of one is not known: compose
//! names it in its own words, and each version knows others.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::binds::Binds;
use super::judgement::Stack;
use super::walk::{self, Walk};
use crate::config::HostNetwork;
use crate::error::Error;

/// Merges within merges that are followed.
const MERGES_MAX: usize = 8;

/// The first key in the compose files `files`, in the folder `dir`, that no specification has.
pub(in super::super) fn unknown_key(dir: &Path, files: &[PathBuf]) -> Option<Error> {
    let (services, volumes) = (BTreeSet::new(), BTreeSet::new());
    let (binds, host_network) = (Binds::default(), HostNetwork::default());
    let stack = Stack { dir, services, volumes, binds, host_network };
    files.iter().find_map(|file| {
        let text = fs::read_to_string(dir.join(file)).ok()?;
        // What is no YAML, or has tags of compose's own, is left to compose.
        let mut written = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text).ok()?;
        // One pass takes in what is merged, with the merges that this has in turn.
        for _ in 0..MERGES_MAX {
            written.apply_merge().ok()?;
        }
        let written = serde_json::to_value(written).ok()?;
        let mut walk = Walk::new(&stack);
        walk.file(&written);
        walk.refusals.retain(walk::Refusal::is_unknown);
        walk::error(&walk.refusals)
    })
}
