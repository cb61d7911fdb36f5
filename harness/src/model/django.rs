//! What Django says of its own configuration, as plain values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
#[must_use]
pub fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
