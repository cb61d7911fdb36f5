//! Two certificates, held against each other: what differs, and what could not be judged.
//! Pure. Undecided on either side is never equal.

mod accept;
mod damage;
pub mod facts;
pub(crate) mod large_objects;
pub mod media;
pub mod rows;
pub mod sequences;
pub mod sqlite;
mod tables;

pub use self::accept::Accepting;
pub use self::tables::views_in_doubt;

use jiff::Timestamp;

use crate::model::divergence::{Divergence, DivergenceKind, Severity};
use crate::model::fingerprint::{
    Certificate, DatabaseFingerprint, MediaFingerprint, SqliteFingerprint,
};
use crate::model::record::{Integrity, Verdict};
use crate::printable::printable;

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
    volumes(before, after, &mut integrity);
    rank(&mut integrity.divergences);
    integrity
}

/// Compares each volume with itself, file by file: nothing was written to it while it was read.
fn volumes(before: &Certificate, after: &Certificate, integrity: &mut Integrity) {
    for (name, kept) in &before.volumes {
        let Some(restored) = after.volumes.get(name) else {
            one_sided(integrity, &format!("volume {name}"), "first");
            continue;
        };
        let mut compared = media::compare(kept, restored, None);
        for found in &mut compared.divergences {
            if is_later(kept, restored, &found.subject) {
                found.detail.push_str(": made after the backup, so the restore merges");
            }
            found.kind = DivergenceKind::Volume;
            found.subject = format!("{name}/{}", found.subject);
        }
        integrity.volumes_compared += 1;
        integrity.files_compared += compared.files_compared;
        integrity.bytes_compared += compared.bytes_compared;
        integrity.divergences.extend(compared.divergences);
        let open = compared.undecided.into_iter();
        integrity.undecided.extend(open.map(|(path, reason)| format!("{name}/{path}: {reason}")));
    }
    for (name, kept) in &before.sqlite {
        let none = SqliteFingerprint::default();
        let mut compared = sqlite::compare(kept, after.sqlite.get(name).unwrap_or(&none));
        for found in &mut compared.divergences {
            found.subject = format!("{name}/{}", found.subject);
        }
        integrity.sqlite_compared += compared.databases_compared;
        integrity.tables_compared += compared.tables_compared;
        integrity.rows_compared += compared.rows_compared;
        integrity.divergences.extend(compared.divergences);
        let open = compared.undecided.into_iter().map(|why| format!("{name}/{why}"));
        integrity.undecided.extend(open);
    }
    for name in after.volumes.keys().filter(|name| !before.volumes.contains_key(*name)) {
        one_sided(integrity, &format!("volume {name}"), "second");
    }
}

/// Puts what matters most first: by severity, then data before what is said of it.
pub fn rank(divergences: &mut [Divergence]) {
    divergences.sort_by_key(|found| {
        let gone = found.rows.as_ref().is_some_and(|rows| rows.missing > 0);
        (found.severity, found.kind, !gone)
    });
}

/// How many divergences of a severity there are.
#[must_use]
pub fn count(divergences: &[Divergence], severity: Severity) -> usize {
    divergences.iter().filter(|found| found.severity == severity).count()
}

/// What a comparison proves: equality only if something was compared and nothing is open. What is
/// warned of or noted does not refute it.
#[must_use]
pub fn verdict(before: &Certificate, integrity: &Integrity) -> (Verdict, Vec<String>) {
    let mut open = integrity.undecided.clone();
    if before.database.is_some() && integrity.tables_compared == 0 {
        open.push("no table was compared".to_owned());
    }
    let files = before.media.is_some() || !before.volumes.is_empty();
    if files && integrity.files_compared == 0 {
        open.push("no file was compared".to_owned());
    }
    if before.database.is_none() && !files {
        open.push("the first certificate covers nothing".to_owned());
    }
    let verdict = match (integrity.divergences.iter().any(Divergence::is_fatal), open.is_empty()) {
        (true, _) => Verdict::Failed,
        (false, false) => Verdict::Undecided,
        (false, true) => Verdict::Passed,
    };
    (verdict, open)
}

/// Whether only the restored side has an entry, and it was written after the baseline was read.
fn is_later(kept: &MediaFingerprint, restored: &MediaFingerprint, path: &str) -> bool {
    let Some(entry) = restored.entries.get(path) else { return false };
    let taken = kept.taken_at.map(Timestamp::as_second);
    !kept.entries.contains_key(path) && taken.is_some_and(|taken| entry.modified.0 >= taken)
}

fn databases(before: &DatabaseFingerprint, after: &DatabaseFingerprint, integrity: &mut Integrity) {
    tables::compare(before, after, integrity);
    large_objects::compare(before, after, integrity);
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
    let foreign = before.facts.keys().filter_map(|key| key.strip_prefix("foreign-table/"));
    integrity.not_compared.extend(foreign.map(|name| {
        format!("foreign table {}: its rows are another server's, and never read", printable(name))
    }));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::divergence::RowDifference;
    use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Strength};

    fn empty() -> Certificate {
        Certificate {
            schema_version: CERTIFICATE_SCHEMA,
            taken_at: Timestamp::UNIX_EPOCH,
            strength: Strength::Exact,
            database: None,
            media: None,
            volumes: BTreeMap::new(),
            sqlite: BTreeMap::new(),
        }
    }

    fn with_media() -> Certificate {
        Certificate { media: Some(MediaFingerprint::default()), ..empty() }
    }

    #[test]
    fn nothing_compared_is_not_equal() {
        for before in [empty(), with_media()] {
            let integrity = certificates(&before, &before);
            assert_eq!(verdict(&before, &integrity).0, Verdict::Undecided, "{before:?}");
        }
    }

    #[test]
    fn what_only_one_certificate_covers_is_undecided() {
        let integrity = certificates(&with_media(), &empty());
        assert_eq!(integrity.undecided, ["only the first certificate covers media"]);
    }

    #[test]
    fn one_difference_outweighs_what_is_open_and_equality_needs_both() {
        let compared = Integrity { files_compared: 1, ..Integrity::default() };
        assert_eq!(verdict(&with_media(), &compared).0, Verdict::Passed);
        let open = Integrity { undecided: vec!["x: unreadable".to_owned()], ..compared };
        assert_eq!(verdict(&with_media(), &open).0, Verdict::Undecided);
        let differs = Divergence::new(DivergenceKind::File, "x", "differs");
        let warned = differs.clone().weighed(Severity::Warned, "accepted");
        let differs = Integrity { divergences: vec![differs], ..open };
        assert_eq!(verdict(&with_media(), &differs).0, Verdict::Failed);
        let open = Integrity { divergences: vec![warned], ..differs };
        assert_eq!(verdict(&with_media(), &open).0, Verdict::Undecided);
        let passed = Integrity { undecided: Vec::new(), ..open };
        assert_eq!(verdict(&with_media(), &passed).0, Verdict::Passed);
    }

    #[test]
    fn what_is_gone_stands_first_and_what_is_noted_last() {
        let new = |kind, subject: &str| Divergence::new(kind, subject, "");
        let lost = Divergence {
            rows: Some(RowDifference { missing: 1, ..RowDifference::default() }),
            ..new(DivergenceKind::Table, "lost")
        };
        let mut found = vec![
            new(DivergenceKind::Table, "noted").weighed(Severity::Note, "refreshed"),
            new(DivergenceKind::Catalogue, "owner"),
            new(DivergenceKind::Catalogue, "extension").weighed(Severity::Warned, "version"),
            new(DivergenceKind::Table, "changed"),
            lost,
        ];
        rank(&mut found);
        let order: Vec<_> = found.iter().map(|found| found.subject.as_str()).collect();
        assert_eq!(order, ["lost", "changed", "owner", "extension", "noted"]);
    }
}
