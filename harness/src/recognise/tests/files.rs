//! Archives of files, databases of SQLite, and what is nothing that is known.

use std::fs;
use std::io::{Cursor, Write};

use tempfile::TempDir;

use super::{damage, look};
use crate::model::existing::Kind;
use crate::recognise::{Opener, recognise};

fn tar(members: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_device_major(0).expect("it has a place");
        header.set_device_minor(0).expect("it has a place");
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).expect("memory");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

fn sqlite(folder: &TempDir) -> Vec<u8> {
    let path = folder.path().join("a.db");
    let database = rusqlite::Connection::open(&path).expect("a database");
    database
        .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(20000))")
        .expect("a table");
    drop(database);
    fs::read(path).expect("there")
}

#[test]
fn a_tar_archive_of_files_is_counted() {
    let file = tar::EntryType::Regular;
    let archive = tar(&[("media/a.pdf", file, b"one"), ("media/b.pdf", file, b"three")]);
    let piece = look(&archive);
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::Tar, ""));
    assert_eq!((piece.says.files, piece.says.unpacked_bytes), (Some(2), Some(8)));
    let cut = look(&archive[..archive.len() * 6 / 10]);
    assert!(damage(&cut).contains("ends before its end marker"), "{cut:?}");
    let mut altered = archive.clone();
    altered[1024] ^= 1;
    assert!(damage(&look(&altered)).contains("checksum"), "a header was altered");
}

#[test]
fn hostile_members_are_named() {
    let file = tar::EntryType::Regular;
    for path in ["../out", "/etc/passwd", "a/../../b"] {
        let piece = look(&tar(&[("ok", file, b"x"), (path, file, b"x")]));
        assert!(damage(&piece).contains("leads out of"), "{path}: {piece:?}");
    }
    let piece = look(&tar(&[("ok", file, b"x"), ("null", tar::EntryType::Char, b"")]));
    assert!(damage(&piece).contains("is a device"), "{piece:?}");
    let piece = look(&zip(&[("../out", b"x")]));
    assert!(damage(&piece).contains("leads out of"), "{piece:?}");
}

#[test]
fn a_zip_archive_is_read_to_its_end() {
    let archive = zip(&[("a.txt", b"one one one one one"), ("b/c.txt", b"two")]);
    let piece = look(&archive);
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::Zip, ""));
    assert_eq!((piece.says.files, piece.says.unpacked_bytes), (Some(2), Some(22)));
    let cut = look(&archive[..archive.len() * 6 / 10]);
    assert!(damage(&cut).contains("list of members"), "{cut:?}");
    let at = memchr::memmem::find(&archive, b"two").unwrap_or(40);
    let mut altered = archive.clone();
    altered[at] ^= 1;
    assert!(!look(&altered).damage.is_empty(), "a member was altered");
}

#[test]
fn a_database_of_sqlite_has_all_of_its_pages() {
    let folder = TempDir::new().expect("a folder");
    let whole = sqlite(&folder);
    let piece = look(&whole);
    assert_eq!((piece.kind, damage(&piece).as_str()), (Kind::Sqlite, ""));
    assert!(piece.says.tool.as_deref().is_some_and(|it| it.starts_with("SQLite 3.")));
    assert_eq!(piece.open, [""; 0]);
    for left in [whole.len() * 6 / 10, whole.len() - 4096] {
        assert!(damage(&look(&whole[..left])).contains("its header says"));
    }
    fs::write(folder.path().join("a.db-wal"), "pages").expect("room");
    let piece = recognise(&folder.path().join("a.db"), &Opener::without_keys()).expect("readable");
    assert!(piece.open[0].contains("-wal beside it"), "{piece:?}");
}

#[test]
fn what_is_not_known_is_described() {
    let piece = look(b"# a note\nthat somebody left\n");
    assert_eq!((piece.kind, piece.damage.len()), (Kind::Unknown, 0));
    assert!(piece.open[0].contains("\"# a note\""), "{piece:?}");
    assert!(look(&[0; 4096]).open[0].contains("zeros"));
    assert!(look(&[0xde, 0xad, 0xbe, 0xef]).open[0].contains("de ad be ef"));
}

#[test]
fn a_script_that_powershell_wrote_is_damaged() {
    let script = "-- PostgreSQL database dump\r\n";
    let wide = script.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let piece = look(&[&[0xff, 0xfe][..], &wide].concat());
    assert!(damage(&piece).contains("UTF-16"), "{piece:?}");
}

#[test]
fn an_archive_bomb_is_named_and_not_unpacked() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.write_all(&tar(&[("a", tar::EntryType::Regular, b"")])[..512]).expect("memory");
    let zeros = vec![0; 1 << 20];
    for _ in 0..8 {
        encoder.write_all(&zeros).expect("memory");
    }
    let piece = look(&encoder.finish().expect("memory"));
    assert!(damage(&piece).contains("archive bomb"), "{piece:?}");
}
