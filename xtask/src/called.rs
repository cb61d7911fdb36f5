//! How the program was called: as `cargo xtask` in the repository, or alone, by a name of its own.
//! What follows from that is here and nowhere else: its name in help and hints, where runs go, and
//! where the reference stack is.
//!
//! Texts say `cargo xtask`, whoever shows them: [`said`] gives them the name that is true.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use etcetera::BaseStrategy;

use crate::reference;

/// What texts call this program.
const IN_REPOSITORY: &str = "cargo xtask";
/// What cargo calls its executable.
const BUILT: &str = "xtask";
/// What it is called where nobody gave it a name that could be shown.
const ALONE: &str = "dr-drill";
/// The drill, as a command of `cargo xtask`, and of a program that is called so already.
const DRILLS: [&str; 2] = ["dr-drill", "run"];

static NAME: LazyLock<&str> = LazyLock::new(|| {
    let called = std::env::args_os().next().unwrap_or_default();
    name_of(&called).map_or(IN_REPOSITORY, |name| name.leak())
});

/// What is kept for later, and what can be made again (XDG Base Directory Specification).
static STATE: LazyLock<PathBuf> = LazyLock::new(|| own(BaseStrategy::state_dir));
static CACHE: LazyLock<PathBuf> = LazyLock::new(|| own(|dirs| Some(dirs.cache_dir())));
static REFERENCE: LazyLock<PathBuf> = LazyLock::new(|| CACHE.join(reference::name()));

static RUNS: LazyLock<PathBuf> = LazyLock::new(|| STATE.join("runs"));
static STACK: LazyLock<PathBuf> = LazyLock::new(|| REFERENCE.join("compose"));
static RUNBOOK: LazyLock<PathBuf> = LazyLock::new(|| REFERENCE.join(RUNBOOK_FILE));

const RUNBOOK_FILE: &str = "docs/runbook_backup_restore.md";

/// The name by which it was called alone; none of `target/debug/xtask` and its tests.
fn name_of(called: &OsStr) -> Option<String> {
    let name = Path::new(called).file_name().and_then(OsStr::to_str).unwrap_or(ALONE);
    let is_built = name == BUILT || name.starts_with("xtask-");
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (!is_built).then(|| if is_plain { name } else { ALONE }.to_owned())
}

/// A folder of this program's own below one of the user's; below the current one where the user
/// has no home.
fn own(folder: impl FnOnce(&etcetera::base_strategy::Xdg) -> Option<PathBuf>) -> PathBuf {
    let dirs = etcetera::base_strategy::Xdg::new();
    dirs.ok().and_then(|dirs| folder(&dirs)).unwrap_or_default().join(ALONE)
}

/// Whether there is no repository to work in.
pub(crate) fn is_alone() -> bool {
    name() != IN_REPOSITORY
}

/// What one types before the command.
pub(crate) fn name() -> &'static str {
    *NAME
}

/// What the drill is called here.
pub(crate) fn drill() -> &'static str {
    DRILLS[usize::from(is_alone())]
}

/// What the drill is called elsewhere: that is understood, too.
pub(crate) fn drill_elsewhere() -> &'static str {
    DRILLS[usize::from(!is_alone())]
}

/// A text for people with the name by which they called the program.
pub(crate) fn said(text: &str) -> Cow<'_, str> {
    if is_alone() { Cow::Owned(renamed(text, name())) } else { Cow::Borrowed(text) }
}

fn renamed(text: &str, name: &str) -> String {
    let [drill, run] = DRILLS;
    text.replace(&format!("{IN_REPOSITORY} {drill}"), &format!("{name} {run}"))
        .replace(IN_REPOSITORY, name)
}

/// Folder below which runs keep their reports. Alone it is the same from every folder, so that
/// `report`, `down` and `clean` find what a run in another one left.
pub(crate) fn runs() -> &'static OsStr {
    if is_alone() { RUNS.as_os_str() } else { OsStr::new(harness::plan::DEFAULT_BASE) }
}

/// Folder of the reference stack.
pub(crate) fn reference() -> &'static OsStr {
    if is_alone() { STACK.as_os_str() } else { OsStr::new("compose") }
}

/// The runbook of the reference stack.
pub(crate) fn runbook() -> &'static OsStr {
    if is_alone() { RUNBOOK.as_os_str() } else { OsStr::new(RUNBOOK_FILE) }
}

/// Where the program puts its own copy of these; none in the repository.
pub(crate) fn unpacked() -> Option<&'static Path> {
    is_alone().then(|| REFERENCE.as_path())
}

/// Where these are, for people on any host.
pub(crate) fn places() -> Option<&'static str> {
    is_alone().then_some(
        "Runs are kept in $XDG_STATE_HOME/dr-drill/runs (~/.local/state/dr-drill/runs). The \
         reference stack is unpacked below $XDG_CACHE_HOME/dr-drill (~/.cache/dr-drill).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_built_by_cargo_here_is_alone() {
        let name = |called: &str| name_of(OsStr::new(called));
        assert_eq!(name("target/debug/xtask"), None);
        assert_eq!(name("/usr/local/bin/dr-drill").as_deref(), Some("dr-drill"));
        assert_eq!(name("rehearse-2.0").as_deref(), Some("rehearse-2.0"));
        // What could not be typed is not shown.
        assert_eq!(name("my drill").as_deref(), Some("dr-drill"));
        assert_eq!(name("").as_deref(), Some("dr-drill"));
    }

    #[test]
    fn a_hint_names_the_command_as_it_is_to_be_typed() {
        let hint = "`cargo xtask dr-drill` runs one; cargo xtask clean removes it";
        assert_eq!(renamed(hint, "dr-drill"), "`dr-drill run` runs one; dr-drill clean removes it");
        assert_eq!(said(hint), hint);
    }
}
