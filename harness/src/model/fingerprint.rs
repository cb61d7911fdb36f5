//! Certificates: the integrity state of a database and of a media store, as plain values
//! that can be kept for months and compared without the source.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::artefact::RecoveryPoint;

/// Version of the certificate's format.
pub const CERTIFICATE_SCHEMA: u32 = 1;

/// How the value of a fact of the catalogue begins that could not be read; the reason
/// follows. Such a fact is equal to nothing.
pub const UNDECIDED: &str = "undecided: ";

/// How strong the digests of the rows are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// 64 bits a row, computed in the server. Finds any accident.
    #[default]
    Exact,
    /// BLAKE3 of every row, streamed. Comparable across versions and machines.
    Cryptographic,
}

/// The function that turned a row into bits. Digests compare only under the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowHash {
    /// A chain of PostgreSQL's own seeded hash functions over the columns, the same on every
    /// major version, summed.
    Chain64,
    /// BLAKE3 of each row's text form, summed as `LtHash`: any version, any machine.
    Blake3Lattice,
}

/// The integrity state of a database, of a directory, or of both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Version of this format.
    pub schema_version: u32,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// How strong the row digests are.
    pub strength: Strength,
    /// The database, if one was read.
    pub database: Option<DatabaseFingerprint>,
    /// The media store, if one was read.
    pub media: Option<MediaFingerprint>,
    /// Volumes that were read as files while nothing ran on them, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, MediaFingerprint>,
    /// The databases of SQLite in these volumes, by volume; those that have none are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sqlite: BTreeMap<String, SqliteFingerprint>,
}

/// The integrity state of a database at one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFingerprint {
    /// `server_version_num`, such as 150018.
    pub server_version: i32,
    /// The database's name.
    pub name: String,
    /// The instant that the snapshot represents.
    pub recovery_point: RecoveryPoint,
    /// What the digests of the rows were computed with.
    pub row_hash: RowHash,
    /// Every relation with rows of its own, by `schema.name`, quoted where SQL needs it; a
    /// backslash is written `\\`, control characters and bytes that are not UTF-8 `\xNN`.
    pub tables: BTreeMap<String, TableFingerprint>,
    /// Tables in whose tree of partitions a level goes by hash, by name, each as a whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hash_partitioned: BTreeMap<String, HashPartitioned>,
    /// Materialised views held against their definitions, by name, as far as they were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub definitions: BTreeMap<String, Definition>,
    /// The contents of large objects.
    pub large_objects: LargeObjects,
    /// Every other fact of the catalogue, by `kind/subject`.
    pub facts: BTreeMap<String, String>,
}

/// A table in pieces. A hash may be of what is numbered otherwise elsewhere, an enum for one: a
/// restore then puts the same rows into other pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashPartitioned {
    /// The partitions that hold its rows, by name.
    pub pieces: Vec<String>,
    /// The rows of all of them together.
    pub rows: RowsDigest,
}

/// Whether the rows of a materialised view are what its definition yields on the data of the same
/// snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Definition {
    /// They are.
    Same,
    /// They are not.
    Other {
        /// How many rows it yields.
        count: u64,
    },
    /// No evaluation can tell, and why: it reads foreign tables, or varies by itself.
    Unsettled {
        /// The cause.
        reason: String,
    },
    /// It was not evaluated, and why.
    Undecided {
        /// The cause.
        reason: String,
    },
}

/// What is known of the contents of large objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LargeObjects {
    /// All were read; by object identifier, which a dump keeps.
    Read(BTreeMap<u32, LargeObject>),
    /// They could not be read, and why.
    Undecided {
        /// The cause.
        reason: String,
    },
}

/// The content of one large object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObject {
    /// Its size.
    pub bytes: u64,
    /// Digest of its content, lowercase hexadecimal: the sum of 64 bits a page, or BLAKE3.
    pub digest: String,
}

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableFingerprint {
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Columns of the primary key, in key order. Empty without one.
    pub key: Vec<String>,
    /// What was found out about the rows.
    pub rows: RowsDigest,
    /// The file that lists the rows, in the folder beside the certificate, where one is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_in: Option<String>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, quoted where SQL needs it.
    pub name: String,
    /// Its type as declared: `numeric(6,2)`.
    pub declared: String,
}

/// What is known of a table's rows. Undecided is a value: one unreadable table must not hide the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowsDigest {
    /// All rows were read.
    Read {
        /// How many.
        count: u64,
        /// Digest of the multiset of rows, lowercase hexadecimal.
        digest: String,
    },
    /// A materialised view that was never refreshed: it has no rows to read, and a dump
    /// restores it so.
    Unpopulated,
    /// They could not be read, and why.
    Undecided {
        /// The cause, without values of the data.
        reason: String,
    },
}

/// The integrity state of a directory tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaFingerprint {
    /// When reading ended. No file read honestly was modified later than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Entries by path below the root, which itself is `.`; a backslash is written `\\`, control
    /// characters and bytes that are not UTF-8 are written `\xNN`.
    pub entries: BTreeMap<String, MediaEntry>,
    /// Paths that could not be read, or changed while they were, and why.
    pub undecided: BTreeMap<String, String>,
}

/// One entry of a directory tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaEntry {
    /// What it is.
    pub kind: MediaKind,
    /// Permission bits, set-id and sticky included.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Modification time: whole seconds and nanoseconds since the Unix epoch.
    pub modified: (i64, u32),
    /// Extended attributes that belong to the file and not to its host (`user.*`, access
    /// control lists, capabilities), value as BLAKE3.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
}

/// What an entry is, with what identifies its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// BLAKE3 of the content, lowercase hexadecimal.
        blake3: String,
        /// SHA-256 of the content, lowercase hexadecimal, where it was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// Digests of its chunks, where it has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chunks: Option<ChunkDigests>,
        /// The least path among the hard links to the same file, where it has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        linked_to: Option<String>,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Its target, written as paths are.
        target: String,
    },
    /// A fifo or a device: `fifo`, `character device 1:3`. Sockets are not entries: they hold
    /// nothing, and no archive can carry them.
    Special {
        /// Which one.
        device: String,
    },
}

/// Digests of a file's chunks. They only name where two files differ; whether they do is
/// BLAKE3's to say, so 32 bits are enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkDigests {
    /// Bytes of every chunk but the last.
    pub chunk_bytes: u64,
    /// Eight hexadecimal digits a chunk: the start of its BLAKE3 chaining value.
    pub digests: String,
}

/// The integrity state of every database of SQLite in a directory tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteFingerprint {
    /// Each, by its path below the root, written as paths of media are.
    pub databases: BTreeMap<String, SqliteState>,
    /// Paths of which it is not known whether they are one, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undecided: BTreeMap<String, String>,
}

/// What is known of one database of SQLite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteState {
    /// What lies beside it and belongs to it: `-wal`, `-journal`. Empty ones do not count.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub beside: BTreeSet<String>,
    /// What the engine's own check complains of, in its words, bounded; nothing if it is intact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
    /// Rows that refer to a row that is not there, by `table refers to table`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dangling: BTreeMap<String, u64>,
    /// `PRAGMA user_version`: where applications keep the version of their schema.
    #[serde(default)]
    pub user_version: i64,
    /// BLAKE3 of the SQL of everything in the schema, by `table t`, `index i`.
    pub schema: BTreeMap<String, String>,
    /// The rows of its tables, by name; of virtual ones, those of the tables that they keep.
    pub tables: BTreeMap<String, RowsDigest>,
    /// What could not be found out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
}

impl SqliteState {
    /// Whether something kept it from being read whole.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        !self.damage.is_empty() || !self.undecided.is_empty()
    }
}
