<<<<<<< HEAD
//! Comparisons of two fingerprints. Pure: what differs is named, what was not read is undecided.

pub mod media;
=======
//! Two certificates, held against each other: what differs, and what could not be judged.
//! Pure. Undecided on either side is never equal.

mod tables;

use crate::model::fingerprint::{Certificate, DatabaseFingerprint};
use crate::model::record::Integrity;

/// Compares two certificates, `before` being the baseline.
///
/// Nothing compared is not equality: whoever calls judges `tables_compared` and its kin
/// against what had to be compared.
#[must_use]
pub fn certificates(before: &Certificate, after: &Certificate) -> Integrity {
    let mut integrity = Integrity::default();
    match (&before.database, &after.database) {
        (Some(before), Some(after)) => databases(before, after, &mut integrity),
        (None, None) => {}
        (Some(_), None) => one_sided(&mut integrity, "a database", "first"),
        (None, Some(_)) => one_sided(&mut integrity, "a database", "second"),
    }
    integrity
}

fn databases(before: &DatabaseFingerprint, after: &DatabaseFingerprint, integrity: &mut Integrity) {
    tables::compare(before, after, integrity);
}

fn one_sided(integrity: &mut Integrity, what: &str, which: &str) {
    integrity.undecided.push(format!("only the {which} certificate covers {what}"));
}
>>>>>>> 80a66eb ([harness] digest every row of a database under one exported snapshot)
