//! Where a setting is written: the module that has the last word on it, by Django's own account,
//! as a file of the stack's folder where there is one.

use crate::audit::given;
use crate::model::django::Facts;
use crate::model::finding::Place;
use crate::model::observed::Observed;

/// The last assignment of a setting, or the line below it that has a text in quotes, or where the
/// variable that it reads is given; without an assignment the settings module in use, as a whole.
pub(super) fn of(
    observed: &Observed,
    facts: &Facts,
    setting: &str,
    entry: Option<&str>,
) -> Option<Place> {
    let assigning = facts.modules.iter().rev().find_map(|module| {
        let line = *module.assigned.get(setting)?.iter().max()?;
        Some((module, line))
    });
    let Some((module, line)) = assigning else {
        let module = facts.modules.last()?;
        return Some(Place { file: in_stack(observed, &module.file), line: None });
    };
    let file = in_stack(observed, &module.file);
    let text = observed.files.get(&file).map(String::as_str).unwrap_or_default();
    let quoted = |line: &str| {
        entry.is_some_and(|entry| {
            line.contains(&format!("\"{entry}\"")) || line.contains(&format!("'{entry}'"))
        })
    };
    let below = text.lines().enumerate().skip(line as usize - 1).find(|(_, text)| quoted(text));
    let line = below.and_then(|(at, _)| u32::try_from(at + 1).ok()).unwrap_or(line);
    Some(given::cause(observed, Place { file, line: Some(line) }))
}

/// The path below the stack's folder of a file that the service has; its own, if there is none.
pub(super) fn in_stack(observed: &Observed, file: &str) -> String {
    let ending = format!("/{file}");
    let found = observed.files.keys().find(|path| *path == file || path.ends_with(&ending));
    found.cloned().unwrap_or_else(|| file.to_owned())
}
