//! Where Django's settings are written, as far as reading text tells: the last assignment wins,
//! and production's module comes after the one that it builds on.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use super::given;
use crate::model::finding::Place;
use crate::model::observed::Observed;

/// Django's setting behind a header.
#[must_use]
pub fn of_header(header: &str) -> Option<&'static str> {
    let known = [
        ("Strict-Transport-Security", "SECURE_HSTS_SECONDS"),
        ("Content-Security-Policy", "CONTENT_SECURITY_POLICY"),
        ("Referrer-Policy", "SECURE_REFERRER_POLICY"),
        ("X-Frame-Options", "X_FRAME_OPTIONS"),
        ("X-Content-Type-Options", "SECURE_CONTENT_TYPE_NOSNIFF"),
        ("Cross-Origin-Opener-Policy", "SECURE_CROSS_ORIGIN_OPENER_POLICY"),
    ];
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
    found.map(|(_, setting)| *setting)
}

/// Where a setting gets its value, among files by their path.
#[must_use]
pub fn place(files: &BTreeMap<String, String>, setting: &str) -> Option<Place> {
    let modules = files.iter().filter(|(path, _)| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with("settings") && Path::new(name).extension().is_some_and(|kind| kind == "py")
    });
    // "settings.py" before "settings_prod.py": the later module has the last word.
    let mut found = None;
    for (path, text) in modules {
        let assigns = |line: &str| {
            let rest = line.trim_start().strip_prefix(setting);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        if let Some((at, _)) = text.lines().enumerate().filter(|(_, line)| assigns(line)).last() {
            let line = u32::try_from(at + 1).ok();
            found = Some(Place { file: path.clone(), line });
        }
    }
    found
}

/// Where a setting gets its value: its line, or the one that gives the variable that it reads.
#[must_use]
pub fn cause(observed: &Observed, setting: &str) -> Option<Place> {
    place(&observed.files, setting).map(|place| given::cause(observed, place))
}

/// A variable that a compose file sets to another value than the mode needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradicted {
    /// The line that sets it.
    pub place: Place,
    /// The variable.
    pub variable: String,
    /// The line as it ought to be.
    pub right: String,
}

/// The first line of a compose file that sets a variable against the mode: `SSL_ENABLED: "false"`
/// where TLS is on. Values that are variables themselves are for the environment to decide.
#[must_use]
pub fn contradicted(observed: &Observed) -> Option<Contradicted> {
    let compose = observed.files.iter().filter(|(path, _)| {
        Path::new(path).extension().is_some_and(|kind| kind == "yaml" || kind == "yml")
    });
    for (path, text) in compose {
        for (variable, wanted) in &observed.switches {
            let name = regex::escape(variable);
            let known = Regex::new(&format!(r#"(\b{name}:\s*["']?)([A-Za-z0-9]+)(["']?)"#)).ok()?;
            for (at, line) in (1..).zip(text.lines()) {
                let other = known.captures(line).filter(|parts| parts[2] != **wanted);
                if other.is_some() {
                    let right = known.replace(line, format!("${{1}}{wanted}${{3}}")).into_owned();
                    let place = Place { file: path.clone(), line: Some(at) };
                    return Some(Contradicted { place, variable: variable.clone(), right });
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_against_the_mode_is_found_with_the_line_as_it_ought_to_be() {
        let yaml = "x:\n  SSL_ENABLED: ${SSL_ENABLED:-false}\n  a: { SSL_ENABLED: \"false\" }\n";
        let observed = Observed {
            files: BTreeMap::from([("compose.tls.yaml".to_owned(), yaml.to_owned())]),
            switches: BTreeMap::from([("SSL_ENABLED".to_owned(), "true".to_owned())]),
            ..Observed::default()
        };
        let found = contradicted(&observed).expect("a line");
        assert_eq!(found.place.line, Some(3));
        assert_eq!(found.right, "  a: { SSL_ENABLED: \"true\" }");
    }

    #[test]
    fn the_last_assignment_of_the_last_module_is_the_place() {
        let files = BTreeMap::from([
            ("app/settings.py".to_owned(), "A = 1\nB = 1\n".to_owned()),
            ("app/settings_prod.py".to_owned(), "if ssl:\n    A = 2\nAB = 3\n".to_owned()),
        ]);
        let at = |setting| place(&files, setting).map(|place| (place.file, place.line));
        assert_eq!(at("A"), Some(("app/settings_prod.py".to_owned(), Some(2))));
        assert_eq!(at("B"), Some(("app/settings.py".to_owned(), Some(2))));
        assert_eq!(at("C"), None);
    }
}
