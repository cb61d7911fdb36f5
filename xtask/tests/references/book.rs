//! The texts of a repository, and which of their references lead nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::markdown::{self, Reference};
use super::words;

/// Folders that hold no text of ours.
const SKIPPED: [&str; 4] = ["target", ".git", "vectors", "schemas"];

/// Every text file, by its path below the root.
pub(crate) struct Book {
    pub(crate) files: BTreeMap<String, String>,
    /// Code and configuration in one text, to look ids up in.
    code: String,
    names: BTreeSet<String>,
}

impl Book {
    pub(crate) fn read(root: &Path) -> Self {
        let skipped = |name: &std::ffi::OsStr| SKIPPED.iter().any(|known| name == *known);
        let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
        let entries =
            entries.filter_entry(|entry| entry.depth() == 0 || !skipped(entry.file_name()));
        let mut files = BTreeMap::new();
        for entry in entries.map(|entry| entry.expect("it can be read")) {
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path().strip_prefix(root).expect("below").display().to_string();
            // What is no text is there all the same: it can be linked to.
            files.insert(path, fs::read_to_string(entry.path()).unwrap_or_default());
        }
        let code = files.iter().filter(|(path, _)| !is(path, &["md"]) && !path.contains("tests/"));
        let code = code.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
        let names = files.keys().filter_map(|path| path.rsplit('/').next()).map(str::to_owned);
        let names = names.collect();
        Self { files, code, names }
    }

    /// One line a reference that leads nowhere: `file:line: what`.
    pub(crate) fn dangling(&self, commands: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        for (path, text) in &self.files {
            let own_tests = path.starts_with("xtask/tests/references");
            let mut complain =
                |line: usize, what: String| found.push(format!("{path}:{line}: {what}"));
            if is(path, &["md"]) {
                self.document(path, text, commands, &mut complain);
            } else if !own_tests
                && is(path, &["rs", "toml", "yaml", "yml", "sh", "py", "conf", "example"])
            {
                self.source(path, text, commands, &mut complain);
            }
        }
        found
    }

    fn document(
        &self,
        path: &str,
        text: &str,
        commands: &BTreeMap<String, String>,
        complain: &mut impl FnMut(usize, String),
    ) {
        for (line, reference) in markdown::references(text) {
            match reference {
                Reference::Link(target) => {
                    if let Some(what) = self.link(path, &target) {
                        complain(line, what);
                    }
                }
                Reference::Code(span) => {
                    for what in
                        self.span(path, &span).into_iter().chain(words::commands(&span, commands))
                    {
                        complain(line, what);
                    }
                }
                Reference::Block(block) => {
                    for (at, row) in block.lines().enumerate() {
                        for what in words::commands(row, commands) {
                            complain(line + at, what);
                        }
                    }
                }
            }
        }
        for (at, row) in text.lines().enumerate() {
            for id in words::unknown_requirements(row) {
                complain(at + 1, format!("there is no requirement {id}"));
            }
        }
    }

    /// Comments and messages of code: requirements, commands, and the files that compose's own
    /// files speak of.
    fn source(
        &self,
        path: &str,
        text: &str,
        commands: &BTreeMap<String, String>,
        complain: &mut impl FnMut(usize, String),
    ) {
        for (at, row) in text.lines().enumerate() {
            for id in words::unknown_requirements(row) {
                complain(at + 1, format!("there is no requirement {id}"));
            }
            let comment = row.trim_start().starts_with(['#', '/', '"']);
            if !comment {
                continue;
            }
            if !path.contains("tests/") {
                for what in words::commands(row, commands) {
                    complain(at + 1, what);
                }
            }
            if path.starts_with("compose/") && row.trim_start().starts_with('#') {
                for file in words::files(row).filter(|file| !self.has(path, file)) {
                    complain(at + 1, format!("there is no file {file}"));
                }
            }
        }
    }

    /// Why a link leads nowhere, if it does.
    fn link(&self, from: &str, target: &str) -> Option<String> {
        if target.contains("://") || target.starts_with("mailto:") {
            return None;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = match file {
            "" => from.to_owned(),
            file => joined(from, file),
        };
        let folder = format!("{}/", path.trim_end_matches('/'));
        let is_folder = self.files.keys().any(|known| known.starts_with(&folder));
        let Some(text) = self.files.get(&path) else {
            return (!is_folder).then(|| format!("the link to {target} leads nowhere"));
        };
        let known = anchor.is_empty() || markdown::anchors(text).contains(anchor);
        (!known).then(|| format!("{path} has no heading #{anchor}"))
    }

    /// What a span of code names and is not there.
    fn span(&self, from: &str, span: &str) -> Option<String> {
        if let Some((file, line)) = words::file_and_line(span) {
            let lines = self.found(from, file).map(|text| text.lines().count());
            return match lines {
                None => Some(format!("there is no file {file}")),
                Some(lines) if line > lines => {
                    Some(format!("{file} has {lines} lines, not {line}"))
                }
                Some(_) => None,
            };
        }
        if words::is_file(span) {
            return (!self.has(from, span)).then(|| format!("there is no file {span}"));
        }
        words::unknown_id(span, &self.code).then(|| format!("there is no check {span}"))
    }

    fn has(&self, from: &str, file: &str) -> bool {
        // A bare name may be that of any file.
        self.found(from, file).is_some() || (!file.contains('/') && self.names.contains(file))
    }

    /// A file as texts name it: from their own folder, the root, the stack, or by its ending.
    fn found(&self, from: &str, file: &str) -> Option<&String> {
        let ending = format!("/{}", file.trim_start_matches("./").trim_start_matches("../"));
        let beside = joined(from, file);
        let exact = self.files.get(&beside).or_else(|| self.files.get(file));
        exact.or_else(|| {
            self.files.iter().find(|(path, _)| path.ends_with(&ending)).map(|(_, text)| text)
        })
    }
}

fn is(path: &str, kinds: &[&str]) -> bool {
    let kind = Path::new(path).extension().and_then(|kind| kind.to_str());
    kind.is_some_and(|kind| kinds.contains(&kind))
}

/// A path beside a file, without `..`.
fn joined(from: &str, path: &str) -> String {
    let base = Path::new(from).parent().unwrap_or(Path::new(""));
    let mut clean = PathBuf::new();
    for part in base.join(path).components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean.display().to_string()
}
