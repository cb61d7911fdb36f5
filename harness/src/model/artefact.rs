//! Artefacts: what a backup leaves, described by a manifest that travels with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the manifest's format.
pub const MANIFEST_SCHEMA: u32 = 1;

/// File name of the manifest inside an artefact.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The instant that an artefact represents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// Server clock when the snapshot was taken.
    pub instant: Timestamp,
    /// Write-ahead log position then, such as `0/1A2B3C8`.
    pub lsn: String,
}

/// What a part of an artefact holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// The database.
    Database,
    /// Roles, memberships and tablespaces of the cluster.
    Globals,
    /// The media store.
    Media,
}

/// One file of an artefact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it holds.
    pub kind: PartKind,
    /// File name inside the artefact.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the file, lowercase hexadecimal.
    pub blake3: String,
}

/// Describes an artefact. Everything in it can be restored without this tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub schema_version: u32,
    /// The method that took it.
    pub method: String,
    /// When the backup began.
    pub taken_at: Timestamp,
    /// The instant it represents.
    pub recovery_point: RecoveryPoint,
    /// Its files.
    pub parts: Vec<Part>,
    /// Tool name to version line, such as `pg_dump` to `pg_dump (PostgreSQL) 15.18`.
    pub tools: BTreeMap<String, String>,
}

impl Manifest {
    /// The part of a kind, if the artefact has one.
    #[must_use]
    pub fn part(&self, kind: PartKind) -> Option<&Part> {
        self.parts.iter().find(|part| part.kind == kind)
    }

    /// Size of all parts, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }
}
