//! The dataset as a whole: reproducible, complete, storable.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::rows::binary::Rows;
use super::rows::{Migrated, Source, TABLES};
use super::*;
use crate::model::event::Events;

fn scale(text: &str) -> Scale {
    text.parse().unwrap()
}

fn encoded(dataset: &Dataset) -> BTreeMap<&'static str, Vec<u8>> {
    let migrated = Migrated {
        admin_group: 1,
        teacher_group: 2,
        student_group: 3,
        view_exam_permission: 4,
        copy_content_type: 5,
    };
    let source = Source { school: &dataset.school, migrated: &migrated, passwords: &[] };
    TABLES
        .iter()
        .map(|table| {
            let mut rows = Rows::default();
            for index in 0..(table.count)(&dataset.school.count) {
                table.write_row(&source, index, &mut rows);
            }
            (table.name, rows.bytes().to_vec())
        })
        .collect()
}

/// The fields of binary COPY rows, each with its columns counted.
fn parse(mut bytes: &[u8], columns: usize) -> Vec<Vec<Option<&[u8]>>> {
    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(length);
        *bytes = rest;
        taken
    }
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        let count = i16::from_be_bytes(take(&mut bytes, 2).try_into().unwrap());
        assert_eq!(usize::try_from(count).unwrap(), columns);
        rows.push(
            (0..columns)
                .map(|_| {
                    let length = i32::from_be_bytes(take(&mut bytes, 4).try_into().unwrap());
                    usize::try_from(length).ok().map(|length| take(&mut bytes, length))
                })
                .collect(),
        );
    }
    rows
}

#[test]
fn the_same_seed_and_scale_give_the_same_rows() {
    let rows = |seed| encoded(&Dataset::new(scale("5000"), seed));
    assert!(rows(1) == rows(1));
    let (one, two) = (rows(1), rows(2));
    for table in ["auth_user", "grading_student", "grading_copy", "grading_annotation"] {
        assert!(one[table] != two[table], "{table}");
    }
}

#[test]
fn every_row_has_the_columns_of_its_table_and_no_nul() {
    let dataset = Dataset::new(Scale::SMALL, 5);
    let rows = encoded(&dataset);
    let plan = dataset.plan();
    for table in TABLES {
        let parsed = parse(&rows[table.name], table.columns.len());
        let planned = plan.tables.iter().find(|(name, _)| *name == table.name).unwrap().1;
        assert_eq!(parsed.len() as u64, planned, "{}", table.name);
        for (column, name) in table.columns.iter().enumerate() {
            if ["text", "last_name", "first_name", "object_repr", "label", "title"].contains(name) {
                for row in &parsed {
                    let text = std::str::from_utf8(row[column].unwrap()).unwrap();
                    assert!(!text.contains('\0'));
                }
            }
        }
    }
}

#[test]
fn counts_add_up_to_the_scale() {
    for text in ["5000", "5001", "12345", "small", "medium", "large", "1000000000"] {
        let scale = scale(text);
        let school = School::new(scale, 1);
        let rows: u64 = TABLES.iter().map(|table| (table.count)(&school.count)).sum();
        assert_eq!(rows, scale.rows(), "{text}");
        assert!(school.count.annotations > school.count.copies, "{text}");
    }
}

#[test]
fn small_is_two_hundred_files_of_twenty_megabytes() {
    for seed in 0..5 {
        let plan = Dataset::new(Scale::SMALL, seed).plan();
        assert_eq!((plan.rows, plan.files), (20_000, 200));
        assert!((18_000_000..23_000_000).contains(&plan.media_bytes), "{}", plan.media_bytes);
    }
}

#[test]
fn medium_is_a_million_rows_and_a_gigabyte() {
    let plan = Dataset::new(Scale::MEDIUM, 1).plan();
    assert_eq!((plan.rows, plan.files), (1_000_000, 10_000));
    assert!((950_000_000..1_100_000_000).contains(&plan.media_bytes), "{}", plan.media_bytes);
}

#[test]
fn the_media_stream_is_reproducible_and_as_planned() {
    let dataset = Dataset::new(scale("5000"), 8);
    let stream = |dataset: &Dataset| {
        let mut bytes = Vec::new();
        let written = dataset.write_media(&mut bytes, &Events::ignored()).unwrap();
        (written, bytes)
    };
    let (written, bytes) = stream(&dataset);
    assert!(bytes == stream(&dataset).1);
    let plan = dataset.plan();
    assert_eq!((written.files, written.bytes), (plan.files, plan.media_bytes));
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let directory = entry.header().entry_type().is_dir();
        let mode = if directory { 0o750 } else { 0o640 };
        assert_eq!(entry.header().mode().unwrap(), mode, "{path}");
        assert_eq!(entry.header().uid().unwrap(), 10_001);
        assert_eq!(entry.header().gid().unwrap(), 10_001);
        if !directory {
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            files.insert(path, contents);
        }
    }
    assert_eq!(files.len() as u64, plan.files);
    let sample = dataset.samples().pupil_copy;
    assert_eq!(sha256_hex(&files[&sample.path]), sample.sha256);
}

#[test]
fn a_database_that_does_not_answer_leaves_the_drill_undecided() {
    let config = "postgres://nobody@127.0.0.1:1/none".parse().unwrap();
    let error =
        Dataset::new(scale("5000"), 1).load_database(&config, &Events::ignored()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Undecided);
    assert_eq!(error.to_string(), "cannot connect to the database to fill it");
}

#[test]
fn a_sink_that_fails_is_reported_with_the_file() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = Dataset::new(scale("5000"), 1).write_media(Full, &Events::ignored()).unwrap_err();
    assert!(error.to_string().starts_with("cannot write"), "{error}");
}
