//! Where the environment gives a setting its value: a fault of the environment is remedied where
//! the variable is set, not where settings read it. Pure: files are given as text, and of values
//! only whether they are those that a service has.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::config::lines;
use crate::model::finding::Place;
use crate::model::observed::Observed;

/// What the variables of a service come from.
#[derive(Debug, Clone, Default)]
pub struct Sources<'a> {
    /// The compose files, in their order, with their text.
    pub compose: Vec<(String, &'a str)>,
    /// `drill.toml`, whose variables win over `.env`.
    pub drill: Option<(String, &'a str)>,
    /// Whether what it has for TLS counts.
    pub over_tls: bool,
    /// `.env`, which is compose's own. Its text is looked at and never shown.
    pub dot_env: Option<(String, &'a str)>,
}

/// `${NAME}`, `${NAME:-default}`, `$NAME` and nothing else.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r"^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?([-?+])([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))$";
    Regex::new(pattern).expect("a pattern")
});

impl Sources<'_> {
    /// The line that gives a variable of a service the value that it has. Nothing where no file
    /// says so: somebody set it otherwise.
    #[must_use]
    pub fn place(&self, service: &str, variable: &str, value: &str) -> Option<Place> {
        let found = self.compose.iter().rev().find_map(|(file, text)| {
            let (line, written) = in_compose(text, service, variable)?;
            Some((Place { file: file.clone(), line: Some(line) }, written))
        });
        let (place, written) = found?;
        let Some(parts) = REFERENCE.captures(&written) else {
            return (written == value).then_some(place);
        };
        let name = parts.get(1).or(parts.get(4))?.as_str();
        if let Some((from, given)) = self.in_drill(name).or_else(|| self.in_dot_env(name)) {
            return given.is_none_or(|given| given == value).then_some(from);
        }
        let default =
            parts.get(3).filter(|_| parts.get(2).is_some_and(|sign| sign.as_str() == "-"));
        default.is_some_and(|default| default.as_str() == value).then_some(place)
    }

    /// The line of `drill.toml`, and its value unless each run makes a new one.
    fn in_drill(&self, name: &str) -> Option<(Place, Option<String>)> {
        let (file, text) = self.drill.as_ref()?;
        let tables: &[&[&str]] = if self.over_tls {
            &[&["tls", "environment"], &["environment"]]
        } else {
            &[&["environment"]]
        };
        tables.iter().find_map(|table| {
            let path = table.iter().copied().chain([name]).collect::<Vec<_>>();
            let line = lines::of_key(text, &path)?;
            let document = text.parse::<toml::Table>().ok()?;
            let (first, rest) = path.split_first()?;
            let value = rest.iter().try_fold(document.get(*first)?, |value, key| value.get(key));
            let value = value.and_then(toml::Value::as_str).map(str::to_owned);
            Some((Place { file: file.clone(), line: Some(line) }, value))
        })
    }

    /// The line of `.env`: of two the last counts.
    fn in_dot_env(&self, name: &str) -> Option<(Place, Option<String>)> {
        let (file, text) = self.dot_env.as_ref()?;
        let lines = (1..).zip(text.lines()).filter_map(|(at, line)| {
            let line = line.trim_start();
            let (known, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            (known.trim() == name).then(|| (at, unquoted(value)))
        });
        let (line, value) = lines.last()?;
        Some((Place { file: file.clone(), line: Some(line) }, Some(value)))
    }
}

/// The line of a compose file that sets a variable of a service, and what it says. What belongs
/// to another service does not count; what is in no service is shared by an anchor.
fn in_compose(text: &str, service: &str, variable: &str) -> Option<(u32, String)> {
    let name = regex::escape(variable);
    let set = format!(
        r#"(?:^|[\s{{,\-"'])["']?{name}["']?\s*(?::\s|=)\s*("[^"]*"|'[^']*'|[^,}}#]*\}}|[^,}}#]*)"#
    );
    let set = Regex::new(&set).ok()?;
    let mut shared = None;
    let mut own = None;
    let mut around: Vec<(usize, &str)> = Vec::new();
    for (at, line) in (1..).zip(text.lines()) {
        let body = line.trim_start();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let indent = line.len() - body.len();
        around.retain(|(depth, _)| *depth < indent);
        let key = body.split(':').next().unwrap_or_default().trim_matches(['"', '\'', '-', ' ']);
        let keys = around.iter().map(|(_, key)| *key).chain([key]).collect::<Vec<_>>();
        if let Some(found) = set.captures(line) {
            let written = (at, unquoted(&found[1]));
            match keys[..] {
                ["services", name, ..] if name == service => own = Some(written),
                ["services", ..] => {}
                _ => shared = Some(written),
            }
        }
        around.push((indent, key));
    }
    own.or(shared)
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value).to_owned()
}

/// The place from which a setting's line has its value, where that is the environment; or else
/// the line itself.
#[must_use]
pub fn cause(observed: &Observed, place: Place) -> Place {
    let mut names = read_at(observed, &place).into_iter();
    names.find_map(|name| observed.given.get(&name).cloned()).unwrap_or(place)
}

/// The variables that the value at a line is read from: by name, through an attribute that a
/// module beside it reads, or in the condition that the line stands under.
fn read_at(observed: &Observed, place: &Place) -> Vec<String> {
    let text = observed.files.get(&place.file).map(String::as_str).unwrap_or_default();
    let Some(at) = place.line.and_then(|line| usize::try_from(line).ok()) else {
        return Vec::new();
    };
    let lines = text.lines().collect::<Vec<_>>();
    let Some(line) = at.checked_sub(1).and_then(|at| lines.get(at)) else { return Vec::new() };
    let value = line.split_once('=').map_or("", |(_, value)| value);
    let found = variables(observed, place, value);
    if !found.is_empty() {
        return found;
    }
    let depth = |line: &str| line.len() - line.trim_start().len();
    let above = lines[..at - 1]
        .iter()
        .rev()
        .find(|above| !above.trim().is_empty() && depth(above) < depth(line));
    let condition = above.filter(|above| above.trim_start().starts_with("if "));
    condition.map(|condition| variables(observed, place, condition)).unwrap_or_default()
}

/// The variables of the environment that a piece of Python names, itself or by an attribute.
fn variables(observed: &Observed, place: &Place, text: &str) -> Vec<String> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"["']([A-Z][A-Z0-9_]+)["']"#).expect("a pattern"));
    static ATTRIBUTE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b[A-Za-z_]\w*\.([a-z]\w*)").expect("a pattern"));
    let names =
        |text: &str| NAME.captures_iter(text).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    let mut found = names(text);
    let folder = Path::new(&place.file).parent();
    let beside = observed.files.iter().filter(|(path, _)| {
        let path = Path::new(path);
        path.parent() == folder && path.extension().is_some_and(|kind| kind == "py")
    });
    let beside = beside.map(|(_, text)| text).collect::<Vec<_>>();
    for attribute in ATTRIBUTE.captures_iter(text) {
        let set = format!(".{} = ", &attribute[1]);
        let lines = beside.iter().flat_map(|text| text.lines()).filter(|line| line.contains(&set));
        found.extend(lines.flat_map(names));
    }
    found
}

/// The variables of a service and the lines that give them, of those that may be at fault: one
/// that has the value that the mode needs is not.
#[must_use]
pub fn places(
    sources: &Sources<'_>,
    service: &str,
    variables: &[(String, String)],
    switches: &BTreeMap<String, String>,
) -> BTreeMap<String, Place> {
    let may = variables.iter().filter(|(name, value)| switches.get(name) != Some(value));
    let known =
        may.filter_map(|(name, value)| Some((name.clone(), sources.place(service, name, value)?)));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = "x-django: &django\n  environment:\n    DEBUG: ${DEBUG:-false}\n    \
        KEY: ${SECRET_KEY:-}\n    MODE: \"plain\"\nservices:\n  db:\n    environment:\n      \
        - DEBUG=other\n  backend:\n    <<: *django\n  worker:\n    environment: { DEBUG: \"yes\", MODE: ${M} }\n";
    const DRILL: &str = "[environment]\nSECRET_KEY = { random = 64 }\nM = \"a\"\n[tls]\n\
        environment = { M = \"b\" }\n";

    fn sources(over_tls: bool) -> Sources<'static> {
        Sources {
            compose: vec![("compose.yaml".to_owned(), COMPOSE)],
            drill: Some(("drill.toml".to_owned(), DRILL)),
            over_tls,
            dot_env: Some((".env".to_owned(), "DEBUG=false\nexport DEBUG='true' \nM=c\n")),
        }
    }

    #[test]
    fn a_value_is_placed_where_it_is_given() {
        let at = |over_tls, service: &str, name: &str, value: &str| {
            let place = sources(over_tls).place(service, name, value)?;
            Some(format!("{}:{}", place.file, place.line?))
        };
        let is = |found: Option<String>, wanted: &str| assert_eq!(found.as_deref(), Some(wanted));
        // .env wins over the default, drill.toml over .env, TLS over plain, an own line over a
        // shared one.
        is(at(false, "backend", "DEBUG", "true"), ".env:2");
        is(at(false, "backend", "KEY", "whatever"), "drill.toml:2");
        is(at(false, "backend", "MODE", "plain"), "compose.yaml:5");
        is(at(false, "worker", "DEBUG", "yes"), "compose.yaml:13");
        is(at(false, "db", "DEBUG", "other"), "compose.yaml:9");
        is(at(false, "worker", "MODE", "a"), "drill.toml:3");
        is(at(true, "worker", "MODE", "b"), "drill.toml:5");
        // Another value than any file gives.
        assert_eq!(at(false, "backend", "DEBUG", "false"), None);
        assert_eq!(at(false, "backend", "ABSENT", ""), None);
        let bare = Sources { compose: sources(false).compose, ..Sources::default() };
        let place = bare.place("backend", "DEBUG", "false").expect("the default");
        assert_eq!((place.file.as_str(), place.line), ("compose.yaml", Some(3)));
    }

    #[test]
    fn a_settings_line_leads_to_the_variable_that_it_reads() {
        let settings = "DEBUG = ENVIRONMENT.debug\nHOSTS = os.environ[\"HOSTS\"].split()\nif \
                        ENVIRONMENT.ssl:\n    REDIRECT = True\nFIXED = True\n";
        let module = "env.debug = _flag(environ, \"DEBUG\", problems)\nenv.ssl = _flag(environ, \
                      \"SSL\", problems)\n";
        let drill = |line| Place { file: "drill.toml".to_owned(), line: Some(line) };
        let observed = Observed {
            files: BTreeMap::from([
                ("app/settings.py".to_owned(), settings.to_owned()),
                ("app/environment.py".to_owned(), module.to_owned()),
            ]),
            given: BTreeMap::from([
                ("DEBUG".to_owned(), drill(1)),
                ("HOSTS".to_owned(), drill(2)),
                ("SSL".to_owned(), drill(3)),
            ]),
            ..Observed::default()
        };
        let of =
            |line| cause(&observed, Place { file: "app/settings.py".to_owned(), line: Some(line) });
        assert_eq!([of(1), of(2), of(4)], [drill(1), drill(2), drill(3)]);
        assert_eq!(of(5).file, "app/settings.py");
        let nowhere = Observed { given: BTreeMap::new(), ..observed };
        let place = Place { file: "app/settings.py".to_owned(), line: Some(1) };
        assert_eq!(cause(&nowhere, place.clone()), place);
    }

    #[test]
    fn what_the_mode_needs_is_not_at_fault() {
        let variables = [("DEBUG".to_owned(), "true".to_owned())];
        let given = |wanted: &str| {
            let switches = BTreeMap::from([("DEBUG".to_owned(), wanted.to_owned())]);
            places(&sources(false), "backend", &variables, &switches).len()
        };
        assert_eq!((given("true"), given("false")), (0, 1));
    }
}
