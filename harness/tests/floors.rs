//! `docs/architecture.md` lists every module of the harness, from the lowest floor to the highest,
//! and no module imports one that stands above it.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Names of the crate's root that are no module.
const ROOT: [&str; 3] = ["Error", "ErrorKind", "Result"];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules of the table, in its order.
fn floors() -> Vec<String> {
    let document = sources().join("../../docs/architecture.md");
    let text = fs::read_to_string(document).expect("the architecture");
    let row = Regex::new(r"(?m)^\| (`[a-z_`, ]+`) \|").expect("a pattern");
    let name = Regex::new("`([a-z_]+)`").expect("a pattern");
    let cells = row.captures_iter(&text).map(|row| row[1].to_owned()).collect::<Vec<_>>();
    let names = cells.iter().flat_map(|cell| name.captures_iter(cell).map(|it| it[1].to_owned()));
    names.collect()
}

/// Files of Rust below a folder, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries =
        fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    let all = entries.flat_map(|entry| files(&entry));
    all.filter(|file| file.extension().is_some_and(|kind| kind == "rs")).collect()
}

/// The modules that a text imports from the crate's root: `crate::a::b`, and `crate::{a, b::c}`.
/// What comments and documentation name is no import.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join("\n");
    let path = Regex::new(r"\bcrate::(?:\{([^}]*)|([A-Za-z_]+))").expect("a pattern");
    let several = |list: &str| {
        let firsts = list.split(',').map(|item| item.trim().split("::").next().unwrap_or_default());
        firsts.filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let found = path.captures_iter(&code).flat_map(|it| match (it.get(1), it.get(2)) {
        (Some(list), _) => several(list.as_str()),
        (_, Some(name)) => vec![name.as_str().to_owned()],
        _ => Vec::new(),
    });
    found.filter(|name| !ROOT.contains(&name.as_str())).collect()
}

/// Imports that lead upwards, of a module with this text.
fn climbs(floors: &[String], module: &str, text: &str) -> Vec<String> {
    let floor = |name: &str| floors.iter().position(|known| known == name);
    let above = imports(text).into_iter().filter(|name| floor(name) > floor(module));
    above.map(|name| format!("{module} imports {name}")).collect()
}

#[test]
fn every_module_is_in_the_table_of_the_architecture() {
    let root = fs::read_to_string(sources().join("lib.rs")).expect("the root");
    let module = Regex::new(r"(?m)^(?:pub )?mod ([a-z_]+);").expect("a pattern");
    let mut declared = module.captures_iter(&root).map(|it| it[1].to_owned()).collect::<Vec<_>>();
    let mut listed = floors();
    declared.sort();
    listed.sort();
    assert_eq!(declared, listed);
}

#[test]
fn no_module_imports_one_of_a_higher_floor() {
    let floors = floors();
    let found = floors.iter().flat_map(|module| {
        let file = sources().join(module).with_extension("rs");
        let place = if file.is_file() { file } else { sources().join(module) };
        let texts = files(&place).into_iter();
        let texts = texts.map(|file| fs::read_to_string(file).expect("a file of Rust"));
        texts.flat_map(|text| climbs(&floors, module, &text)).collect::<Vec<_>>()
    });
    assert_eq!(found.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn an_import_that_leads_upwards_is_named_in_either_notation() {
    let floors = ["model", "config", "drill"].map(str::to_owned);
    for text in ["use crate::drill::Drill;", "use crate::{config::Config, drill::Drill, Error};"] {
        assert_eq!(climbs(&floors, "config", text), ["config imports drill"], "{text}");
    }
    for text in ["use crate::model::mode::Mode;", "/// See [`crate::drill`].", "use crate::Error;"]
    {
        assert_eq!(climbs(&floors, "config", text), Vec::<String>::new(), "{text}");
    }
}
