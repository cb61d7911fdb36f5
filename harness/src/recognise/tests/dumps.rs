//! Scripts and archives of `pg_dump`, `pg_dumpall` and `mariadb-dump`.

use std::fs;

use tempfile::TempDir;

use super::{DUMPS, backups, bytes_of, damage, look, rows};
use crate::model::existing::{Kind, Piece};
use crate::recognise::{Opener, recognise};

fn directory() -> TempDir {
    let copy = TempDir::new().expect("a folder");
    for entry in fs::read_dir(backups().join("directory")).expect("a folder") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("room");
    }
    copy
}

fn look_into(folder: &TempDir) -> Piece {
    recognise(folder.path(), &Opener::without_keys()).expect("readable")
}

/// The bytes with one thing in them replaced, which must be there.
fn with(name: &str, from: &str, to: &str) -> Vec<u8> {
    let bytes = bytes_of(name);
    let at = memchr::memmem::find(&bytes, from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{from:?} is not in {name}"));
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

fn holds_the_school(piece: &Piece) {
    assert_eq!(piece.damage, [""; 0]);
    assert_eq!(piece.open, [""; 0]);
    assert_eq!(piece.says.major(), Some(15));
    assert_eq!(piece.says.encoding.as_deref(), Some("UTF8"));
    assert_eq!(piece.says.extensions, ["pg_trgm".to_owned()].into());
    assert_eq!(rows(piece, "public.pupil"), Some(40));
    assert_eq!(rows(piece, "public.mark_2024"), Some(30));
    assert_eq!(rows(piece, "public.empty_one"), Some(0));
    assert_eq!(rows(piece, "\"Odd\".\"a \"\"b\""), Some(1));
    // Its rows are those of its pieces.
    assert_eq!(rows(piece, "public.mark"), None);
    assert_eq!(piece.says.tables.values().next().map(std::collections::BTreeMap::len), Some(5));
}

#[test]
fn dumps_of_every_kind_are_known_by_what_is_in_them() {
    for (name, kind) in DUMPS {
        let piece = look(&bytes_of(name));
        assert_eq!((piece.kind, damage(&piece).as_str()), (kind, ""), "{name}");
    }
}

#[test]
fn every_form_of_a_dump_promises_the_same() {
    for name in ["plain.sql", "cluster.sql", "custom.dump", "custom-piped.dump", "tar-dump.tar.gz"]
    {
        holds_the_school(&look(&bytes_of(name)));
    }
    holds_the_school(&look(&bytes_of("custom-inserts.dump")));
    holds_the_school(&look_into(&directory()));
}

#[test]
fn rows_of_insert_statements_are_counted_one_by_one() {
    for name in ["inserts.sql", "inserts-multi.sql"] {
        holds_the_school(&look(&bytes_of(name)));
    }
}

#[test]
fn roles_that_are_made_and_roles_that_are_named_are_told_apart() {
    let roles = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let cluster = look(&bytes_of("cluster.sql"));
    assert_eq!(cluster.says.makes_roles, roles(&["Head Master", "postgres", "teacher"]));
    assert!(cluster.says.names_roles.is_empty(), "{:?}", cluster.says.names_roles);
    for name in ["plain.sql", "custom.dump"] {
        let piece = look(&bytes_of(name));
        assert_eq!(
            piece.says.names_roles,
            roles(&["Head Master", "postgres", "teacher"]),
            "{name}"
        );
        assert!(piece.says.makes_roles.is_empty());
    }
}

#[test]
fn a_script_of_mariadb_has_its_rows_counted() {
    let piece = look(&bytes_of("mariadb.sql"));
    assert_eq!(piece.damage, [""; 0]);
    assert_eq!(piece.says.tool.as_deref(), Some("mariadb-dump 10.11.19"));
    assert!(piece.says.server.as_deref().is_some_and(|it| it.starts_with("10.11.19-MariaDB")));
    assert_eq!(piece.says.databases, ["shop".to_owned()].into());
    assert_eq!(rows(&piece, "article"), Some(3));
    assert_eq!(rows(&piece, "odd `one"), Some(2));
    assert_eq!(rows(&piece, "nothing_in_it"), Some(0));
    // What stands in for a view is no table, and what a trigger inserts is no row.
    assert_eq!(piece.says.tables["shop"].len(), 3);
    let compact = look(&bytes_of("mariadb-compact.sql"));
    assert_eq!((compact.kind, rows(&compact, "article")), (Kind::MariaDbSql, Some(3)));
    assert!(compact.open[0].contains("without comments"), "{:?}", compact.open);
}

#[test]
fn every_dump_that_is_cut_is_damaged() {
    for (name, _) in DUMPS {
        let whole = bytes_of(name);
        for percent in [3, 20, 40, 60, 80, 95] {
            let piece = look(&whole[..whole.len() * percent / 100]);
            let undecided = piece.kind == Kind::Unknown && !piece.open.is_empty();
            assert!(!piece.damage.is_empty() || undecided, "{name} at {percent} %: {piece:?}");
        }
    }
}

#[test]
fn a_script_without_its_last_line_has_no_end() {
    for (name, last) in [
        ("plain.sql", "-- PostgreSQL database dump complete"),
        ("cluster.sql", "-- PostgreSQL database cluster dump complete"),
        ("globals.sql", "-- PostgreSQL database cluster dump complete"),
        ("mariadb.sql", "-- Dump completed on "),
    ] {
        let piece = look(&with(name, last, "--"));
        assert!(damage(&piece).contains("its last line"), "{name}: {piece:?}");
    }
}

#[test]
fn a_copy_without_its_end_is_named_by_its_table() {
    let whole = bytes_of("plain.sql");
    let at = memchr::memmem::find(&whole, b"\n30\t2024").expect("the last row");
    let piece = look(&whole[..at]);
    assert!(damage(&piece).contains("the rows of public.mark_2024 have no end"), "{piece:?}");
    // Where another follows, its rows become the first one's, and do not fit.
    let at = at + memchr::memmem::find(&whole[at..], b"\\.\n").expect("an end");
    let piece = look(&[&whole[..at], &whole[at + 3..]].concat());
    assert!(damage(&piece).contains("public.mark_2024: 77 rows"), "{piece:?}");
}

#[test]
fn a_row_that_lost_a_column_is_named_by_its_table() {
    let piece = look(&with("plain.sql", "\n7\tZo", "\n7 Zo"));
    assert!(damage(&piece).contains("public.pupil: 40 rows of 3 columns"), "{piece:?}");
}

#[test]
fn what_is_no_part_of_a_dump_is_quoted() {
    let mut script = b"Warning: Permanently added 'db'\n".to_vec();
    script.extend(bytes_of("plain.sql"));
    assert!(damage(&look(&script)).contains("Permanently added"), "before it");
    let error = "pg_dump: error: query failed\nSET statement_timeout";
    let piece = look(&with("plain.sql", "SET statement_timeout", error));
    assert!(damage(&piece).contains("message of the tool"), "{piece:?}");
    let piece = look(&with("plain.sql", "Zoé 4\t", "Zo\0 4\t"));
    assert!(damage(&piece).contains("a byte of zero"), "{piece:?}");
    let mut latin = bytes_of("plain.sql");
    let at = latin.iter().position(|byte| *byte == 0xc3).expect("an é");
    latin[at] = b'x';
    assert!(damage(&look(&latin)).contains("no UTF-8"));
}

#[test]
fn a_dump_of_no_table_is_damaged_and_one_of_no_row_is_open() {
    let text = String::from_utf8(bytes_of("globals.sql")).expect("text");
    let none = text.replace(" cluster dump", " dump").replace("CREATE ROLE", "-- CREATE ROLE");
    assert!(damage(&look(none.as_bytes())).contains("no table"), "{none}");
    let lines = "-- PostgreSQL database dump\nCREATE TABLE public.a (\n    b integer\n);\n\
        -- PostgreSQL database dump complete\n";
    let piece = look(lines.as_bytes());
    assert_eq!(piece.damage, [""; 0]);
    assert!(piece.open[0].contains("schema alone"), "{piece:?}");
}

#[test]
fn a_byte_of_a_compressed_archive_that_changed_shows() {
    let whole = bytes_of("custom.dump");
    let piece = look(&whole);
    assert_eq!(piece.damage, [""; 0]);
    // Data of tables lies between the table of contents and the large objects, whose numbers no
    // sum protects.
    for at in (whole.len() - 620..whole.len() - 60).step_by(7) {
        let mut altered = whole.clone();
        altered[at] ^= 0x10;
        let piece = look(&altered);
        assert!(!piece.damage.is_empty(), "byte {at} of {}: {piece:?}", whole.len());
    }
}

#[test]
fn a_file_of_a_directory_that_is_gone_or_cut_is_named() {
    let folder = directory();
    fs::remove_file(folder.path().join("3416.dat.gz")).expect("there");
    let piece = look_into(&folder);
    assert!(damage(&piece).contains("TABLE DATA public.mark_2024 is not there"), "{piece:?}");

    let folder = directory();
    let file = folder.path().join("3415.dat.gz");
    let whole = fs::read(&file).expect("there");
    fs::write(&file, &whole[..whole.len() * 6 / 10]).expect("room");
    let piece = look_into(&folder);
    assert!(damage(&piece).contains("public.pupil: the gzip stream ends early"), "{piece:?}");

    let folder = directory();
    fs::remove_file(folder.path().join("blob_4242.dat.gz")).expect("there");
    assert!(damage(&look_into(&folder)).contains("blob_4242.dat"));
}

#[test]
fn a_table_of_contents_that_is_cut_is_named() {
    let whole = bytes_of("custom.dump");
    let piece = look(&whole[..1000]);
    assert_eq!(piece.kind, Kind::CustomDump);
    assert_eq!(piece.damage, ["its table of contents is cut"]);
}

#[test]
fn what_a_dump_of_mariadb_makes_besides_tables_is_counted() {
    let dump = "-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)\n\
        -- Host: localhost    Database: shop\n-- Server version\t10.11.6-MariaDB\n\
        CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*0';\n\
        CREATE TABLE `t` (`id` int);\nINSERT INTO `t` VALUES (1),(2);\n\
        /*!50001 CREATE VIEW `v` AS SELECT 1 AS `id` */;\nDELIMITER ;;\n\
        /*!50003 CREATE*/ /*!50017 DEFINER=`app`@`%`*/ /*!50003 TRIGGER tr BEFORE INSERT ON t \
        FOR EACH ROW BEGIN SET NEW.id = 1; END */;;\n\
        CREATE DEFINER=`ghost`@`%` PROCEDURE `p`() BEGIN SELECT 1; END ;;\nDELIMITER ;\n\
        /*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`app`@`%` SQL SECURITY DEFINER */\n\
        /*!50001 VIEW `v` AS select 1 AS `id` */;\n\
        USE `mysql`;\nINSERT INTO `global_priv` VALUES\n('localhost','root','{\"access\":1}'),\n\
        ('%','second','{}');\n-- Dump completed on 2026-01-01  0:00:00\n";
    let piece = look(dump.as_bytes());
    assert_eq!(damage(&piece), "");
    let objects = piece.says.objects.iter().map(|(kind, count)| (kind.as_str(), *count));
    assert_eq!(objects.collect::<Vec<_>>(), [("procedure", 1), ("trigger", 1), ("view", 1)]);
    let all = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(piece.says.names_roles, all(&["app@%", "ghost@%"]));
    assert_eq!(piece.says.makes_roles, all(&["app@%", "root@localhost", "second@%"]));
    let intact = piece.says.tables.values().map(std::collections::BTreeMap::len).sum::<usize>();
    assert_eq!(intact, 2, "{:?}", piece.says.tables);
}
