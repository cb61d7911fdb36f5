//! Who relates to whom, when, and under which key: the facts that several tables, the files
//! and the probes must agree on. Indices count from zero, integer keys from one.

use uuid::Uuid;

use super::pdf::Document;
use super::random::Seed;
use super::scale::{COPIES_PER_EXAM, EXAMINERS_PER_EXAM, HeadCount, QUESTIONS_PER_EXAM, Scale};

/// Microseconds since 1970, UTC.
pub(super) type Instant = i64;

pub(super) const SECOND_US: i64 = 1_000_000;
pub(super) const DAY_US: i64 = 86_400 * SECOND_US;

/// 15 January of the years in which exams are sat, with the year. The latest date of a dataset
/// stays within the year, far from where time zones disagree about it.
const TERMS: [(i64, Instant); 3] = [
    (2024, 1_705_276_800 * SECOND_US),
    (2025, 1_736_899_200 * SECOND_US),
    (2026, 1_768_435_200 * SECOND_US),
];

/// Where a copy is on its way, as `grading_copy.status` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Uploaded,
    Inspected,
    Finalised,
    Rejected,
}

impl Status {
    /// Of ten copies, five are finalised, three inspected, one rejected, one just uploaded.
    pub(super) fn of(copy: u64) -> Self {
        match copy % 10 {
            0..=4 => Self::Finalised,
            5..=7 => Self::Inspected,
            8 => Self::Rejected,
            _ => Self::Uploaded,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Inspected => "inspected",
            Self::Finalised => "finalised",
            Self::Rejected => "rejected",
        }
    }
}

/// A seed at a scale, seen as a school.
#[derive(Debug, Clone)]
pub(super) struct School {
    pub(super) seed: Seed,
    pub(super) count: HeadCount,
}

impl School {
    pub(super) fn new(scale: Scale, seed: u64) -> Self {
        Self { seed: Seed::new(seed), count: HeadCount::at(scale) }
    }

    pub(super) const ADMIN: u64 = 0;

    /// Index of the user who is this teacher.
    pub(super) fn teacher_user(teacher: u64) -> u64 {
        1 + teacher
    }

    /// Index of the user who is this pupil; pupil and student have the same index.
    pub(super) fn pupil_user(&self, pupil: u64) -> u64 {
        1 + self.count.teachers + pupil
    }

    /// The teacher's index among the exam's examiners is their turn.
    pub(super) fn examiner(&self, exam: u64, turn: u64) -> u64 {
        (exam + turn % EXAMINERS_PER_EXAM) % self.count.teachers
    }

    /// Index of the user who is the examiner of a copy's exam whose turn it is.
    pub(super) fn examiner_user(&self, copy: u64, turn: u64) -> u64 {
        Self::teacher_user(self.examiner(Self::exam_of(copy), turn))
    }

    pub(super) fn exam_of(copy: u64) -> u64 {
        copy / COPIES_PER_EXAM
    }

    /// Distinct within an exam.
    pub(super) fn student_of(&self, copy: u64) -> u64 {
        (Self::exam_of(copy) * 13 + copy % COPIES_PER_EXAM) % self.count.students
    }

    /// The n-th copy that somebody graded.
    pub(super) fn graded(nth: u64) -> u64 {
        nth / 8 * 10 + nth % 8
    }

    pub(super) fn student_id(&self, student: u64) -> Uuid {
        self.seed.stream("student id", student).uuid()
    }

    pub(super) fn copy_id(&self, copy: u64) -> Uuid {
        self.seed.stream("copy id", copy).uuid()
    }

    /// The number that hides a name: growing, with gaps where copies were deleted.
    pub(super) fn anonymat(&self, copy: u64) -> i64 {
        integer(100_001 + copy * 3 + self.seed.stream("anonymat", copy).below(3))
    }

    /// Below the media root; the rule is `grading.models.copies.copy_path`.
    pub(super) fn copy_path(&self, copy: u64) -> String {
        let (year, _) = Self::term(Self::exam_of(copy));
        format!("copies/{year}/{}.pdf", self.copy_id(copy))
    }

    /// The folders that [`Self::copy_path`] names, parents first.
    pub(super) fn folders() -> Vec<String> {
        let years = TERMS.iter().map(|(year, _)| format!("copies/{year}"));
        std::iter::once("copies".to_owned()).chain(years).collect()
    }

    pub(super) fn document(&self, copy: u64) -> Document {
        Document::of(&self.seed, copy)
    }

    fn term(exam: u64) -> (i64, Instant) {
        TERMS[usize::try_from(exam % TERMS.len() as u64).expect("an index fits")]
    }

    /// Midnight of the day on which an exam is sat.
    pub(super) fn exam_day(exam: u64) -> Instant {
        Self::term(exam).1 + integer(exam * 11 % 60) * DAY_US
    }

    /// When a copy was uploaded: within ten days after its exam.
    pub(super) fn uploaded_at(&self, copy: u64) -> Instant {
        Self::exam_day(Self::exam_of(copy)) + DAY_US + self.within_days("uploaded", copy, 10)
    }

    /// When the worker had read a copy: within a minute.
    pub(super) fn inspected_at(&self, copy: u64) -> Instant {
        let delay_us = self.seed.stream("inspected", copy).below(60_000_000);
        self.uploaded_at(copy) + SECOND_US + integer(delay_us)
    }

    /// When a copy was finalised: after the three weeks in which it is graded.
    pub(super) fn finalised_at(&self, copy: u64) -> Instant {
        self.uploaded_at(copy) + 21 * DAY_US + self.within_days("finalised", copy, 20)
    }

    fn within_days(&self, purpose: &str, index: u64, days: u64) -> Instant {
        let span_us = days * 86_400_000_000;
        integer(self.seed.stream(purpose, index).below(span_us))
    }

    /// Thousandths of a point that a question is worth.
    pub(super) fn question_points(&self, question: u64) -> i64 {
        integer(250 * self.seed.stream("question points", question).between(1, 80))
    }
}

/// Exam and position of a question.
pub(super) fn question_place(question: u64) -> (u64, u64) {
    (question / QUESTIONS_PER_EXAM, question % QUESTIONS_PER_EXAM)
}

/// Counts and keys are far below 2^63: see `scale::ROWS_MAX`.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).expect("a count fits in 63 bits")
}

/// The key of the row at `index`.
pub(super) fn key(index: u64) -> i64 {
    integer(index + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn school() -> School {
        School::new(Scale::SMALL, 1)
    }

    #[test]
    fn no_folder_is_empty() {
        let school = School::new("5000".parse().unwrap(), 1);
        for folder in School::folders() {
            let filled = |copy| school.copy_path(copy).starts_with(&folder);
            assert!((0..school.count.copies).any(filled), "{folder}");
        }
    }

    #[test]
    fn a_student_sits_an_exam_once() {
        let school = school();
        let pairs: HashSet<(u64, u64)> = (0..school.count.copies)
            .map(|copy| (School::exam_of(copy), school.student_of(copy)))
            .collect();
        assert_eq!(pairs.len() as u64, school.count.copies);
    }

    #[test]
    fn graded_copies_are_those_inspected_or_finalised() {
        let school = school();
        let listed: Vec<u64> = (0..school.count.graded()).map(School::graded).collect();
        let expected: Vec<u64> = (0..school.count.copies)
            .filter(|copy| matches!(Status::of(*copy), Status::Inspected | Status::Finalised))
            .collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_copy_lies_in_the_folder_of_its_upload_year() {
        let school = school();
        for copy in 0..school.count.copies {
            let uploaded = jiff::Timestamp::from_microsecond(school.uploaded_at(copy)).unwrap();
            let finalised = jiff::Timestamp::from_microsecond(school.finalised_at(copy)).unwrap();
            let year = uploaded.strftime("%Y").to_string();
            assert!(school.copy_path(copy).starts_with(&format!("copies/{year}/")));
            assert_eq!(finalised.strftime("%Y").to_string(), year);
            let path = school.copy_path(copy);
            assert!(
                School::folders().iter().any(|folder| path.rsplit_once('/').unwrap().0 == folder)
            );
        }
    }

    #[test]
    fn an_exam_has_two_examiners() {
        let school = school();
        for exam in 0..school.count.exams {
            assert_ne!(school.examiner(exam, 0), school.examiner(exam, 1));
        }
    }
}
