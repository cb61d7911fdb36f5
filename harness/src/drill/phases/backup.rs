//! The backup, and the proof that it can be read, before anything is destroyed.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use jiff::Timestamp;

use super::source::Baseline;
use super::{Flow, Rehearsal};
use crate::backup::{Artefact, Consistency, Method};
use crate::compare;
use crate::config::RestoreInto;
use crate::drill::journal::first_of;
use crate::drill::observe;
use crate::drill::origin::{self, Origin};
use crate::error::{Error, Result};
use crate::fingerprint::catalogue;
use crate::fingerprint::database::Snapshot;
use crate::model::artefact::{PartKind, RecoveryPoint};
use crate::model::check::{Outcome, id};
use crate::model::fingerprint::Certificate;
use crate::model::phase::Phase;
use crate::stack::database::blocking;

impl Rehearsal<'_> {
    /// Begins the artefact, with what the method takes under load.
    pub(super) async fn begin_backup(&mut self) -> Result<Flow<Artefact>> {
        let method = &self.drill.request.method;
        // Replaced by the baseline's, once there is one.
        let point = RecoveryPoint { instant: Timestamp::now(), lsn: String::new() };
        let artefact = Artefact::create(&self.artefact_dir(), method.name(), point)?;
        if method.takes_under_load() {
            self.journal.enter(Phase::Backup);
            if let Err(cause) = method.begin(&self.sandbox.site(), &artefact).await {
                self.journal.completed(id::BACKUP, "", Err(cause))?;
                return Ok(Break(()));
            }
        }
        Ok(Continue(artefact))
    }

    /// Completes the artefact, under the baseline's snapshot where the method can.
    pub(super) async fn back_up(
        &mut self,
        mut artefact: Artefact,
        snapshot: Option<Snapshot>,
        baseline: &mut Baseline,
    ) -> Result<Flow> {
        self.journal.enter(Phase::Backup);
        let method = &self.drill.request.method;
        let point = snapshot.as_ref().map(|snapshot| snapshot.recovery_point().clone());
        let snapshot = self.freeze(snapshot, baseline).await?;
        let stopped = || RecoveryPoint { instant: Timestamp::now(), lsn: String::new() };
        artefact.manifest.recovery_point = point.unwrap_or_else(stopped);
        let id = snapshot.as_ref().map_or("", Snapshot::id);
        let taken = method.take(&self.sandbox.site(), &mut artefact, id).await;
        observe::close(snapshot).await?;
        self.thaw().await?;
        let seen = "its commands ended without a complaint";
        if !self.journal.completed(id::BACKUP, seen, taken)? {
            return Ok(Break(()));
        }
        // What was stopped before it was archived had its sequences read before.
        if self.sandbox.database.is_some() && !matches!(method, Method::Cold) {
            let connection = self.sandbox.connection().await?;
            let physical = method.into() == RestoreInto::Volumes;
            let last = blocking(move || {
                let replayed = catalogue::replayed_sequences;
                if physical { replayed(&connection) } else { catalogue::sequences(&connection) }
            });
            baseline.origin.sequences = self.waiting(last).await?;
        }
        self.look_outside().await?;
        self.folder.write_json("evidence/origin.json", &baseline.origin)?;
        let artefact = self.seal(artefact, baseline).await?;
        self.folder.write_json("evidence/manifest.json", &artefact.manifest)?;
        self.found.manifest = Some(artefact.manifest);
        Ok(Continue(()))
    }

    /// Seals the artefact with what it can be judged by, and what it takes to name rows where it is
    /// kept.
    pub(super) async fn seal(
        &self,
        mut artefact: Artefact,
        baseline: &Baseline,
    ) -> Result<Artefact> {
        let secrets = self.sandbox.secrets.clone();
        let data = self.drill.origin();
        let origin = Origin { data, secrets, ..baseline.origin.clone() };
        let certificate = baseline.certificate.clone();
        let rows = self.drill.request.artefact.is_some().then(|| self.folder.rows("baseline"));
        let begun = Instant::now();
        let artefact = blocking(move || {
            origin::attach(&mut artefact, &certificate, rows.as_deref(), &origin)?;
            artefact.seal().map(|()| artefact)
        });
        let artefact = artefact.await?;
        if let Some(lists) = artefact.manifest.part(PartKind::Rows) {
            let (size, seconds) = (lists.size, begun.elapsed().as_secs_f64());
            let note = format!("lists of rows: {size} bytes, packed in {seconds:.2} s");
            self.journal.events.note(note);
        }
        Ok(artefact)
    }

    /// Ends the quiet that a method without a shared snapshot needs, once it is proved: the
    /// stores are as the baseline says. Otherwise nobody knows which state was backed up.
    pub(super) async fn end_quiet(&mut self, baseline: &Certificate) -> Result<()> {
        let method = &self.drill.request.method;
        // Nothing ran on what was archived as files.
        if method.consistency() == Consistency::Snapshot || matches!(method, Method::Cold) {
            return Ok(());
        }
        let connection = self.sandbox.connection().await?;
        let snapshot = self.waiting(blocking(move || Snapshot::open(&connection))).await?;
        let after = self.observe(Some(snapshot)).await?;
        observe::close(after.snapshot).await?;
        let moved = compare::certificates(baseline, &after.certificate);
        let differs = moved.divergences.iter().map(|it| format!("{}: {}", it.subject, it.detail));
        if let Some(first) = differs.chain(moved.undecided.iter().cloned()).next() {
            let method = self.drill.request.method.name();
            return Err(Error::undecided("the stores changed while they were backed up")
                .because(first)
                .hint(format!("method {method} takes a snapshot of its own: stop what writes")));
        }
        if let Some(writer) = &mut self.writer {
            writer.resume();
        }
        Ok(())
    }

    /// Reads the artefact back in full. Nothing is destroyed unless it holds everything.
    pub(super) async fn check_artefact(
        &mut self,
        artefact: &Artefact,
        baseline: &Certificate,
    ) -> Result<Flow> {
        let (method, site) = (&self.drill.request.method, self.sandbox.site());
        let read = artefact.clone();
        let (mut damage, examined) = tokio::try_join!(
            blocking(move || read.damage()),
            method.examine(&site, artefact, baseline)
        )?;
        damage.extend(examined.damage);
        let (bytes, parts) = (artefact.manifest.size(), artefact.manifest.parts.len());
        let seen = format!("{parts} parts, {bytes} bytes");
        let mut intact = self.journal.judge(id::ARTEFACT_INTACT, seen, &damage);
        for reading in examined.readings {
            intact &= match reading.open.first() {
                Some(_) if reading.wrong.is_empty() => {
                    let open = first_of(&reading.open);
                    self.journal.report(reading.check, Outcome::Undecided, open);
                    false
                }
                _ => self.journal.judge(reading.check, reading.seen, &reading.wrong),
            };
        }
        intact &= self.check_cover(artefact);
        Ok(if intact { Continue(()) } else { Break(()) })
    }
}
