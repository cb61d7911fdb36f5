//! Materialised views: a restore refreshes them, so that one that was stale comes back with others.

use super::rows;
use crate::model::divergence::{Divergence, Severity};
use crate::model::fingerprint::{DatabaseFingerprint, Definition};

/// Materialised views whose rows differ, so that it matters what their definitions yield on the
/// restored data, and of which `after` does not say it yet.
#[must_use]
pub fn views_in_doubt(before: &DatabaseFingerprint, after: &DatabaseFingerprint) -> Vec<String> {
    let differs = |name: &String| {
        let rows = before.tables.get(name).zip(after.tables.get(name));
        rows.is_some_and(|(was, is)| was.rows != is.rows)
    };
    let views = before.facts.keys().filter_map(|key| key.strip_prefix("matview/"));
    let views = views.map(str::to_owned).filter(differs);
    let open = |view: &String| match after.definitions.get(view) {
        None | Some(Definition::Undecided { .. }) => true,
        Some(Definition::Same | Definition::Other { .. } | Definition::Unsettled { .. }) => false,
    };
    views.filter(open).collect()
}

/// A materialised view, with what is known of its definition on the restored data.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(Option<&'a Definition>);

impl<'a> View<'a> {
    pub(super) fn of(
        name: &str,
        before: &DatabaseFingerprint,
        after: &'a DatabaseFingerprint,
    ) -> Option<Self> {
        let is_view = before.facts.contains_key(&format!("matview/{name}"));
        is_view.then(|| Self(after.definitions.get(name)))
    }

    /// What it means that its rows are others: the view may have been stale, and the restore have
    /// refreshed it. Or why that cannot be told.
    pub(super) fn judge(self, found: Divergence) -> Result<Divergence, String> {
        let same_count = found.rows.as_ref().is_some_and(|it| it.missing == it.extra);
        let others = if same_count { "other content" } else { &found.detail };
        let refreshed = format!("refreshed by the restore, {others}");
        let refreshed = Divergence { detail: refreshed, ..found.clone() };
        let open = |why: &str| {
            Err(format!("{}: {}; whether by a refresh: {why}", found.subject, found.detail))
        };
        match self.0 {
            Some(Definition::Same) => Ok(refreshed.weighed(
                Severity::Note,
                "it was stale: now it has what its definition yields on the restored data",
            )),
            Some(Definition::Unsettled { reason }) => {
                Ok(refreshed.weighed(Severity::Warned, reason.as_str()))
            }
            Some(Definition::Other { count }) => {
                let yields = rows(*count);
                let detail = format!("{}; its definition yields {yields}, others", found.detail);
                let wrong = Divergence { detail, ..found };
                Ok(wrong.weighed(Severity::Fatal, "it was not refreshed, or wrongly"))
            }
            Some(Definition::Undecided { reason }) => open(reason),
            None => open("its definition was not evaluated"),
        }
    }
}
