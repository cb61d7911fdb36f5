//! The facts of a seeded dataset, under the names that templates use. Pure.
//!
//! `account`, `admin`, `teacher`, `pupil`: `.username`, `.password`. `sample.pupil_copy`,
//! `sample.other_pupil_copy`, `sample.open_copy`, `sample.foreign_copy`: `.id`, `.exam_id`,
//! `.path`, `.size_bytes`, `.sha256`, `.page_count`. `sample.exam_id`,
//! `sample.absent_student_id`. What each sample is, [`Samples`] says.

use super::template::Variables;
use crate::dataset::{Account, CopySample, Dataset, Samples, Scale};

/// An account that may read at least one copy: a teacher of the dataset, or the operator's.
const ACCOUNT: &str = "account";

/// What probes may know of a stack that was seeded with `dataset`.
#[must_use]
pub fn of_dataset(dataset: &Dataset) -> Variables {
    let accounts = dataset.accounts();
    let Samples {
        pupil_copy,
        other_pupil_copy,
        open_copy,
        foreign_copy,
        exam_id,
        absent_student_id,
    } = dataset.samples();

    let mut facts = Variables::new();
    set_account(&mut facts, "admin", &accounts.admin);
    set_account(&mut facts, "teacher", &accounts.teacher);
    set_account(&mut facts, "pupil", &accounts.pupil);
    set_account(&mut facts, ACCOUNT, &accounts.teacher);
    set_copy(&mut facts, "sample.pupil_copy", &pupil_copy);
    set_copy(&mut facts, "sample.other_pupil_copy", &other_pupil_copy);
    set_copy(&mut facts, "sample.open_copy", &open_copy);
    set_copy(&mut facts, "sample.foreign_copy", &foreign_copy);
    facts.set("sample.exam_id", exam_id);
    facts.set("sample.absent_student_id", absent_student_id.to_string());
    facts
}

/// The same names without values: enough to validate probes where nothing was seeded.
#[must_use]
pub fn names() -> Variables {
    let mut names = Variables::new();
    for name in of_dataset(&Dataset::new(Scale::SMALL, 0)).names() {
        names.declare(name);
    }
    names
}

/// The account that an operator gave for a service that nobody seeded.
pub fn give_account(facts: &mut Variables, username: &str, password: &str) {
    facts.set(format!("{ACCOUNT}.username"), username);
    facts.set_secret(format!("{ACCOUNT}.password"), password);
}

fn set_account(facts: &mut Variables, role: &str, account: &Account) {
    facts.set(format!("{role}.username"), account.username.clone());
    facts.set_secret(format!("{role}.password"), account.password.clone());
}

fn set_copy(facts: &mut Variables, name: &str, copy: &CopySample) {
    facts.set(format!("{name}.id"), copy.id.to_string());
    facts.set(format!("{name}.exam_id"), copy.exam_id);
    facts.set(format!("{name}.path"), copy.path.clone());
    facts.set(format!("{name}.size_bytes"), copy.size_bytes);
    facts.set(format!("{name}.sha256"), copy.sha256.clone());
    facts.set(format!("{name}.page_count"), copy.page_count);
}
