use std::collections::BTreeSet;

use super::*;

const KEYS: &str = include_str!("../../../../tests/schemas/compose-keys.txt");

/// Keys of the specification, by path.
fn specified() -> impl Iterator<Item = &'static str> {
    KEYS.lines().filter(|line| !line.starts_with('#'))
}

/// The row of a key, or of one above it that decides for all that is below.
fn row(key: &str) -> Option<&'static Group> {
    let mut scope = String::new();
    for part in key.split('.') {
        let group = (part != "*").then(|| section(&scope)?.group(part)).flatten();
        scope = below(&scope, part);
        let decides =
            |group: &&Group| scope == key || matches!(group.rule, Rule::Drop | Rule::Refuse);
        if let Some(group) = group.filter(decides) {
            return Some(group);
        }
    }
    None
}

#[test]
fn every_key_of_the_specification_has_its_row() {
    let without = specified().filter(|key| row(key).is_none()).collect::<Vec<_>>();
    assert!(without.is_empty(), "no row in the table: {without:#?}");
    assert!(specified().count() > 390, "the list is not the whole");
    for key in ["services.*.newer", "newer", "services.*.deploy.newer", "volumes.*.newer"] {
        assert!(row(key).is_none(), "{key} is in no specification");
    }
}

#[test]
fn every_row_is_a_key_of_the_specification_and_there_once() {
    let specified = specified().collect::<BTreeSet<_>>();
    let mut seen = BTreeSet::new();
    for section in sections() {
        for key in section.groups.iter().flat_map(|group| group.keys) {
            let key = below(section.scope, key);
            assert!(specified.contains(key.as_str()), "{key} is no key");
            assert!(seen.insert(key.clone()), "{key} is there twice");
        }
    }
}

/// The table as `docs/sealing.md` has it.
fn as_markdown() -> String {
    let sections = sections().map(|Section { scope, groups }| {
        let rows = groups.iter().map(|Group { rule, why, keys }| {
            let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
            let rule = match rule {
                Rule::Keep => "kept",
                Rule::Drop => "dropped",
                Rule::Judge(_) => "judged",
                Rule::Refuse => "**refused**",
            };
            format!("| {keys} | {rule} | {why} |\n")
        });
        let title = if scope.is_empty() { "The stack".to_owned() } else { format!("`{scope}`") };
        format!("### {title}\n\n| keys | | |\n|---|---|---|\n{}", rows.collect::<String>())
    });
    sections.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_documented_table_is_this_one() {
    let document = include_str!("../../../../../docs/sealing.md");
    let table = as_markdown();
    assert!(document.contains(&table), "docs/sealing.md lacks this table:\n{table}");
}
