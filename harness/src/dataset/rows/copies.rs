//! Copies with the facts of their files, the scores they got, and what examiners wrote on them.

use super::{Rows, Source, Table};
use crate::dataset::pdf::Document;
use crate::dataset::scale::QUESTIONS_PER_EXAM;
use crate::dataset::school::{DAY_US, SECOND_US, School, Status, integer, key};
use crate::dataset::{sha256_hex, text};

pub(super) const COPY: Table = Table {
    name: "grading_copy",
    columns: &[
        "id",
        "anonymat",
        "exam_id",
        "student_id",
        "file",
        "original_name",
        "size_bytes",
        "sha256",
        "page_count",
        "status",
        "uploaded_by_id",
        "created_at",
        "updated_at",
        "finalised_at",
    ],
    count: |count| count.copies,
    row: copy_row,
    sequence: false,
};

fn copy_row(source: &Source<'_>, copy: u64, rows: &mut Rows) {
    let school = source.school;
    let mut stream = school.seed.stream("copy", copy);
    let status = Status::of(copy);
    let document = school.document(copy);
    let (size_bytes, page_count) = (document.size_bytes(), document.page_count());
    // The worker fills in what it found in the file; an upload still waits for it.
    let read = status != Status::Uploaded;
    let finalised_at = (status == Status::Finalised).then(|| school.finalised_at(copy));
    rows.uuid(school.copy_id(copy));
    rows.int8(school.anonymat(copy));
    rows.int8(key(School::exam_of(copy)));
    rows.uuid(school.student_id(school.student_of(copy)));
    rows.text(&school.copy_path(copy));
    rows.text(&text::text(copy, &mut stream, 255));
    rows.int8(integer(size_bytes as u64));
    rows.optional(read.then(|| sha256_hex(&document.into_bytes())), |rows, sum| rows.text(&sum));
    rows.optional(read.then(|| integer(page_count)), Rows::int4);
    rows.text(status.name());
    let uploader = (copy % 25 != 24).then(|| key(school.examiner_user(copy, 0)));
    rows.optional(uploader, Rows::int4);
    rows.timestamptz(school.uploaded_at(copy));
    rows.timestamptz(finalised_at.unwrap_or_else(|| {
        if read { school.inspected_at(copy) } else { school.uploaded_at(copy) }
    }));
    rows.optional(finalised_at, Rows::timestamptz);
}

pub(super) const SCORE: Table = Table {
    name: "grading_score",
    columns: &["id", "copy_id", "question_id", "points", "graded_by_id", "graded_at"],
    count: |count| count.graded() * QUESTIONS_PER_EXAM,
    row: |source, score, rows| {
        let school = source.school;
        let mut stream = school.seed.stream("score", score);
        let copy = School::graded(score / QUESTIONS_PER_EXAM);
        let question = School::exam_of(copy) * QUESTIONS_PER_EXAM + score % QUESTIONS_PER_EXAM;
        let quarters = school.question_points(question).unsigned_abs() / 250;
        rows.int8(key(score));
        rows.uuid(school.copy_id(copy));
        rows.int8(key(question));
        rows.numeric(integer(250 * stream.between(0, quarters)), 3);
        let grader = (score % 40 != 39).then(|| key(school.examiner_user(copy, score)));
        rows.optional(grader, Rows::int4);
        rows.timestamptz(graded_at(school, copy, stream.u64()));
    },
    sequence: true,
};

pub(super) const ANNOTATION: Table = Table {
    name: "grading_annotation",
    columns: &[
        "id",
        "copy_id",
        "author_id",
        "page",
        "x",
        "y",
        "text",
        "points",
        "payload",
        "created_at",
        "updated_at",
    ],
    count: |count| count.annotations,
    row: annotation_row,
    sequence: true,
};

/// Places that a faithful copy keeps bit by bit, and that JSON can still carry.
const PLACES: [f64; 6] = [0.0, -0.0, 1.0, 0.1 + 0.2, f64::MIN_POSITIVE, 5e-324];
/// Places that JSON cannot carry. They are on one rejected copy of the second exam, which
/// neither the known teacher nor the known pupil may read.
const PLACES_BEYOND_JSON: [f64; 4] = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX];
const REJECTED_COPY: u64 = 28;
/// One annotation in this many is longer than a page of the database.
const LONG_EVERY: u64 = 2_000;

fn annotation_row(source: &Source<'_>, annotation: u64, rows: &mut Rows) {
    let school = source.school;
    let mut stream = school.seed.stream("annotation", annotation);
    let regular = school.count.annotations - PLACES_BEYOND_JSON.len() as u64;
    let beyond = annotation.checked_sub(regular);
    let copy = match beyond {
        Some(_) => REJECTED_COPY,
        // Spread evenly, and those of one copy next to each other.
        None => School::graded(annotation * school.count.graded() / regular),
    };
    let pages = Document::pages_of(&school.seed, copy);
    let written_at = graded_at(school, copy, stream.u64());
    rows.int8(key(annotation));
    rows.uuid(school.copy_id(copy));
    rows.int4(key(school.examiner_user(copy, annotation)));
    rows.int4(integer(stream.between(1, pages)));
    let place = beyond.and_then(|turn| PLACES_BEYOND_JSON.get(usize::try_from(turn).ok()?));
    let x = place.copied().unwrap_or_else(|| match annotation % 50 {
        49 => stream.pick(&PLACES),
        _ => fraction(stream.u64()),
    });
    rows.float8(x);
    rows.float8(fraction(stream.u64()));
    if annotation % LONG_EVERY == LONG_EVERY - 1 {
        rows.text(&text::long_text(&mut stream));
    } else {
        rows.text(&text::text(annotation, &mut stream, 2_000));
    }
    let points = (!stream.one_in(3)).then(|| integer(stream.below(40)) * 125 - 2_000);
    rows.optional(points, |rows, points| rows.numeric(points, 3));
    rows.jsonb(text::document(annotation));
    rows.timestamptz(written_at);
    rows.timestamptz(written_at + integer(stream.below(3) * 7_200_000_001));
}

/// Within twenty days after the worker read the copy, before it is finalised.
fn graded_at(school: &School, copy: u64, draw: u64) -> i64 {
    let span_us = (19 * DAY_US).unsigned_abs();
    school.uploaded_at(copy) + 60 * SECOND_US + integer(draw % span_us)
}

/// From 0 up to 1, with all 53 bits of a double's mantissa in use.
fn fraction(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_beyond_json_are_on_a_copy_outside_the_known_accounts() {
        assert_eq!(Status::of(REJECTED_COPY), Status::Rejected);
        assert_eq!(School::exam_of(REJECTED_COPY), 1);
    }

    #[test]
    fn fractions_stay_below_one() {
        assert!(fraction(u64::MAX) < 1.0);
        assert!(fraction(0).abs() < f64::EPSILON);
    }
}
