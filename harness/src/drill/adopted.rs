//! An artefact of what somebody else's backup became when it was restored: by it, a drill brings the
//! same data into a copy of the stack that uses it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::origin::{self, Origin};
use crate::backup::{Artefact, pg_dump};
use crate::config::{Holds, Invariant};
use crate::error::Result;
use crate::model;
use crate::model::artefact::RecoveryPoint;
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::Certificate;
use crate::model::invariant::Reading;
use crate::model::reference::ReferenceColumn;

/// Whether a difference is about roles: those of the backup were what they might be while somebody
/// else's backup was restored, and are what they may be in the stack.
pub(super) fn is_about_roles(found: &Divergence) -> bool {
    let subject = found.subject.as_str();
    found.kind == DivergenceKind::Catalogue
        && (subject.starts_with("role ") || subject.starts_with("cluster"))
}

/// Begins one in a new folder. Its parts are for the caller to write.
pub(crate) fn begin(folder: &Path, taken_at: Timestamp) -> Result<Artefact> {
    let point = RecoveryPoint { instant: taken_at, lsn: "0/0".to_owned() };
    Artefact::create(folder, pg_dump::NAME, point)
}

/// Completes it with what was restored, by which it will be judged.
pub(crate) fn seal(
    mut artefact: Artefact,
    certificate: &Certificate,
    sequences: BTreeMap<String, String>,
    references: Vec<ReferenceColumn>,
    invariants: &[Invariant],
) -> Result<()> {
    // What must be true of the source is held as if it had been.
    let none = Reading::Rows { count: 0, digest: String::new() };
    let invariants = invariants.iter().filter(|it| it.holds == Holds::NoRows);
    let origin = Origin {
        data: model::origin::Origin::Artefact,
        sequences,
        references,
        invariants: invariants.map(|it| (it.id.clone(), none.clone())).collect(),
        ..Origin::default()
    };
    origin::attach(&mut artefact, certificate, None, &origin)?;
    artefact.seal()
}
