//! `[tls]`: what the stack's files and variables are in its HTTPS mode.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::Variable;

/// The stack over TLS: what is added to the mode over plain HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Compose files, after those of `[stack]`.
    pub files: Vec<PathBuf>,
    /// Variables, which win over those of `[environment]`.
    pub environment: BTreeMap<String, Variable>,
    /// The variable that names a folder with `fullchain.pem` and `privkey.pem`.
    pub certificates: String,
    /// Port of HTTPS inside the sandbox.
    pub port: u16,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            environment: BTreeMap::new(),
            certificates: "TLS_CERT_DIR".to_owned(),
            port: 443,
        }
    }
}
