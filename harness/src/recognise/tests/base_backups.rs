//! Base backups, made as `pg_basebackup` lays them out.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::damage;
use crate::model::existing::{Kind, Piece};
use crate::recognise::{Opener, recognise};

const LABEL: &str = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n\
    CHECKPOINT LOCATION: 0/2000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n\
    START TIME: 2024-05-01 03:00:00 UTC\nLABEL: pg_basebackup base backup\nSTART TIMELINE: 1\n";

const FROM: &str = "INCREMENTAL FROM LSN: 0/1000028\nINCREMENTAL FROM TLI: 1\n";

const SEGMENT: &str = "000000010000000000000002";

/// Files of a data directory: path and content.
fn files(label: &str) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("backup_label", label.as_bytes().to_vec()),
        ("PG_VERSION", b"17\n".to_vec()),
        ("base/1/1259", vec![7; 8192]),
        ("base/1/1260", Vec::new()),
        ("global/pg_control", vec![1; 8192]),
    ]
}

/// The manifest of these files, with sums of either kind.
fn manifest(files: &[(&str, Vec<u8>)]) -> String {
    let entry = |(at, (path, content)): (usize, &(&str, Vec<u8>))| {
        let (name, sum) = if at % 2 == 0 {
            ("CRC32C", data_encoding::HEXLOWER.encode(&crc32c::crc32c(content).to_le_bytes()))
        } else {
            ("SHA256", data_encoding::HEXLOWER.encode(&Sha256::digest(content)))
        };
        format!(
            "{{ \"Path\": \"{path}\", \"Size\": {}, \"Last-Modified\": \"2024-05-01 03:00:00 GMT\", \
             \"Checksum-Algorithm\": \"{name}\", \"Checksum\": \"{sum}\" }}",
            content.len()
        )
    };
    let entries = files.iter().enumerate().map(entry).collect::<Vec<_>>().join(",\n");
    let text = format!(
        "{{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": 7713734319046876198,\n\
         \"Files\": [\n{entries}\n],\n\"WAL-Ranges\": [\n{{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", \
         \"End-LSN\": \"0/2000100\" }}\n],\n"
    );
    let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    format!("{text}\"Manifest-Checksum\": \"{sum}\"}}\n")
}

fn plain(label: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let files = files(label);
    for (path, content) in &files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(path, content).expect("room");
    }
    fs::write(folder.path().join("backup_manifest"), manifest(&files)).expect("room");
    fs::create_dir(folder.path().join("pg_wal")).expect("room");
    fs::write(folder.path().join("pg_wal").join(SEGMENT), vec![0; 1 << 20]).expect("room");
    // Segments of 1 MiB: the range is that of number 32.
    let wal = folder.path().join("pg_wal");
    fs::rename(wal.join(SEGMENT), wal.join("000000010000000000000020")).expect("there");
    folder
}

fn archived() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let files = files(LABEL);
    let archive = |name: &str, members: &[(&str, Vec<u8>)]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            builder.append_data(&mut header, path, content.as_slice()).expect("memory");
        }
        let packed = zstd::encode_all(builder.into_inner().expect("memory").as_slice(), 1);
        fs::write(folder.path().join(name), packed.expect("memory")).expect("room");
    };
    archive("base.tar.zst", &files);
    archive("pg_wal.tar.zst", &[("000000010000000000000020", vec![0; 1 << 20])]);
    fs::write(folder.path().join("backup_manifest"), manifest(&files)).expect("room");
    folder
}

fn look(folder: &Path) -> Piece {
    recognise(folder, &Opener::without_keys()).expect("readable")
}

fn is_whole(piece: &Piece, kind: Kind) {
    assert_eq!((piece.kind, damage(piece).as_str()), (kind, ""), "{piece:?}");
    assert_eq!(piece.open, [""; 0]);
    assert_eq!(piece.says.major(), Some(17));
    assert_eq!(piece.says.begins_at.as_deref(), Some("1/0/02000028"));
    assert_eq!(piece.says.system.as_deref(), Some("7713734319046876198"));
    assert_eq!(piece.says.taken_at, "2024-05-01T03:00:00Z".parse().ok());
}

#[test]
fn a_base_backup_is_held_against_its_manifest() {
    let folder = plain(LABEL);
    let piece = look(folder.path());
    is_whole(&piece, Kind::BaseBackup);
    assert!(piece.bytes > 1 << 20, "a folder is as large as what is in it: {}", piece.bytes);
    let folder = archived();
    is_whole(&look(folder.path()), Kind::BaseBackupTar);
}

#[test]
fn files_that_are_altered_cut_gone_or_foreign_are_named() {
    let change = |path: &str, content: Option<&[u8]>| {
        let folder = plain(LABEL);
        let path = folder.path().join(path);
        match content {
            Some(content) => fs::write(path, content).expect("room"),
            None => fs::remove_file(path).expect("there"),
        }
        damage(&look(folder.path()))
    };
    let mut altered = vec![7; 8192];
    altered[4000] = 8;
    assert!(change("base/1/1259", Some(&altered)).contains("base/1/1259 was altered"));
    assert!(change("base/1/1259", Some(&altered[..100])).contains("base/1/1259 has 100 bytes"));
    assert!(change("base/1/1260", None).contains("base/1/1260 is missing"));
    assert!(change("base/1/999", Some(b"x")).contains("base/1/999 is not in its manifest"));
    assert!(change("global/pg_control", None).contains("no server starts"));
    assert!(
        change("pg_wal/000000010000000000000020", Some(b"x"))
            .contains("000000010000000000000002 is missing")
    );
    assert_eq!(change("postgresql.auto.conf", Some(b"a = b")), "");
}

#[test]
fn a_log_that_is_missing_is_damage_and_none_at_all_is_open() {
    let folder = plain(LABEL);
    let wal = folder.path().join("pg_wal");
    fs::rename(wal.join("000000010000000000000020"), wal.join("00000001000000000000001F"))
        .expect("there");
    assert!(damage(&look(folder.path())).contains("000000010000000000000020 is missing"));
    fs::remove_file(wal.join("00000001000000000000001F")).expect("there");
    assert!(look(folder.path()).open[0].contains("an archive must have that"));
}

#[test]
fn a_manifest_that_was_altered_or_cut_is_named() {
    let folder = plain(LABEL);
    let path = folder.path().join("backup_manifest");
    let whole = fs::read_to_string(&path).expect("there");
    fs::write(&path, whole.replacen("8192", "8191", 1)).expect("room");
    assert!(damage(&look(folder.path())).contains("its manifest was altered"));
    fs::write(&path, &whole[..whole.len() * 6 / 10]).expect("room");
    assert!(damage(&look(folder.path())).contains("its manifest has no end"));
    let outside = whole.replacen("base/1/1259", "../etc/passwd", 1);
    fs::write(&path, outside).expect("room");
    assert!(damage(&look(folder.path())).contains("outside of the data directory"));
}

#[test]
fn archives_that_are_cut_or_gone_are_named() {
    let folder = archived();
    let path = folder.path().join("base.tar.zst");
    let whole = fs::read(&path).expect("there");
    fs::write(&path, &whole[..whole.len() * 6 / 10]).expect("room");
    assert!(damage(&look(folder.path())).contains("base: the zstd stream ends early"));
    fs::remove_file(&path).expect("there");
    assert!(damage(&look(folder.path())).contains("the data directory is missing"));
}

#[test]
fn an_incremental_backup_says_what_it_builds_on() {
    let folder = plain(&format!("{LABEL}{FROM}"));
    let piece = look(folder.path());
    assert_eq!(piece.damage, [""; 0]);
    assert_eq!(piece.says.builds_on.as_deref(), Some("1/0/01000028"));
}

#[test]
fn a_copy_of_a_servers_files_is_no_backup_until_somebody_says_so() {
    let folder = plain(LABEL);
    fs::remove_file(folder.path().join("backup_label")).expect("there");
    fs::remove_file(folder.path().join("backup_manifest")).expect("there");
    let piece = look(folder.path());
    assert_eq!((piece.kind, piece.damage.len()), (Kind::DataDirectory, 0));
    assert!(piece.open[0].contains("pg_controldata"), "{piece:?}");
    fs::write(folder.path().join("postmaster.pid"), "4711\n/data\n").expect("room");
    assert!(look(folder.path()).open[0].contains("while a server ran"));
}
