//! Each kind intact, then cut, altered and without its end: backups that tools made, in
//! `harness/tests/backups`.

mod base_backups;
mod dumps;
mod encrypted;
mod files;
mod hostile;
mod repositories;
mod wrapped;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Opener, recognise};
use crate::model::existing::{Kind, Piece};

/// Backups of one database whose content is known, and what they are.
const DUMPS: [(&str, Kind); 12] = [
    ("plain.sql", Kind::PlainSql),
    ("inserts.sql", Kind::PlainSql),
    ("inserts-multi.sql", Kind::PlainSql),
    ("plain.sql.xz", Kind::PlainSql),
    ("plain.sql.lz4", Kind::PlainSql),
    ("cluster.sql", Kind::ClusterSql),
    ("globals.sql", Kind::Globals),
    ("mariadb.sql", Kind::MariaDbSql),
    ("custom.dump", Kind::CustomDump),
    ("custom-piped.dump", Kind::CustomDump),
    ("custom-inserts.dump", Kind::CustomDump),
    ("tar-dump.tar.gz", Kind::TarDump),
];

fn backups() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backups")
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(backups().join(name)).expect("a backup")
}

/// What a file with these bytes is, whatever its name.
fn look(bytes: &[u8]) -> Piece {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("room");
    recognise(file.path(), &Opener::without_keys()).expect("readable")
}

/// Rows of a table of the only database.
fn rows(piece: &Piece, table: &str) -> Option<u64> {
    let database = piece.says.tables.values().next().expect("a database");
    *database.get(table).unwrap_or_else(|| panic!("no {table} in {database:?}"))
}

fn damage(piece: &Piece) -> String {
    piece.damage.join("\n")
}
