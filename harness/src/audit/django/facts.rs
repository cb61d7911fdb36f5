//! What Django says of its own configuration: `inspect.py`'s answer, as plain values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Attempt, Error, Result};

/// The program that is given to `manage.py shell`.
pub const INSPECT: &str = include_str!("inspect.py");

/// What its answer begins with: start-up code of the application may print as well.
const MARK: &str = "django-audit:";

/// Django's level from which `manage.py` refuses to run.
const LEVEL_ERROR: u8 = 40;

/// A message of a system check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Such as `security.W008`; empty where the check gave none.
    pub id: String,
    /// 10 debug, 20 info, 30 warning, 40 error, 50 critical.
    pub level: u8,
    /// What it says.
    pub message: String,
    /// What it advises.
    pub hint: String,
    /// What it is about, if not the whole project.
    pub object: String,
    /// Whether `SILENCED_SYSTEM_CHECKS` hides it.
    pub silenced: bool,
}

impl Message {
    /// Whether `manage.py` refuses to run because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level >= LEVEL_ERROR
    }
}

/// What a key is made of. Nothing of the key itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStrength {
    /// Characters.
    pub length: usize,
    /// Distinct characters.
    pub distinct: usize,
    /// Bits that it is worth at most: Shannon's entropy of its characters, or what is left of
    /// it once packed, whichever is less.
    pub entropy_bits: u32,
    /// It begins as examples do.
    pub placeholder: bool,
}

/// A settings module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Such as `korrigo.settings_prod`.
    pub name: String,
    /// Its file, below the project's folder.
    pub file: String,
    /// Lines at which it assigns each setting.
    pub assigned: BTreeMap<String, Vec<u32>>,
    /// What the settings are in this module, of those that it assigns and that hold no secret.
    pub values: BTreeMap<String, Value>,
}

/// What Django says of its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of Django.
    pub version: String,
    /// The settings module in use.
    pub module: String,
    /// Every check that was run, those of deployments included.
    pub checks_run: Vec<String>,
    /// What the checks said, silenced or not.
    pub messages: Vec<Message>,
    /// `SILENCED_SYSTEM_CHECKS`.
    pub silenced: Vec<String>,
    /// `MIDDLEWARE`, in order.
    pub middleware: Vec<String>,
    /// `INSTALLED_APPS`, in order.
    pub apps: Vec<String>,
    /// Settings that rules look at and that hold no secret.
    pub settings: BTreeMap<String, Value>,
    /// Defaults of the REST framework.
    pub rest: BTreeMap<String, Value>,
    /// How many password validators there are.
    pub validators: usize,
    /// `SECRET_KEY`.
    pub secret_key: KeyStrength,
    /// `SECRET_KEY_FALLBACKS`.
    pub fallbacks: Vec<KeyStrength>,
    /// Engine of each database.
    pub engines: BTreeMap<String, String>,
    /// The settings modules: the one in use last, after those that it builds on.
    pub modules: Vec<Module>,
    /// Variables of the environment that choose between settings, as far as they are set.
    pub environment: BTreeMap<String, String>,
}

impl Facts {
    /// Reads what [`INSPECT`] printed. Undecided when its answer is not there, or when no check
    /// ran: that nothing was complained about would then mean nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let answer = text.lines().rev().find_map(|line| line.strip_prefix(MARK));
        let answer = answer.ok_or_else(|| {
            Error::undecided("Django did not say what its configuration is")
                .hint("try it by hand: manage.py check --deploy")
        })?;
        let facts = serde_json::from_str::<Self>(answer);
        let facts = facts.attempt(|| "what Django says of its configuration is not understood")?;
        if facts.checks_run.iter().any(|check| check.contains(".security.")) {
            return Ok(facts);
        }
        Err(Error::undecided("Django ran none of its deployment checks"))
    }

    /// A setting, if it is there.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Value> {
        self.settings.get(name)
    }

    /// Whether a setting is there and true.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.setting(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A setting's strings: itself, or those it lists.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<&str> {
        texts(self.setting(name))
    }
}

/// A value's strings: itself, or those it lists.
pub(super) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_application_prints_beside_the_answer_is_ignored() {
        let facts = Facts {
            checks_run: vec!["django.core.checks.security.base.check_debug".to_owned()],
            ..Facts::default()
        };
        let json = serde_json::to_string(&facts).expect("JSON");
        let text = format!("5 objects imported automatically\n{MARK}{json}\nbye\n");
        assert_eq!(Facts::parse(&text).expect("there"), facts);
    }

    #[test]
    fn no_answer_and_no_check_are_undecided() {
        let silent = Facts::parse("hello\n").expect_err("no answer");
        assert_eq!(silent.kind(), crate::ErrorKind::Undecided);
        let json = serde_json::to_string(&Facts::default()).expect("JSON");
        let idle = Facts::parse(&format!("{MARK}{json}")).expect_err("no check");
        assert!(idle.to_string().contains("none of its deployment checks"), "{idle}");
    }
}
