//! Facts of a dataset that probes hold the restored service to. Pure: nothing is read back.

use uuid::Uuid;

use super::school::{School, Status, integer, key};
use super::sha256_hex;

/// A copy and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySample {
    /// Key in `grading_copy`.
    pub id: Uuid,
    /// Key of its exam.
    pub exam_id: i64,
    /// Its file, below the media root.
    pub path: String,
    /// Size of the file.
    pub size_bytes: u64,
    /// SHA-256 of the file, in hexadecimal as `grading_copy.sha256` has it.
    pub sha256: String,
    /// Pages of the file, from 1.
    pub page_count: i64,
}

/// What the accounts may and may not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Finalised, the pupil's own, and in an exam of the teacher: both may read it.
    pub pupil_copy: CopySample,
    /// Finalised, in an exam of the teacher, of another pupil: the pupil may not read it.
    pub other_pupil_copy: CopySample,
    /// Inspected, in an exam of the teacher: open to annotations and to being finalised.
    pub open_copy: CopySample,
    /// Finalised, in an exam that the teacher does not examine.
    pub foreign_copy: CopySample,
    /// An exam of the teacher.
    pub exam_id: i64,
    /// A student without a copy in that exam: one may be uploaded.
    pub absent_student_id: Uuid,
}

impl Samples {
    pub(super) fn of(school: &School) -> Self {
        const PUPIL_COPY: u64 = 0;
        const OTHER_PUPIL_COPY: u64 = 1;
        const OPEN_COPY: u64 = 5;
        // The first of the second exam.
        const FOREIGN_COPY: u64 = super::scale::COPIES_PER_EXAM;
        // The first exam is sat by as many students as it has copies, from the first on.
        const ABSENT_STUDENT: u64 = super::scale::COPIES_PER_EXAM + 5;
        Self {
            pupil_copy: copy_sample(school, PUPIL_COPY, Status::Finalised),
            other_pupil_copy: copy_sample(school, OTHER_PUPIL_COPY, Status::Finalised),
            open_copy: copy_sample(school, OPEN_COPY, Status::Inspected),
            foreign_copy: copy_sample(school, FOREIGN_COPY, Status::Finalised),
            exam_id: key(School::exam_of(PUPIL_COPY)),
            absent_student_id: school.student_id(ABSENT_STUDENT),
        }
    }
}

fn copy_sample(school: &School, copy: u64, status: Status) -> CopySample {
    assert_eq!(Status::of(copy), status, "copy {copy}");
    let document = school.document(copy);
    let page_count = integer(document.page_count());
    let bytes = document.into_bytes();
    CopySample {
        id: school.copy_id(copy),
        exam_id: key(School::exam_of(copy)),
        path: school.copy_path(copy),
        size_bytes: bytes.len() as u64,
        sha256: sha256_hex(&bytes),
        page_count,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scale::Scale;
    use super::*;

    #[test]
    fn samples_are_what_they_say_of_the_known_accounts() {
        for scale in [Scale::SMALL, Scale::MEDIUM, "5000".parse().unwrap()] {
            let school = School::new(scale, 3);
            let samples = Samples::of(&school);
            let teacher = 0;
            let pupil = 0;
            let examines = |exam_id: i64| {
                let exam = exam_id.unsigned_abs() - 1;
                (0..2).any(|turn| school.examiner(exam, turn) == teacher)
            };
            assert!(examines(samples.exam_id));
            assert!(!examines(samples.foreign_copy.exam_id));
            assert!(school.count.exams_sat() >= 2);
            for copy in [&samples.pupil_copy, &samples.other_pupil_copy, &samples.open_copy] {
                assert_eq!(copy.exam_id, samples.exam_id);
            }
            assert_eq!(school.student_of(0), pupil);
            assert_ne!(school.student_of(1), pupil);
            let sitting: Vec<Uuid> = (0..school.count.copies)
                .filter(|copy| key(School::exam_of(*copy)) == samples.exam_id)
                .map(|copy| school.student_id(school.student_of(copy)))
                .collect();
            assert!(!sitting.contains(&samples.absent_student_id));
        }
    }
}
