//! The backup, and the proof that it can be read, before anything is destroyed.

use std::ops::ControlFlow::{Break, Continue};
use std::path::PathBuf;

use super::source::Baseline;
use super::{Flow, Rehearsal, close};
use crate::backup::{Artefact, media, pg_dump};
use crate::drill::judgements;
use crate::drill::sandbox::Sandbox;
use crate::error::Result;
use crate::fingerprint::catalogue;
use crate::fingerprint::database::Snapshot;
use crate::model::artefact::PartKind;
use crate::model::fingerprint::{Certificate, MediaKind};
use crate::model::phase::Phase;
use crate::plan::check;
use crate::stack::database::blocking;

impl Rehearsal<'_> {
    /// Takes the artefact under the baseline's snapshot.
    pub(super) async fn back_up(
        &mut self,
        snapshot: Snapshot,
        baseline: &mut Baseline,
    ) -> Result<PathBuf> {
        self.journal.enter(Phase::Backup);
        let Sandbox { stack, database, media: volume, .. } = self.sandbox;
        let dir = self.folder.artefact();
        let point = snapshot.recovery_point().clone();
        let mut artefact = Artefact::create(&dir, pg_dump::NAME, point)?;
        let rows = async {
            let parts = pg_dump::take(stack, database, snapshot.id(), &artefact).await?;
            let connection = database.connection(stack).await?;
            let sequences = blocking(move || catalogue::sequences(&connection)).await?;
            Ok((parts, sequences))
        };
        let files = async {
            let Some(volume) = volume else { return Ok(None) };
            media::take(stack, volume, &artefact).await.map(Some)
        };
        let ((parts, sequences), files) = tokio::try_join!(rows, files)?;
        artefact.manifest.parts.extend(parts.into_iter().chain(files));
        self.folder.write_json("evidence/sequences.json", &sequences)?;
        baseline.sequences = sequences;
        artefact.manifest.tools = pg_dump::tools(stack, database).await?;
        artefact.seal()?;
        close(snapshot).await?;
        self.folder.write_json("evidence/manifest.json", &artefact.manifest)?;
        self.found.manifest = Some(artefact.manifest);
        Ok(dir)
    }

    /// Reads the artefact back in full. Nothing is destroyed unless it holds everything.
    pub(super) async fn check_artefact(
        &mut self,
        artefact: &Artefact,
        baseline: &Certificate,
    ) -> Result<Flow> {
        self.journal.enter(Phase::ArtefactCheck);
        let Sandbox { stack, database, .. } = self.sandbox;
        let read = artefact.clone();
        let mut damage = blocking(move || read.damage()).await?;
        let dump = artefact.part(PartKind::Database)?;
        let dump = pg_dump::examine(stack, database, artefact, dump).await?;
        damage.extend(dump.damage.clone());
        let mut intact = true;
        if let Some(expected) = &baseline.media {
            let (read, part) = (artefact.clone(), artefact.part(PartKind::Media)?.clone());
            match blocking(move || media::examine(&read, &part)).await {
                Err(cause) => damage.push(cause.chain()),
                Ok(archive) => {
                    let files = expected.entries.values();
                    let files = files.filter(|entry| matches!(entry.kind, MediaKind::File { .. }));
                    let (found, expected) = (archive.files, files.count() as u64);
                    let mut wrong = archive.violations;
                    if found != expected {
                        wrong
                            .push(format!("{found} files in the archive, {expected} in the store"));
                    }
                    let seen = format!("{found} files, {} bytes", archive.bytes);
                    intact &= self.journal.judge(check::ARTEFACT_MEDIA, seen, &wrong);
                }
            }
        }
        let (size, parts) = (artefact.manifest.size(), artefact.manifest.parts.len());
        let seen = format!("{parts} parts, {size} bytes");
        intact &= self.journal.judge(check::ARTEFACT_INTACT, seen, &damage);
        let (seen, wrong) = judgements::rows_in_dump(&dump, baseline);
        intact &= self.journal.judge(check::ARTEFACT_ROWS, seen, &wrong);
        Ok(if intact { Continue(()) } else { Break(()) })
    }
}
