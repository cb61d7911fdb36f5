//! Two certificates, held against each other: what differs, and what could not be judged.
//! Pure. Undecided on either side is never equal.

mod damage;
pub mod facts;
pub mod media;
pub mod rows;
mod tables;

use jiff::Timestamp;

use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{Certificate, DatabaseFingerprint, MediaFingerprint};
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
    match (&before.media, &after.media) {
        (Some(kept), Some(restored)) => {
            let recovery_point = before.database.as_ref().map(|kept| kept.recovery_point.instant);
            stores(kept, restored, recovery_point, &mut integrity);
        }
        (None, None) => {}
        (Some(_), None) => one_sided(&mut integrity, "media", "first"),
        (None, Some(_)) => one_sided(&mut integrity, "media", "second"),
    }
    integrity
}

fn databases(before: &DatabaseFingerprint, after: &DatabaseFingerprint, integrity: &mut Integrity) {
    tables::compare(before, after, integrity);
    integrity.facts_compared += before.facts.len() as u64;
    let differing =
        facts::compare(&before.facts, &after.facts, before.server_version, after.server_version);
    // A table on one side only was named with its rows; its facts add nothing.
    let alone = |found: &Divergence| {
        found.kind == DivergenceKind::Table
            && before.tables.contains_key(&found.subject)
                != after.tables.contains_key(&found.subject)
    };
    integrity.divergences.extend(differing.into_iter().filter(|found| !alone(found)));
    integrity.undecided.extend(facts::undecided(&before.facts, &after.facts));
}

fn stores(
    before: &MediaFingerprint,
    after: &MediaFingerprint,
    recovery_point: Option<Timestamp>,
    integrity: &mut Integrity,
) {
    let compared = media::compare(before, after, recovery_point);
    integrity.files_compared += compared.files_compared;
    integrity.bytes_compared += compared.bytes_compared;
    integrity.divergences.extend(compared.divergences);
    integrity
        .undecided
        .extend(compared.undecided.into_iter().map(|(path, reason)| format!("{path}: {reason}")));
}

fn one_sided(integrity: &mut Integrity, what: &str, which: &str) {
    integrity.undecided.push(format!("only the {which} certificate covers {what}"));
}
