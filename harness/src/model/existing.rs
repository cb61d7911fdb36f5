//! Backups that exist, whoever made them: what each piece is, by its content, and what it says of
//! itself before anything is restored.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a piece of a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A script of `pg_dump`: one database, or some of its schemas.
    PlainSql,
    /// A script of `pg_dumpall`: roles and every database.
    ClusterSql,
    /// A script of `pg_dumpall --globals-only`: roles, grants, settings.
    Globals,
    /// An archive of `pg_dump --format=custom`.
    CustomDump,
    /// A folder of `pg_dump --format=directory`.
    DirectoryDump,
    /// An archive of `pg_dump --format=tar`.
    TarDump,
    /// A folder of `pg_basebackup --format=plain`: a data directory with its label.
    BaseBackup,
    /// Archives of `pg_basebackup --format=tar`: `base.tar` and what lies beside it.
    BaseBackupTar,
    /// A data directory without a label: a copy of a server's files.
    DataDirectory,
    /// A repository of pgBackRest.
    PgBackRest,
    /// A repository of restic.
    Restic,
    /// A repository of Borg.
    Borg,
    /// A tar archive of files.
    Tar,
    /// A zip archive of files.
    Zip,
    /// A folder of files, none of which is a backup by itself.
    Folder,
    /// A database of SQLite.
    Sqlite,
    /// A script of `mariadb-dump` or `mysqldump`.
    MariaDbSql,
    /// An artefact of this tool.
    Artefact,
    /// Encrypted, and there is no key to look into it.
    Encrypted,
    /// Nothing that is known.
    Unknown,
}

impl Kind {
    /// The word used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PlainSql => "plain-sql",
            Self::ClusterSql => "cluster-sql",
            Self::Globals => "globals",
            Self::CustomDump => "custom-dump",
            Self::DirectoryDump => "directory-dump",
            Self::TarDump => "tar-dump",
            Self::BaseBackup => "base-backup",
            Self::BaseBackupTar => "base-backup-tar",
            Self::DataDirectory => "data-directory",
            Self::PgBackRest => "pg-back-rest",
            Self::Restic => "restic",
            Self::Borg => "borg",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Folder => "folder",
            Self::Sqlite => "sqlite",
            Self::MariaDbSql => "maria-db-sql",
            Self::Artefact => "artefact",
            Self::Encrypted => "encrypted",
            Self::Unknown => "unknown",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::PlainSql => "script of pg_dump",
            Self::ClusterSql => "script of pg_dumpall",
            Self::Globals => "roles and settings of pg_dumpall",
            Self::CustomDump => "custom archive of pg_dump",
            Self::DirectoryDump => "directory of pg_dump",
            Self::TarDump => "tar archive of pg_dump",
            Self::BaseBackup => "pg_basebackup",
            Self::BaseBackupTar => "pg_basebackup in tar",
            Self::DataDirectory => "data directory of PostgreSQL",
            Self::PgBackRest => "repository of pgBackRest",
            Self::Restic => "repository of restic",
            Self::Borg => "repository of Borg",
            Self::Tar => "tar archive of files",
            Self::Zip => "zip archive of files",
            Self::Folder => "folder of files",
            Self::Sqlite => "database of SQLite",
            Self::MariaDbSql => "script of mariadb-dump",
            Self::Artefact => "artefact of this tool",
            Self::Encrypted => "encrypted",
            Self::Unknown => "no backup that is known",
        }
    }
}

/// What a piece is wrapped in, the outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wrapping {
    /// gzip, of one or more members.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// LZ4, in frames.
    Lz4,
    /// age, with a key of the operator's.
    Age,
    /// `OpenPGP`, with a key of the operator's.
    Gpg,
}

/// One thing that was given, or found in a folder, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// What it is wrapped in, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<Wrapping>,
    /// Bytes of it as it lies there.
    pub bytes: u64,
    /// When it was written, by its file system.
    pub modified: Timestamp,
    /// What it says of itself.
    #[serde(default)]
    pub says: Says,
    /// What is wrong with it, known without restoring it: a line each. Not empty: it is no good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
    /// What could not be found out of it, and what would help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
}

/// What a piece says of itself. What it does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Says {
    /// The tool that wrote it, and its version: `pg_dump 15.8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Version of the server that it is of: `15.8`, `10.11.6-MariaDB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Encoding of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// When it was taken, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// The databases that it is of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub databases: BTreeSet<String>,
    /// The tables that it promises, by database (empty where it does not say), as the dump writes
    /// their names: `schema.name`; with the rows of each, where they were counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeMap<String, Option<u64>>>,
    /// Extensions that it asks for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub extensions: BTreeSet<String>,
    /// Roles that it makes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub makes_roles: BTreeSet<String>,
    /// Roles that it names and does not make: owners, those who are granted something.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names_roles: BTreeSet<String>,
    /// What else it makes besides tables, counted by kind: `view`, `trigger`, `procedure`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, u64>,
    /// How many files it holds, for an archive of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// How many bytes it is when unpacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked_bytes: Option<u64>,
    /// The server's own number, where a base backup has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Where a base backup begins in the write-ahead log: timeline and LSN, `1/0/02000028`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<String>,
    /// Where the backup begins that an incremental one builds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builds_on: Option<String>,
    /// The backups that a repository holds, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Held>,
}

/// A backup that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What the repository calls it.
    pub label: String,
    /// `full`, `diff`, `incr`.
    pub kind: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The backup that it builds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builds_on: Option<String>,
    /// The major version of its server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// Pieces that belong together: one backup of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The pieces; of a chain of incremental backups, the full one first.
    pub pieces: Vec<Piece>,
    /// When it was taken: of several moments the last.
    pub taken_at: Timestamp,
    /// Why these belong together.
    pub ground: String,
}

impl Set {
    /// What it is called: the paths of its pieces.
    #[must_use]
    pub fn name(&self) -> String {
        let names = self.pieces.iter().map(|piece| piece.path.display().to_string());
        names.collect::<Vec<_>>().join(" ")
    }

    /// What is wrong with it, a line each.
    pub fn damage(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().flat_map(|piece| piece.damage.iter().map(String::as_str))
    }
}

impl Says {
    /// The major version of the PostgreSQL server that it is of.
    #[must_use]
    pub fn major(&self) -> Option<u32> {
        let digits = self.server.as_deref()?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }
}

/// What a record keeps of a backup that was judged.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ExistingRecord {
    /// What it was made of.
    pub pieces: Vec<Piece>,
    /// The backups that lie beside it, where a whole folder was looked through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Set>,
    /// What it is of: the same for every backup of the same databases.
    pub identity: String,
    /// Rows of the tables that were restored, by database.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeMap<String, u64>>,
    /// What the server's own checksum of each table is, by database, where it has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<String, BTreeMap<String, String>>,
    /// The newest instant in any row, and where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<(Timestamp, String)>,
    /// Major version of the server that it was restored into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Digest of everything that was given, before it was read and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
