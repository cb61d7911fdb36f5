//! The last moment before a mistake. Where the server goes on and the method can still collect
//! its log, that moment is demanded back, and not that of the backup.

use postgres::Client;

use super::Rehearsal;
use super::source::Baseline;
use crate::backup::Artefact;
use crate::drill::observe;
use crate::error::{Attempt, Result};
use crate::fingerprint::catalogue;
use crate::stack::database::{ask, blocking};

impl Rehearsal<'_> {
    /// Whether this drill goes back to just before its disaster.
    pub(super) fn goes_back_to_mistake(&self) -> bool {
        self.drill.request.disaster.spares_server() && self.drill.request.method.salvages()
    }

    /// Takes the baseline anew, right before the mistake, and has the writer go on.
    pub(super) async fn approach(
        &mut self,
        mut artefact: Artefact,
        baseline: Baseline,
    ) -> Result<(Artefact, Baseline)> {
        if !self.goes_back_to_mistake() {
            return Ok((artefact, baseline));
        }
        let (mut later, snapshot) = self.baseline(baseline.red).await?;
        let point = snapshot.as_ref().map(|snapshot| snapshot.recovery_point().clone());
        observe::close(snapshot).await?;
        let connection = self.sandbox.connection().await?;
        let server = connection.clone();
        let replayed = blocking(move || catalogue::replayed_sequences(&connection));
        later.origin.sequences = replayed.await?;
        ask(server, commit).await?;
        if let Some(point) = point {
            artefact.manifest.target = Some(point.instant.to_string());
            artefact.manifest.recovery_point = point;
        }
        self.found.manifest = Some(artefact.manifest.clone());
        if let Some(writer) = &mut self.writer {
            writer.resume();
        }
        Ok((artefact, later))
    }

    /// Has the method collect what was written until the mistake.
    pub(super) async fn salvage(
        &mut self,
        artefact: &mut Artefact,
        baseline: &Baseline,
    ) -> Result<()> {
        artefact.unseal()?;
        self.drill.request.method.salvage(&self.sandbox.site(), artefact).await?;
        *artefact = self.seal(artefact.clone(), baseline).await?;
        self.folder.write_json("evidence/manifest.json", &artefact.manifest)?;
        self.found.manifest = Some(artefact.manifest.clone());
        Ok(())
    }
}

/// Commits nothing. Recovery to a time ends at the first commit after it, and the files of a dropped
/// database go before its drop is committed: where nobody wrote in between, they would go again.
fn commit(client: &mut Client) -> Result<()> {
    let committed = client.execute("select pg_current_xact_id()", &[]);
    committed.attempt(|| "cannot commit after the last moment before the mistake").map(drop)
}
