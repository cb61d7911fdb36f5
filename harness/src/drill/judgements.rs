//! From what was compared to the outcome of each check. Pure. Comparing nothing proves nothing.

use std::borrow::Cow;

use super::journal::first_of;
use crate::compare::Accepting;
use crate::error::Result;
use crate::fingerprint::catalogue::IndexCheck;
use crate::fingerprint::references::References;
use crate::model::check::{Check, Outcome, id};
use crate::model::divergence::{Divergence, DivergenceKind, Severity};
use crate::model::fingerprint::Certificate;
use crate::model::record::Integrity;

/// The outcome of one check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) id: Cow<'static, str>,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
}

/// What there was to compare.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "kinds of stores, each on its own")]
pub(super) struct Covered {
    database: bool,
    media: bool,
    volumes: bool,
    sqlite: bool,
}

impl Covered {
    pub(super) fn of(certificate: &Certificate) -> Self {
        Self {
            database: certificate.database.is_some(),
            media: certificate.media.is_some(),
            volumes: !certificate.volumes.is_empty(),
            sqlite: !certificate.sqlite.is_empty(),
        }
    }
}

/// Judges what was compared: one outcome for each family.
pub(super) fn integrity(integrity: &Integrity, covered: Covered) -> Vec<Judged> {
    use DivergenceKind as Kind;
    let Integrity { tables_compared, rows_compared, facts_compared, .. } = integrity;
    let rows = format!("{rows_compared} rows in {tables_compared} tables");
    let facts = format!("{facts_compared} facts");
    let mut judged = Vec::new();
    if covered.database {
        let data = [Kind::Table, Kind::LargeObject];
        judged.push(family(integrity, id::DATABASE, &data, *tables_compared, &rows));
        let structure = [Kind::Catalogue, Kind::Sequence, Kind::Index];
        judged.push(family(integrity, id::CATALOGUE, &structure, *facts_compared, &facts));
    }
    let Integrity { volumes_compared, files_compared, bytes_compared, .. } = integrity;
    let files = format!("{files_compared} files, {bytes_compared} bytes");
    if covered.media {
        judged.push(family(integrity, id::MEDIA, &[Kind::File], *files_compared, &files));
    }
    if covered.volumes {
        let word = if *volumes_compared == 1 { "volume" } else { "volumes" };
        let seen = format!("{volumes_compared} {word}, {files}");
        judged.push(family(integrity, id::VOLUMES, &[Kind::Volume], *files_compared, &seen));
    }
    if covered.sqlite {
        let files = integrity.sqlite_compared;
        let seen =
            format!("{files} databases of SQLite, {tables_compared} tables, {rows_compared} rows");
        judged.push(family(integrity, id::SQLITE, &[Kind::Sqlite], files, &seen));
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
    let found = integrity.divergences.iter().filter(|found| kinds.contains(&found.kind));
    let told = Told::of(found);
    let (outcome, detail) = match integrity.undecided.first() {
        _ if told.refutes() => (Outcome::Failed, first_of(&told.fatal)),
        Some(cause) => (Outcome::Undecided, format!("{cause}; compared {seen}")),
        None if compared == 0 => (Outcome::Undecided, "nothing was compared".to_owned()),
        None => told.short_of_fatal(seen, ": equal"),
    };
    Judged { id: id.into(), outcome, detail }
}

/// Divergences in words, by what they mean.
struct Told {
    fatal: Vec<String>,
    warned: Vec<String>,
    noted: Vec<String>,
}

impl Told {
    fn of<'a>(found: impl Iterator<Item = &'a Divergence>) -> Self {
        let mut told = Self { fatal: Vec::new(), warned: Vec::new(), noted: Vec::new() };
        for divergence in found {
            let lines = match divergence.severity {
                Severity::Fatal => &mut told.fatal,
                Severity::Warned => &mut told.warned,
                Severity::Note => &mut told.noted,
            };
            lines.push(divergence.line());
        }
        told
    }

    fn refutes(&self) -> bool {
        !self.fatal.is_empty()
    }

    /// Passed, unless something is warned of: then what was seen is said with it.
    fn short_of_fatal(&self, seen: &str, passed: &str) -> (Outcome, String) {
        match (self.warned.as_slice(), self.noted.as_slice()) {
            ([_, ..], _) => (Outcome::Warned, format!("{seen}: {}", first_of(&self.warned))),
            ([], [_, ..]) => {
                (Outcome::Passed, format!("{seen}{passed}; {}", first_of(&self.noted)))
            }
            ([], []) => (Outcome::Passed, format!("{seen}{passed}")),
        }
    }
}

/// Judges what came of resolving references.
pub(super) fn references(found: &References) -> Judged {
    let References { checked, hashes_checked, orphans, .. } = found;
    let told = Told::of(found.divergences.iter());
    let (outcome, detail) = match found.undecided.first() {
        _ if told.refutes() => (Outcome::Failed, first_of(&told.fatal)),
        Some(cause) => (Outcome::Undecided, cause.clone()),
        None if *checked == 0 => (Outcome::Undecided, "no row names a file".to_owned()),
        None => {
            let sound = checked - found.dangling - found.mismatched;
            let seen = format!("{sound} references resolve, {hashes_checked} with their hash");
            told.short_of_fatal(&seen, &format!("; {orphans} orphans"))
        }
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

/// Judges the operator's acceptances: one that is about nothing, or past its date, is warned of.
pub(super) fn accepted(accepting: &Accepting<'_>) -> Judged {
    let said = accepting.said();
    let (outcome, detail) = match said.as_slice() {
        [] => (Outcome::Passed, "each is about a divergence".to_owned()),
        said => (Outcome::Warned, first_of(said)),
    };
    Judged { id: id::ACCEPTED.into(), outcome, detail }
}

/// Judges what came of holding the indexes against their tables.
pub(super) fn indexes(
    checked: Result<IndexCheck>,
    accepting: &mut Accepting<'_>,
    integrity: &mut Integrity,
) -> Judged {
    let id = Cow::Borrowed(id::INDEXES);
    let mut checked = match checked {
        Ok(checked) => checked,
        Err(cause) => return Judged { id, outcome: Outcome::Undecided, detail: cause.chain() },
    };
    accepting.apply(&mut checked.damaged);
    let told = Told::of(checked.damaged.iter());
    let (outcome, detail) = match checked.undecided.first() {
        _ if told.refutes() => (Outcome::Failed, first_of(&told.fatal)),
        Some(cause) => (Outcome::Undecided, cause.clone()),
        None if checked.sound == 0 => (Outcome::Undecided, "no index was checked".to_owned()),
        None => told.short_of_fatal(&format!("{} indexes", checked.sound), " are sound"),
    };
    integrity.divergences.extend(checked.damaged);
    integrity.undecided.extend(checked.undecided);
    Judged { id, outcome, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: Covered =
        Covered { database: true, media: false, volumes: false, sqlite: false };

    fn divergence(kind: DivergenceKind) -> Divergence {
        Divergence::new(kind, "public.t", "1 row changed")
    }

    #[test]
    fn comparing_nothing_is_undecided() {
        let judged = integrity(&Integrity::default(), Covered { media: true, ..DATABASE });
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
        let judged = integrity(&compared, DATABASE);
        assert_eq!(judged[0].outcome, Outcome::Failed);
        assert_eq!(judged[0].detail, "public.t: 1 row changed");
        assert_eq!(judged[1].outcome, Outcome::Passed);
    }

    #[test]
    fn what_is_warned_of_does_not_fail_and_does_not_pass_in_silence() {
        let found = |severity| Integrity {
            tables_compared: 1,
            facts_compared: 1,
            divergences: vec![divergence(DivergenceKind::Table).weighed(severity, "why")],
            ..Integrity::default()
        };
        let judged = |severity| integrity(&found(severity), DATABASE).swap_remove(0);
        let warned = judged(Severity::Warned);
        assert_eq!(warned.outcome, Outcome::Warned);
        assert!(warned.detail.ends_with("public.t: 1 row changed (why)"), "{warned:?}");
        let noted = judged(Severity::Note);
        assert_eq!(noted.outcome, Outcome::Passed);
        assert!(noted.detail.ends_with("equal; public.t: 1 row changed (why)"), "{noted:?}");
        let open = Integrity { undecided: vec!["x".to_owned()], ..found(Severity::Warned) };
        assert_eq!(integrity(&open, DATABASE)[0].outcome, Outcome::Undecided);
    }

    #[test]
    fn what_could_not_be_compared_is_never_passed() {
        let compared = Integrity {
            tables_compared: 9,
            facts_compared: 9,
            undecided: vec!["public.t: permission denied".to_owned()],
            ..Integrity::default()
        };
        let judged = integrity(&compared, DATABASE);
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
