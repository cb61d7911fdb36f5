//! From what was compared to the outcome of each check. Pure. Comparing nothing proves nothing.

use std::borrow::Cow;

use super::journal::first_of;
use crate::error::Result;
use crate::fingerprint::catalogue::IndexCheck;
use crate::fingerprint::references::References;
use crate::model::check::{Check, Outcome, id};
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::record::Integrity;

/// The outcome of one check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) id: Cow<'static, str>,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
}

/// Judges what was compared: one outcome for each family.
pub(super) fn integrity(integrity: &Integrity, with_media: bool) -> Vec<Judged> {
    use DivergenceKind as Kind;
    let Integrity { tables_compared, rows_compared, facts_compared, .. } = integrity;
    let rows = format!("{rows_compared} rows in {tables_compared} tables");
    let facts = format!("{facts_compared} facts");
    let mut judged = vec![
        family(integrity, id::DATABASE, &[Kind::Table, Kind::LargeObject], *tables_compared, &rows),
        family(
            integrity,
            id::CATALOGUE,
            &[Kind::Catalogue, Kind::Sequence, Kind::Index],
            *facts_compared,
            &facts,
        ),
    ];
    if with_media {
        let Integrity { files_compared, bytes_compared, .. } = integrity;
        let files = format!("{files_compared} files, {bytes_compared} bytes");
        judged.push(family(integrity, id::MEDIA, &[Kind::File], *files_compared, &files));
    }
    judged
}

fn family(
    integrity: &Integrity,
    id: &'static str,
    kinds: &[DivergenceKind],
    compared: u64,
    seen: &str,
) -> Judged {
    let different = integrity.divergences.iter().filter(|found| kinds.contains(&found.kind));
    let different = different.map(named).collect::<Vec<_>>();
    let (outcome, detail) = match (different.as_slice(), integrity.undecided.first()) {
        ([], Some(cause)) => (Outcome::Undecided, format!("{cause}; compared {seen}")),
        ([], None) if compared == 0 => (Outcome::Undecided, "nothing was compared".to_owned()),
        ([], None) => (Outcome::Passed, format!("{seen}: equal")),
        (different, _) => (Outcome::Failed, first_of(different)),
    };
    Judged { id: id.into(), outcome, detail }
}

/// Judges what came of resolving references.
pub(super) fn references(found: &References) -> Judged {
    let References { checked, hashes_checked, orphans, .. } = found;
    let different = found.divergences.iter().map(named).collect::<Vec<_>>();
    let (outcome, detail) = match (different.as_slice(), found.undecided.first()) {
        ([], Some(cause)) => (Outcome::Undecided, cause.clone()),
        ([], None) if *checked == 0 => (Outcome::Undecided, "no row names a file".to_owned()),
        ([], None) => {
            let seen = format!("{checked} references resolve, {hashes_checked} with their hash");
            (Outcome::Passed, format!("{seen}; {orphans} orphans"))
        }
        (different, _) => (Outcome::Failed, first_of(different)),
    };
    Judged { id: id::REFERENCES.into(), outcome, detail }
}

/// The checks of a round that refute something or leave it open.
pub(super) fn red(mut checks: Vec<Check>) -> Vec<Check> {
    checks.retain(|check| matches!(check.outcome, Outcome::Failed | Outcome::Undecided));
    checks
}

/// A probe that was red on the source says nothing about the restore, whatever it says now.
pub(super) fn after_red(mut check: Check, red: &[Check]) -> Check {
    if let Some(before) = red.iter().find(|before| before.id == check.id) {
        check.outcome = Outcome::Undecided;
        check.detail = format!("it was already red before the backup: {}", before.detail);
    }
    check
}

/// Judges what came of holding the indexes against their tables.
pub(super) fn indexes(checked: Result<IndexCheck>, integrity: &mut Integrity) -> Judged {
    let id = Cow::Borrowed(id::INDEXES);
    let checked = match checked {
        Ok(checked) => checked,
        Err(cause) => return Judged { id, outcome: Outcome::Undecided, detail: cause.chain() },
    };
    let damaged = checked.damaged.iter().map(named).collect::<Vec<_>>();
    let (outcome, detail) = match (damaged.as_slice(), checked.undecided.first()) {
        ([], Some(cause)) => (Outcome::Undecided, cause.clone()),
        ([], None) if checked.sound == 0 => (Outcome::Undecided, "no index was checked".to_owned()),
        ([], None) => (Outcome::Passed, format!("{} indexes are sound", checked.sound)),
        (damaged, _) => (Outcome::Failed, first_of(damaged)),
    };
    integrity.divergences.extend(checked.damaged);
    integrity.undecided.extend(checked.undecided);
    Judged { id, outcome, detail }
}

/// A divergence in one line.
fn named(divergence: &Divergence) -> String {
    format!("{}: {}", divergence.subject, divergence.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divergence(kind: DivergenceKind) -> Divergence {
        Divergence {
            kind,
            subject: "public.t".to_owned(),
            detail: "1 row changed".to_owned(),
            rows: None,
            columns: Vec::new(),
            class: None,
        }
    }

    #[test]
    fn comparing_nothing_is_undecided() {
        let judged = integrity(&Integrity::default(), true);
        assert_eq!(judged.len(), 3);
        assert!(judged.iter().all(|judged| judged.outcome == Outcome::Undecided));
    }

    #[test]
    fn a_divergence_fails_its_own_family_alone() {
        let compared = Integrity {
            tables_compared: 1,
            facts_compared: 1,
            divergences: vec![divergence(DivergenceKind::Table)],
            ..Integrity::default()
        };
        let judged = integrity(&compared, false);
        assert_eq!(judged[0].outcome, Outcome::Failed);
        assert_eq!(judged[0].detail, "public.t: 1 row changed");
        assert_eq!(judged[1].outcome, Outcome::Passed);
    }

    #[test]
    fn what_could_not_be_compared_is_never_passed() {
        let compared = Integrity {
            tables_compared: 9,
            facts_compared: 9,
            undecided: vec!["public.t: permission denied".to_owned()],
            ..Integrity::default()
        };
        let judged = integrity(&compared, false);
        assert!(judged.iter().all(|judged| judged.outcome == Outcome::Undecided));
    }

    #[test]
    fn a_probe_that_was_red_before_the_backup_proves_nothing_after_it() {
        let check = |id: &str, outcome, detail: &str| Check {
            id: id.to_owned(),
            requirement: "FR-5".to_owned(),
            outcome,
            detail: detail.to_owned(),
        };
        let red = [check("probe.a", Outcome::Failed, "status 500")];
        let judged = after_red(check("probe.a", Outcome::Passed, "200"), &red);
        assert_eq!(judged.outcome, Outcome::Undecided);
        assert_eq!(judged.detail, "it was already red before the backup: status 500");
        let green = check("probe.b", Outcome::Passed, "200");
        assert_eq!(after_red(green.clone(), &red), green);
    }
}
