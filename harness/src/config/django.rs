//! `[django]`: where Django is asked about its own configuration.

use serde::Deserialize;

/// The service that runs Django, and how its commands are run there.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DjangoConfig {
    /// The service.
    pub service: String,
    /// Its `manage.py`.
    pub manage: Vec<String>,
}

impl Default for DjangoConfig {
    fn default() -> Self {
        Self {
            service: "backend".to_owned(),
            manage: vec!["python".to_owned(), "manage.py".to_owned()],
        }
    }
}
