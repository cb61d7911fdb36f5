//! Exams, who examines them, what they ask, and their subjects kept as large objects.

use super::Table;
use crate::dataset::scale::{EXAMINERS_PER_EXAM, QUESTIONS_PER_EXAM};
use crate::dataset::school::{DAY_US, School, integer, key, question_place};
use crate::dataset::text;

const SUBJECTS: [&str; 6] = [
    "Mathématiques",
    "Français",
    "Histoire-géographie",
    "Physique-chimie",
    "Philosophie",
    "Langue: العربية",
];

/// Hundredths; trailing zeros included.
const COEFFICIENTS: [i64; 6] = [100, 150, 200, 50, 125, 99_999];

pub(super) const EXAM: Table = Table {
    name: "grading_exam",
    columns: &["id", "title", "subject", "date", "coefficient", "settings", "created_at"],
    count: |count| count.exams,
    row: |source, exam, rows| {
        let mut stream = source.school.seed.stream("exam", exam);
        let day = School::exam_day(exam);
        let subject = stream.pick(&SUBJECTS);
        rows.int8(key(exam));
        if exam % 6 == 5 {
            // Every fifth index has a specimen, so this one always has.
            rows.text(&text::text(exam * 5 + 4, &mut stream, 200));
        } else {
            rows.text(&format!("{subject}, épreuve n° {}", exam + 1));
        }
        rows.text(subject);
        rows.date(day);
        rows.numeric(stream.pick(&COEFFICIENTS), 2);
        rows.jsonb(text::document(exam));
        rows.timestamptz(day - 30 * DAY_US + integer(stream.below(86_400_000_000)));
    },
    sequence: true,
};

pub(super) const EXAMINER: Table = Table {
    name: "grading_exam_examiners",
    columns: &["id", "exam_id", "user_id"],
    count: |count| count.exams * EXAMINERS_PER_EXAM,
    row: |source, index, rows| {
        let exam = index / EXAMINERS_PER_EXAM;
        let teacher = source.school.examiner(exam, index);
        rows.int8(key(index));
        rows.int8(key(exam));
        rows.int4(key(School::teacher_user(teacher)));
    },
    sequence: true,
};

pub(super) const QUESTION: Table = Table {
    name: "grading_question",
    columns: &["id", "exam_id", "number", "label", "max_points"],
    count: |count| count.exams * QUESTIONS_PER_EXAM,
    row: |source, question, rows| {
        let mut stream = source.school.seed.stream("question", question);
        let (exam, position) = question_place(question);
        rows.int8(key(question));
        rows.int8(key(exam));
        rows.int2(key(position));
        rows.text(&text::text(question, &mut stream, 200));
        rows.numeric(source.school.question_points(question), 3);
    },
    sequence: true,
};

pub(super) const ARCHIVE: Table = Table {
    name: "grading_exam_archive",
    columns: &["id", "exam_id", "subject_oid", "subject_name", "size_bytes", "sha256", "stored_at"],
    count: |count| count.exams_sat(),
    row: |source, exam, rows| {
        let subject = archived_subject(source.school, exam);
        rows.int8(key(exam));
        rows.int8(key(exam));
        rows.oid(large_object_id(exam));
        rows.text(&format!("sujet n° {}.bin", exam + 1));
        rows.int8(integer(subject.len() as u64));
        rows.text(&crate::dataset::sha256_hex(&subject));
        rows.timestamptz(School::exam_day(exam) + 12 * 3_600_000_001);
    },
    sequence: true,
};

/// The oid of an exam's subject: far above those that a young cluster hands out, and the same
/// each time, so that rows which hold it are too.
pub(in crate::dataset) fn large_object_id(exam: u64) -> u32 {
    3_000_000_000 + u32::try_from(exam).expect("an exam's index fits in 32 bits")
}

/// What the large object holds. PostgreSQL stores it in pages of 2048 bytes: sizes are around
/// their borders, and one subject of eight is empty.
pub(in crate::dataset) fn archived_subject(school: &School, exam: u64) -> Vec<u8> {
    const SIZES: [usize; 8] = [2_047, 2_048, 2_049, 4_096, 0, 10_000, 30_001, 1];
    let size = SIZES[usize::try_from(exam % SIZES.len() as u64).expect("an index fits")];
    let mut subject = vec![0; size];
    school.seed.stream("subject", exam).fill(&mut subject);
    subject
}
