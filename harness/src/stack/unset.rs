//! What a stack's files ask for and nobody gives: variables, and files of variables. Compose stops
//! at the first in its own words; here each has its name. Reads the files as text, and interprets
//! nothing of them but `${…}`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::compose::StackSource;

/// A variable that is given nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset {
    /// Its name.
    pub name: String,
    /// Whether compose refuses without it; else it would be empty.
    pub is_required: bool,
    /// Whether its name says that its value is a secret: any value serves a sandbox.
    pub is_secret: bool,
}

/// A file of variables that a service names, and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentFile {
    /// The service.
    pub service: String,
    /// The file, as it is written.
    pub path: PathBuf,
    /// A file beside it that looks like its template.
    pub template: Option<PathBuf>,
}

/// `${NAME…}` and `$NAME`; `$$` stands for a dollar.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?|\$([A-Za-z_][A-Za-z0-9_]*)")
        .expect("a pattern of ours")
});

/// Merges within merges that are followed.
const MERGES_MAX: usize = 8;

/// Words of which one is part of a secret's name.
const SECRETS: [&str; 12] = [
    "PASSWORD",
    "PASSWD",
    "PASS",
    "PWD",
    "SECRET",
    "SECRETS",
    "KEY",
    "TOKEN",
    "SALT",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
];

/// Variables that a stack's files ask for without a default, and that nobody gives.
#[must_use]
pub fn variables(source: &StackSource) -> Vec<Unset> {
    let given = given(source);
    let mut asked = BTreeMap::new();
    for text in texts(source) {
        for (name, is_required) in asked_for(&text) {
            *asked.entry(name).or_insert(false) |= is_required;
        }
    }
    let unset = asked.into_iter().filter(|(name, _)| !given.contains(name));
    unset
        .map(|(name, is_required)| {
            let is_secret = is_secret(&name);
            Unset { name, is_required, is_secret }
        })
        .collect()
}

/// Files of variables that services name and that are not there.
#[must_use]
pub fn env_files(source: &StackSource) -> Vec<AbsentFile> {
    let project = project_dir(source);
    let mut absent = Vec::<AbsentFile>::new();
    for text in texts(source) {
        let Some(written) = written(&text) else { continue };
        for (service, spec) in written["services"].as_object().into_iter().flatten() {
            let listed = &spec["env_file"];
            let entries = listed.as_array().map_or(std::slice::from_ref(listed), Vec::as_slice);
            for entry in entries {
                let path = entry.as_str().or_else(|| entry["path"].as_str());
                let Some(path) = path.filter(|it| entry["required"] != false && !it.contains('$'))
                else {
                    continue;
                };
                if !project.join(path).exists() && !absent.iter().any(|it| it.service == *service) {
                    let (service, path) = (service.clone(), PathBuf::from(path));
                    let template = template(&project.join(&path));
                    absent.push(AbsentFile { service, path, template });
                }
            }
        }
    }
    absent
}

/// The next step, if something is missing.
pub(super) fn hint(source: &StackSource) -> Option<String> {
    if let Some(file) = env_files(source).first() {
        return Some(file.remedy());
    }
    if let Some(template) = template_of_variables(source) {
        let name = template.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Some(format!("no .env is there: cp {name} .env, and fill it in"));
    }
    let missing = variables(source).into_iter().filter(|it| it.is_required);
    let lines = missing.map(|it| it.line()).collect::<Vec<_>>();
    (!lines.is_empty()).then(|| {
        format!(
            "write under [environment] in drill.toml, or give them with --env-file: {}",
            lines.join("; ")
        )
    })
}

impl Unset {
    /// The line of `[environment]` that gives it.
    #[must_use]
    pub fn line(&self) -> String {
        let value = if self.is_secret { "{ random = 32 }" } else { "\"…\"" };
        format!("{} = {value}", self.name)
    }
}

impl AbsentFile {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let path = self.path.display();
        match &self.template {
            Some(template) => format!(
                "service {} reads {path}, which is not there: cp {} {path}, and fill it in",
                self.service,
                template.display()
            ),
            None => format!(
                "service {} reads {path}, which is not there: write it, or say `required: false` where it is named",
                self.service
            ),
        }
    }
}

/// A file as it is written, with what it merges; nothing where it has tags of compose's own.
fn written(text: &str) -> Option<Value> {
    let mut written = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text).ok()?;
    // One pass takes in what is merged, with the merges that this has in turn.
    for _ in 0..MERGES_MAX {
        written.apply_merge().ok()?;
    }
    serde_json::to_value(written).ok()
}

/// Where no `.env` is there, its template beside the compose file, if the stack asks for anything.
#[must_use]
pub fn template_of_variables(source: &StackSource) -> Option<PathBuf> {
    let env = project_dir(source).join(".env");
    let is_silent = source.env_files.is_empty() && !env.exists();
    let names = [
        ".env.example",
        "env.example",
        ".env.sample",
        ".env.template",
        "example.env",
        "sample.env",
        ".env.dist",
    ];
    let found = names.iter().map(|name| env.with_file_name(name)).find(|it| it.is_file());
    found.filter(|_| is_silent && !variables(source).is_empty())
}

/// Compose reads files of variables beside the first compose file.
fn project_dir(source: &StackSource) -> PathBuf {
    let first = source.files.first().and_then(|file| file.parent());
    first.map_or_else(|| source.dir.clone(), |parent| source.dir.join(parent))
}

fn texts(source: &StackSource) -> impl Iterator<Item = String> {
    source.files.iter().filter_map(|file| fs::read_to_string(source.dir.join(file)).ok())
}

/// Names with a value: of the drill, of this process, and of the files of variables.
/// Names that are given a value: by the stack's files of variables, by this process, or by the source.
pub(crate) fn given(source: &StackSource) -> BTreeSet<String> {
    let files = if source.env_files.is_empty() {
        vec![project_dir(source).join(".env"), source.dir.join(".env")]
    } else {
        source.env_files.clone()
    };
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    let of_files = texts.flat_map(|text| names(&text).collect::<Vec<_>>());
    let of_process = env::vars().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name);
    source.variables.keys().cloned().chain(of_process).chain(of_files).collect()
}

/// Names of a file of variables that have a value.
fn names(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs =
        lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    let set = pairs.filter(|(_, value)| !value.trim().trim_matches(['"', '\'']).is_empty());
    set.map(|(name, _)| name.trim().to_owned())
}

/// Names that a text asks for without a default, and whether compose refuses without each.
fn asked_for(text: &str) -> impl Iterator<Item = (String, bool)> {
    // What a comment says is asked for by nobody.
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| {
        let found = VARIABLE.captures_iter(line).filter_map(|found| {
            if let Some(name) = found.get(3) {
                return Some((name.as_str().to_owned(), false));
            }
            let name = found.get(1)?.as_str().to_owned();
            match found.get(2).map(|it| it.as_str().trim_start_matches(':')) {
                None => Some((name, false)),
                Some("?") => Some((name, true)),
                // A default, or something instead: empty is fine.
                Some(_) => None,
            }
        });
        found.collect::<Vec<_>>()
    })
}

fn is_secret(name: &str) -> bool {
    let upper = name.to_uppercase();
    upper.split('_').any(|part| SECRETS.iter().any(|word| part == *word || part.ends_with(word)))
}

fn template(path: &std::path::Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let endings = ["example", "sample", "template", "dist", "default"];
    let beside = endings.iter().flat_map(|it| {
        [format!("{name}.{it}"), format!("{name}-{it}"), format!("{it}{name}"), format!("{it}.env")]
    });
    let found = beside.map(PathBuf::from).find(|it| path.with_file_name(it).is_file())?;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(dir: &std::path::Path, text: &str) -> StackSource {
        fs::write(dir.join("compose.yaml"), text).expect("written");
        let (dir, files) = (dir.to_owned(), vec![PathBuf::from("compose.yaml")]);
        StackSource { dir, files, ..StackSource::default() }
    }

    #[test]
    fn what_is_asked_for_without_a_default_and_given_nowhere_is_unset() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let source = source(
            dir.path(),
            "a: ${T_DB_PASSWORD:?}\nb: ${T_DOMAIN?say it}\nc: ${T_PORT:-80}\nd: $T_PLAIN $$HOME\n# ${T_NO:?}\ne: ${T_GIVEN:?}\n",
        );
        fs::write(dir.path().join(".env"), "T_GIVEN=x\nT_PLAIN=\n").expect("written");
        let found = variables(&source);
        let found = found.iter().map(|it| (it.name.as_str(), it.is_required, it.is_secret));
        let expected =
            [("T_DB_PASSWORD", true, true), ("T_DOMAIN", true, false), ("T_PLAIN", false, false)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_of_variables_that_is_absent_is_named_with_its_template() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("app.env.example"), "A=1\n").expect("written");
        let source = source(
            dir.path(),
            "services:\n  web: &web { env_file: [app.env] }\n  too: { <<: *web }\n  job: { env_file: [{ path: x.env, required: false }] }\n",
        );
        let found = env_files(&source);
        assert_eq!(found.len(), 2);
        assert!(found[0].remedy().contains("cp app.env.example app.env"), "{found:?}");
    }

    #[test]
    fn a_name_says_whether_its_value_is_a_secret() {
        for name in ["DB_PASSWORD", "SECRET_KEY_BASE", "JWT_TOKEN", "APPKEY", "PGPASSWORD"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["DOMAIN", "UPLOAD_LOCATION", "KEYCLOAK_HOST", "TZ"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
