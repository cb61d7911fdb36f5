//! Judges an artefact that was taken earlier: restores it into a fresh copy of the stack, and
//! holds what came back against the certificate that travelled with it.

use std::ops::ControlFlow::Continue;
use std::path::Path;
use std::time::Instant;

use super::Rehearsal;
use super::source::Baseline;
use crate::backup::Artefact;
use crate::drill::origin;
use crate::drill::sabotage::Moment;
use crate::error::Result;
use crate::model::check::id;
use crate::model::phase::Phase;
use crate::stack::database::blocking;

impl Rehearsal<'_> {
    /// Runs the phases that follow a disaster. The artefact itself is only read.
    pub(super) async fn verify(&mut self, dir: &Path) -> Result<()> {
        self.journal.enter(Phase::ArtefactCheck);
        let (from, to) = (Artefact::open(dir)?, self.folder.artefact());
        let mut artefact = blocking(move || from.copy(&to)).await?;
        self.found.manifest = Some(artefact.manifest.clone());
        // Before a word of it is believed.
        let read = artefact.clone();
        let damage = blocking(move || read.damage()).await?;
        if !damage.is_empty() {
            self.journal.judge(id::ARTEFACT_INTACT, "", &damage);
            return Ok(());
        }
        origin::unpack_rows(&artefact, &self.folder.rows("baseline"))?;
        let baseline = Baseline {
            certificate: origin::certificate(&artefact)?,
            origin: origin::origin(&artefact)?,
            red: Vec::new(),
        };
        self.found.images = self.sandbox.stack.images().await?;
        // Reading a dump takes the tools of the database's own image.
        if let Some(database) = &self.sandbox.database {
            let (stack, limit) = (&self.sandbox.stack, self.ready_limit());
            if let Some(unready) = stack.up(&[&database.service], limit).await? {
                return Err(unready.into_error());
            }
            self.waiting(database.wait_until_reachable(stack, limit)).await?;
        }
        if self.check_artefact(&artefact, &baseline.certificate).await?.is_break() {
            return Ok(());
        }
        let begun = Instant::now();
        let Continue(restored) = self.restore(&mut artefact, &baseline).await? else {
            return Ok(());
        };
        self.recover(begun, &baseline).await?;
        self.strike(Moment::ServiceGreen).await?;
        let compared = self.compare(&baseline, restored).await;
        let probed = self.probe(&baseline).await;
        compared.and(probed)
    }
}
