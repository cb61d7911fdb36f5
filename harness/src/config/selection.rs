//! What of a stack the operator asks for on the command line, as compose's own options have it.

use std::path::{Path, PathBuf};

use crate::error::{Attempt, Result};

/// Compose files, variables, profiles, the project's name, and services that are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Compose files, later ones override; relative to the current folder. They win over
    /// `[stack] files`.
    pub files: Vec<PathBuf>,
    /// Files of variables, later ones override; relative to the current folder.
    pub env_files: Vec<PathBuf>,
    /// Profiles whose services belong to the stack.
    pub profiles: Vec<String>,
    /// The project's name instead of the one that compose would find.
    pub project_name: Option<String>,
    /// Services that the copy does not have.
    pub without: Vec<String>,
}

impl Selection {
    /// The compose files, wherever compose is started.
    pub(crate) fn absolute_files(&self) -> Result<Vec<PathBuf>> {
        self.files.iter().map(|file| absolute(file)).collect()
    }

    /// The files of variables, wherever compose is started.
    pub fn absolute_env_files(&self) -> Result<Vec<PathBuf>> {
        self.env_files.iter().map(|file| absolute(file)).collect()
    }
}

fn absolute(file: &Path) -> Result<PathBuf> {
    std::path::absolute(file).attempt(|| format!("cannot find {}", file.display()))
}
