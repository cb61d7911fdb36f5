//! An artefact of what somebody else's backup became when it was restored: by it, a drill brings the
//! same data into a copy of the stack that uses it.

use std::path::Path;

use jiff::Timestamp;

use super::origin::{self, Origin};
use crate::backup::{Artefact, pg_dump};
use crate::error::Result;
use crate::model;
use crate::model::artefact::RecoveryPoint;
use crate::model::fingerprint::Certificate;

/// Begins one in a new folder. Its parts are for the caller to write.
pub(crate) fn begin(folder: &Path, taken_at: Timestamp) -> Result<Artefact> {
    let point = RecoveryPoint { instant: taken_at, lsn: "0/0".to_owned() };
    Artefact::create(folder, pg_dump::NAME, point)
}

/// Completes it with what was restored, by which it will be judged.
pub(crate) fn seal(
    mut artefact: Artefact,
    certificate: &Certificate,
    sequences: std::collections::BTreeMap<String, String>,
) -> Result<()> {
    let origin = Origin { data: model::origin::Origin::Artefact, sequences, ..Origin::default() };
    origin::attach(&mut artefact, certificate, None, &origin)?;
    artefact.seal()
}
