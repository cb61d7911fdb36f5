//! Names the known key that is nearest to an unknown one.

use std::collections::BTreeSet;
use std::path::Path;

use super::REFERENCE;
use crate::error::Error;
use crate::nearest::nearest;

/// The error for an unknown key, given by its path as `serde_ignored` prints it.
pub(super) fn error(path: &str, file: &Path) -> Error {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let known = known_keys(section);
    // `?` is how an optional section is written that is there.
    let written = path.replace(".?", "");
    let error = Error::usage(format!("{}: unknown key {written}", file.display()));
    match nearest(key, known.iter().map(String::as_str)) {
        Some(name) => error.hint(format!("did you mean {name:?}?")),
        None if known.is_empty() => error.hint("docs/probes.md has the grammar of probes"),
        None => {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            error.hint(format!("known here: {known}; docs/drill-toml.md explains them"))
        }
    }
}

/// The keys that the reference has in a section. Elements of a list share their keys.
fn known_keys(section: &str) -> BTreeSet<String> {
    let Ok(reference) = REFERENCE.parse::<toml::Table>() else { return BTreeSet::new() };
    let mut level = vec![toml::Value::Table(reference)];
    // `?` stands for the inside of an optional value, a number for an element of a list.
    for step in section.split('.').filter(|step| !step.is_empty() && *step != "?") {
        level = level
            .into_iter()
            .flat_map(|value| match value {
                toml::Value::Table(mut table) => table.remove(step).into_iter().collect(),
                toml::Value::Array(elements) if step.parse::<usize>().is_ok() => elements,
                _ => Vec::new(),
            })
            .collect();
    }
    let tables = level.iter().filter_map(toml::Value::as_table);
    tables.flat_map(|table| table.keys().cloned()).collect()
}
