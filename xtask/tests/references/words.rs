//! Words that refer to something: files, ids, requirements, commands of this tool.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use harness::audit::django::table;
use regex::Regex;

/// The requirements: FR-4.1 and the like. What the product must do has these and no others.
const REQUIREMENTS: [(&str, u32, &[u32]); 4] = [
    ("H", 11, &[0; 11]),
    ("FR", 6, &[4, 7, 0, 4, 0, 0]),
    ("NFR", 4, &[0, 0, 0, 0]),
    ("D", 3, &[0, 0, 0]),
];

/// Kinds of files that a text may name.
const KINDS: &str = "rs|py|sh|conf|toml|yaml|yml|md|lock|example";

/// Names of files that are somebody else's, that a run writes, or that are examples.
const ELSEWHERE: [&str; 10] = [
    "commands.sh",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "compose.backup.yaml",
    "kopia.toml",
    "postgresql.auto.conf",
    "postgresql.conf",
    "pg_hba.conf",
    "pgbackrest.conf",
];

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

static REQUIREMENT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?:^|[^A-Za-z0-9_-])(N?FR|H|D)-([0-9]+)(?:\.([0-9]+))?\b"));
static FILE: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"^[A-Za-z0-9_.][A-Za-z0-9_./-]*\.({KINDS})$")));
static WITH_LINE: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"^([A-Za-z0-9_.][A-Za-z0-9_./-]*\.({KINDS})):([0-9]+)$")));
static ID: LazyLock<Regex> = LazyLock::new(|| regex(r"^([a-z]+)\.([a-z][a-z.-]*[a-z])$"));
static CHECK: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?:django\.)?([a-z0-9_]+\.[CEW][0-9]{3})$"));
static COMMAND: LazyLock<Regex> =
    LazyLock::new(|| regex(r"cargo xtask ([a-z][a-z-]*)([^`|;&#→(]*)"));
static OPTION: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|\s)(--[a-z][a-z-]*)"));

/// Families of ids that reports carry.
const FAMILIES: [&str; 14] = [
    "headers",
    "cookies",
    "hosts",
    "tls",
    "routes",
    "observatory",
    "django",
    "ledger",
    "method",
    "artefact",
    "backup",
    "probe",
    "integrity",
    "restore",
];

/// Requirements that a line names and that do not exist.
pub(crate) fn unknown_requirements(line: &str) -> Vec<String> {
    let unknown = REQUIREMENT.captures_iter(line).filter_map(|found| {
        let (kind, number) = (&found[1], found[2].parse::<u32>().ok()?);
        let part = found.get(3).and_then(|part| part.as_str().parse::<u32>().ok());
        let (_, most, parts) = REQUIREMENTS.iter().find(|(known, ..)| *known == kind)?;
        let parts = parts.get(number.checked_sub(1)? as usize).copied().unwrap_or_default();
        let exists = number <= *most && part.is_none_or(|part| (1..=parts).contains(&part));
        (!exists).then(|| match part {
            Some(part) => format!("{kind}-{number}.{part}"),
            None => format!("{kind}-{number}"),
        })
    });
    unknown.collect()
}

/// Commands and options of this tool that a text names and that do not exist.
pub(crate) fn commands(text: &str, known: &BTreeMap<String, String>) -> Vec<String> {
    let found = COMMAND.captures_iter(text).flat_map(|found| {
        let name = found[1].trim_end_matches('-').to_owned();
        let Some(help) = known.get(&name) else {
            return vec![format!("there is no command {name}")];
        };
        let options = OPTION.captures_iter(&found[2]).map(|option| option[1].to_owned());
        let unknown = options.filter(|option| {
            let there =
                |text: &str| text.split([' ', ',', '\n', '[', ']', '=']).any(|word| word == option);
            !there(help)
        });
        unknown.map(|option| format!("{name} has no option {option}")).collect()
    });
    found.collect()
}

/// Whether a span of code names a file of the repository.
pub(crate) fn is_file(span: &str) -> bool {
    let name = span.rsplit('/').next().unwrap_or(span);
    let ours = !ELSEWHERE.contains(&name) && !span.starts_with("target/");
    ours && FILE.is_match(span)
}

/// A file with a line.
pub(crate) fn file_and_line(span: &str) -> Option<(&str, usize)> {
    let found = WITH_LINE.captures(span)?;
    Some((found.get(1)?.as_str(), found[3].parse().ok()?))
}

/// Files that a comment names by a path.
pub(crate) fn files(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split([' ', '(', ')', ',', ';', '"', '\'', '`', '=']);
    let words = words.map(|word| word.trim_end_matches([':', '.']));
    words.filter(|word| word.contains('/') && is_file(word))
}

/// Whether a span is the id of a check or finding that nothing has.
pub(crate) fn unknown_id(span: &str, code: &str) -> bool {
    if let Some(found) = CHECK.captures(span) {
        return table::check(&found[1]).is_none();
    }
    // A file that a run writes.
    if span.rsplit('.').next() == Some("json") {
        return false;
    }
    let Some(found) = ID.captures(span).filter(|found| FAMILIES.contains(&&found[1])) else {
        return false;
    };
    let has = |text: String| code.contains(&text);
    let (family, rest) = (&found[1], &found[2]);
    // Whole, or put together from its family and its own name.
    !(has(format!("\"{span}\"")) || has(format!("\"{rest}\"")) && has(format!("\"{family}.{{")))
}
