//! Artefacts: what a backup leaves, described by a manifest that travels with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the manifest's format.
pub const MANIFEST_SCHEMA: u32 = 1;

/// File name of the manifest inside an artefact.
pub const MANIFEST_FILE: &str = "manifest.json";

/// File in which commands name the artefacts that theirs cannot be restored without.
pub const NEEDS_FILE: &str = "needs";

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
    /// The files of one volume, `volume-NAME.tar.zst`, taken while nothing ran on it.
    Volume,
    /// Several stores in one file.
    Bundle,
    /// What lies beside another part, such as a file of checksums.
    Companion,
    /// The certificate of the stores at the recovery point.
    Certificate,
    /// Lists of rows, by which the certificate names those that differ.
    Rows,
    /// What else was known of the source: where its sequences stood, what invariants gave.
    Origin,
}

impl PartKind {
    /// The word used in manifests and in `drill.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Globals => "globals",
            Self::Media => "media",
            Self::Volume => "volume",
            Self::Bundle => "bundle",
            Self::Companion => "companion",
            Self::Certificate => "certificate",
            Self::Rows => "rows",
            Self::Origin => "origin",
        }
    }
}

/// File name of the part that holds a volume.
#[must_use]
pub fn volume_file(name: &str) -> String {
    format!("volume-{name}.tar.zst")
}

/// A store that a backup may cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The database, large objects included.
    Database,
    /// Roles, memberships and settings of the cluster.
    Globals,
    /// The media store.
    Media,
}

impl Store {
    /// The word used in `drill.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Globals => "globals",
            Self::Media => "media",
        }
    }
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
    /// Names of the artefacts in the same folder that it cannot be restored without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// What its restore is told to reach, if that is not the point which its backup named: the
    /// last moment before a mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Tool name to version line, such as `pg_dump` to `pg_dump (PostgreSQL) 15.18`.
    pub tools: BTreeMap<String, String>,
}

impl Manifest {
    /// The part of a kind, if the artefact has one.
    #[must_use]
    pub fn part(&self, kind: PartKind) -> Option<&Part> {
        self.parts.iter().find(|part| part.kind == kind)
    }

    /// The part that holds a volume, by the volume's name.
    #[must_use]
    pub fn volume(&self, name: &str) -> Option<&Part> {
        let file = volume_file(name);
        self.parts.iter().find(|part| part.kind == PartKind::Volume && part.file == file)
    }

    /// Size of all that a restore may read, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let judges = [PartKind::Certificate, PartKind::Rows, PartKind::Origin];
        let parts = self.parts.iter().filter(|part| !judges.contains(&part.kind));
        parts.map(|part| part.size).sum()
    }
}
